"""The one place that knows every setting, and the demo that must not see those of the folder it runs in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import sage300_assets
from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import EnvSettings, LakeSettings, load, load_settings, load_vault_settings
from sage300_assets.delivery.settings import DeliverySettings
from sage300_assets.flows.writeback.settings import WritebackSettings
from sage300_assets.orchestration.all_settings import KINDS, all_names
from sage300_assets.orchestration.demo import Chapter, Stage, run_demo
from sage300_assets.systems.anaplan.settings import AnaplanSettings
from sage300_assets.systems.tableau.settings import TableauSettings


def kinds(of: type[EnvSettings]) -> Iterator[type[EnvSettings]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_kind_of_settings_is_known() -> None:
    for module in walk_packages(sage300_assets.__path__, "sage300_assets."):
        if module.name.endswith("settings") or "receiver" in module.name:
            import_module(module.name)
    declared = {kind for kind in kinds(EnvSettings) if kind.__module__.startswith("sage300_assets.")}
    assert declared == {LakeSettings, *KINDS}


def test_every_setting_is_in_the_example() -> None:
    text = Path(__file__).parents[2].joinpath(".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)) == all_names()


def test_what_the_example_shows_is_the_default_unless_it_is_called_an_example() -> None:
    text = Path(__file__).parents[2].joinpath(".env.example").read_text(encoding="utf-8")
    kinds_of = {name.upper(): kind for kind in KINDS for name in kind.model_fields}
    compared, comment, examples = 0, "", 0
    for line in text.partition("\n\n")[2].splitlines():
        setting = re.fullmatch(r"# ([A-Z][A-Z0-9_]+)=(.*)", line)
        if setting is None:
            comment = line
            continue
        if setting[1].startswith("VAULT_") or setting[1] == "LEDGER_URL":  # where these are depends on where we are
            continue
        name, value = setting[1], setting[2]
        told, usual = (getattr(load(kinds_of[name], _env_file=None, **given), name.lower()) for given in ({name.lower(): value} if value else {}, {}))
        if re.search(r"[Ee]xamples?(?::|$)", comment):
            examples += 1
        else:
            assert told == usual, line
            compared += 1
    assert compared > 50
    assert examples > 5


def test_a_demo_is_the_same_wherever_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("SAGE300_ODATA=v3\nDELIVERY_DRY_RUN=true\nANAPLAN_CLIENT_ID=ours\nLAKE_URL=ours\n", encoding="utf-8")
    Path("var").mkdir()
    Path("var/vault.json").write_text("this is opened only to fail", encoding="utf-8")
    monkeypatch.setenv("TABLEAU_CONNECTED_APP_CLIENT_ID", "ours")
    monkeypatch.setenv("WRITEBACK_AMOUNT_LIMIT", "1")
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")  # the storage of events sets it where it is not
    seen: list[object] = []

    def look(stage: Stage) -> bool:
        settings = load_settings()
        settings.require_source()
        seen.extend(
            (
                settings.sage300_odata,
                settings.lake_folder().relative_to(tmp_path).as_posix(),
                load(DeliverySettings).delivery_dry_run,
                load(AnaplanSettings).anaplan_client_id,
                load(TableauSettings).tableau_connected_app_client_id,
                load(WritebackSettings).writeback_amount_limit == 1,
                load_vault_settings().vault_file,
            )
        )
        return True

    before = dict(os.environ)
    assert run_demo([Chapter("A look at the settings", look)], days=1) == 0
    assert seen == ["v4", "var/demo/lake", False, "", "", False, None]
    assert dict(os.environ) == before
    with pytest.raises(ConfigurationError, match="vault"):
        load_settings()


def test_definitions_without_tableau_do_not_wait_for_its_library(tmp_path: Path) -> None:
    program = "import sys, sage300_assets.definitions; print('tableauserverclient' in sys.modules)"
    given = {**{name: value for name, value in os.environ.items() if name not in all_names()}, "SAGE300_COMPANIES": "SAMLTD"}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=given, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False"], done.stderr
