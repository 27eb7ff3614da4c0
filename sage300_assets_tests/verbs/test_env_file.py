"""`--env-file` holds for every setting that a verb reads, also for those of the flow that it carries out: nothing of `.env` is used then."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from sage300_assets.base.settings import LakeSettings, load
from sage300_assets.base.vault_keys import Key
from sage300_assets.cli import main
from sage300_assets.flows.anaplan.imports import anaplan_import
from sage300_assets.flows.anaplan.model import model_document
from sage300_assets.orchestration.all_settings import all_names
from sage300_assets.simulators.anaplan import Server, blueprint_from
from sage300_assets.verbs import all_verbs
from sage300_assets_tests.flows.anaplan.conftest import settings_for
from sage300_assets_tests.models.test_worlds import built

NOBODY = "http://127.0.0.1:9"
"""An address at which nothing answers."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "alerts": ("list",), "anaplan": ("login",), "approve": ("x",), "audit": ("verify",), "dead-letters": ("list",), "decode": ("ap/vendors",),
    "deliver": ("all",), "doctor": (), "drift": (), "models": ("list",), "plans": ("list",), "pull": ("ap/vendors",), "reconcile": (), "report": (),
    "serve": (), "sql": ("SELECT 1",), "sweep": ("ap/vendors",), "tableau": ("plan",), "tables": (), "tidy": (), "vault": ("check",),
}  # fmt: skip
"""What is run of each verb that reads settings; what `dev` hands on is looked at in test_cli.py."""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in all_names() & os.environ.keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(file: str, settings: Mapping[str, str]) -> None:
    Path(file).write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()), encoding="utf-8")


def test_a_delivery_goes_to_the_target_of_the_file_that_is_named(tmp_path: Path) -> None:
    document = model_document([anaplan_import("vendor_groups")])
    built(tmp_path / "trial" / "lake", "dim_vendor_group", APVendorGroups=[{"GroupCode": "A", "Description": "The first"}])
    with Server(blueprint_from(document), task_seconds=0) as trial, Server(blueprint_from(document), task_seconds=0) as real:
        write("test.env", settings_for(trial, tmp_path / "trial"))
        write(".env", settings_for(real, tmp_path / "real") | {"SAGE300_COMPANIES": "REAL", "ANAPLAN_TRIES": "1", "DELIVERY_DRY_RUN": "true"})
        code = main(["deliver", "anaplan_vendor_groups", "--env-file", "test.env"])
        assert [call.path for call in real.calls] == []
        assert (code, set(trial.tenant.model.lists["Vendor Groups"].members)) == (0, {"A", "UNASSIGNED"})
    assert not (tmp_path / "real").exists()
    assert load(LakeSettings).sage300_companies == ("REAL",), "afterwards it is as it was"


def test_no_verb_looks_into_the_other_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert {verb.name for verb in all_verbs() if verb.settings} == {*WORDS, "dev"}
    Path(".env").write_bytes(b"SAGE300_COMPANIES=\xff\n")  # whoever reads it says so
    Path("site.yaml").write_text("{}\n", encoding="utf-8")
    write("test.env", {
        "SAGE300_URL": f"{NOBODY}/Sage300WebApi", "SAGE300_COMPANIES": "SAMLTD", "SAGE300_USERNAME": "U", "SAGE300_PASSWORD": "P",
        "ANAPLAN_API_URL": NOBODY, "ANAPLAN_AUTH_URL": NOBODY, "ANAPLAN_OAUTH_URL": NOBODY, "ANAPLAN_MODEL_ID": "0" * 32, "ANAPLAN_CLIENT_ID": "web",
        "SAGE300_TRIES": "1", "ANAPLAN_TRIES": "1", "WRITEBACK_FLOWS": "all", "TABLEAU_SERVER_URL": NOBODY, "TABLEAU_PAT_NAME": "N",
        "TABLEAU_PAT_SECRET": "S", "TABLEAU_TRIES": "1", "TABLEAU_SITE_RULES": "site.yaml",
        "ALERT_URLS": "json://127.0.0.1:9", "VAULT_KEY": Key.new().text,
    })  # fmt: skip
    for verb, words in WORDS.items():
        code = main([verb, "--env-file", "test.env", *words])
        said = capsys.readouterr()
        assert "UTF-8" not in said.out + said.err, (verb, code, said)
        assert "unexpected" not in said.err, (verb, code, said)
