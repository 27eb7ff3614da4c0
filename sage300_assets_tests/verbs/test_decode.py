"""`sage300 decode`, with nothing that answers at SAGE300_URL."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sage300_assets import cli
from sage300_assets.catalogue import find
from sage300_assets_tests.house import COMPANY, House, open_house

GROUPS = "APVendorGroups"


@pytest.fixture
def off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A lake whose server has gone."""
    for name in tuple(os.environ):
        if name.startswith(("SAGE300_", "LAKE_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with open_house(tmp_path / "lake", days=2) as house:
        house.load(GROUPS)
        house.load(GROUPS)
        house.server.stop()
        yield house


def test_the_read_in_force_is_decoded_again(off: House, capsys: pytest.CaptureFixture[str]) -> None:
    reads = [p.read for p in off.lake.publications(COMPANY, find(GROUPS))]
    assert cli.main(["decode", "ap/vendor_groups", "--lake", "lake"]) == 0
    said = capsys.readouterr()
    row = next(line for line in said.out.splitlines() if GROUPS in line).split()
    records = len(off.world.truth(COMPANY, GROUPS))
    assert row[:4] == [COMPANY, GROUPS, reads[-1], str(records)]
    assert said.err == ""
    off.check(GROUPS)
    with duckdb.connect(str(off.lake.layout.warehouse), read_only=True) as db:
        assert db.execute("SELECT count(*), count(DISTINCT _read), min(_read) > ? FROM samltd.ap_vendor_groups", [reads[-1]]).fetchone() == (
            records,
            1,
            True,
        )


def test_a_company_that_was_named_and_has_nothing_to_decode_is_told(off: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["decode", GROUPS, "--company", f"{COMPANY},nobody", "--lake", "lake"]) == 1
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert f"nothing to decode of NOBODY: no {GROUPS} was ever read" in line
    assert COMPANY in said.out
    off.check(GROUPS)


def test_a_refusal_is_one_line_and_the_code_1(off: House, capsys: pytest.CaptureFixture[str]) -> None:
    for path in off.lake.layout.raw(COMPANY, find(GROUPS)).glob("*.index.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps({**line, "sha256": "0" * 64}) + "\n" for line in lines))
    assert cli.main(["decode", GROUPS, "--company", COMPANY, "--lake", "lake"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sage300: {COMPANY} {GROUPS}, read ")
    assert "sage300 pull" in line
    off.check(GROUPS)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("gl/accounts",), "nothing to decode"),
        ((GROUPS, "--company", "NOBODY"), "nothing to decode"),
        ((GROUPS, "--read", "x"), "no read x is published"),
    ],
)
def test_what_is_not_there_is_said(off: House, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], words: str) -> None:
    assert cli.main(["decode", *args, "--lake", "lake"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
