"""The suite itself: what breaks the rule is seen, counted and told, with the command that repeats it."""

from __future__ import annotations

import contextlib
import errno
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from sage300_assets.base.days import Span
from sage300_assets.base.errors import DataError
from sage300_assets.catalogue import find
from sage300_assets_tests.faults.breaking import Disk, breaking
from sage300_assets_tests.faults.child import CRASHED, KILLED, REFUSED, WELL, Job, start
from sage300_assets_tests.faults.harness import Case, Trial, recover
from sage300_assets_tests.faults.place import open_place
from sage300_assets_tests.faults.report import LETTERS, TESTS, campaign, letter_of
from sage300_assets_tests.faults.test_c_changing import Change, Changing
from sage300_assets_tests.faults.verdict import Unrecovered, Verdict, WrongSuccess
from sage300_assets_tests.house import ALWAYS, COMPANY, PASSWORD, TODAY, USER, House, open_house
from sage300_assets_tests.intake.restless import STAMPED, Restless

ENTITY = find(STAMPED)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    world = Restless()
    for n in range(3):
        world.plant(n, TODAY - timedelta(days=n))
    with open_house(tmp_path / "lake", world=world) as one:
        one.load(ENTITY)
        world.plant(1, TODAY, "edited")
        yield one


def test_what_says_that_all_is_well_and_is_not_the_truth_is_a_wrong_success(house: House) -> None:
    with pytest.raises(WrongSuccess, match="edited"):
        Trial().attempt(house, ENTITY, lambda: None)


def test_what_fails_and_has_published_something_is_a_wrong_success(house: House) -> None:
    def act() -> None:
        house.load(ENTITY)
        raise DataError(f"{COMPANY} {STAMPED}: it failed.", cure="Try.")

    with pytest.raises(WrongSuccess):
        Trial().attempt(house, ENTITY, act)


def test_what_fails_without_saying_what_to_do_is_no_clean_refusal(house: House) -> None:
    def act() -> None:
        raise DataError(f"{COMPANY} {STAMPED}: it failed.")

    with pytest.raises(WrongSuccess, match="no cure"):
        Trial().attempt(house, ENTITY, act)


def test_what_the_next_read_does_not_make_good_is_unrecovered(house: House) -> None:
    shutil.rmtree(house.lake.layout.table(COMPANY, ENTITY.tables[1]))
    house.server.faults.set("forbidden", times=None)
    with pytest.raises(Unrecovered):
        recover(house, ENTITY)


def test_a_torn_file_is_a_wrong_success(house: House) -> None:
    house.load(ENTITY)
    for path in house.lake.layout.table(COMPANY, ENTITY.root).glob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WrongSuccess):
        Trial().attempt(house, ENTITY, lambda: None)


def test_truth_and_clean_refusals_are_counted(house: House) -> None:
    trial = Trial()
    house.server.faults.set("html_200", times=None)
    assert trial.attempt(house, ENTITY, lambda: house.load(ENTITY)) is Verdict.REFUSED
    house.server.faults.clear()
    assert trial.attempt(house, ENTITY, lambda: house.load(ENTITY)) is Verdict.TRUTH
    assert trial.came_to == {Verdict.REFUSED: 1, Verdict.TRUTH: 1}


def test_a_read_that_ends_by_itself_is_not_taken_for_a_killed_one(tmp_path: Path) -> None:
    with open_place(tmp_path / "place") as place:
        with pytest.raises(WrongSuccess, match="published nothing"):
            place.judge(STAMPED, went_well=True)
        place.server.faults.set("forbidden", times=None)
        ends = []
        for job in (Job(place.server.url, str(place.lake.root), place.address, COMPANY, name) for name in (STAMPED, "NothingOfThatName")):
            process = start(job, USER, PASSWORD)
            process.communicate(timeout=60)
            ends.append(process.returncode)
        place.server.faults.clear()
        assert ends == [REFUSED, CRASHED]
        assert not KILLED & {WELL, *ends}


def _people(house: House, folder: Path, trial: Trial) -> Changing:
    given = {"world": house.world, "server": house.server, "folder": folder, "resource": STAMPED, "trial": trial, "lakes": count()}
    machine: Changing = type("Here", (Changing,), given)()
    machine.begin(page=2, parallel=1, numbers={1, 2}, days=[TODAY] * 12)
    machine.read([], ALWAYS)
    machine.change(Change("edit", 1, None, 1, 0))
    return machine


def test_a_read_that_leaves_an_older_version_is_a_wrong_success_whatever_was_planned_meanwhile(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = _people(house, tmp_path, Trial())
    never = Change("edit", 2, None, 1, 99)
    with monkeypatch.context() as patch:
        patch.setattr(House, "load", lambda *_: None)
        for span in (ALWAYS, Span(TODAY, None)):
            with pytest.raises(WrongSuccess, match="K0001"):
                machine.read([never], span)
    machine.read([never], ALWAYS)
    machine.teardown()


def test_what_is_made_good_in_the_end_is_no_try(house: House, tmp_path: Path) -> None:
    trial = Trial()
    machine = _people(house, tmp_path, trial)
    machine.teardown()
    assert (trial.came_to, trial.recovered) == ({Verdict.TRUTH: 1}, 1)


def test_a_case_is_the_same_each_time() -> None:
    assert Case("one", 3).chance().random() == Case("one", 3).chance().random() != Case("one", 4).chance().random()


def test_the_disk_breaks_once_or_for_good(tmp_path: Path) -> None:
    for from_then_on, failures in ((False, 1), (True, 3)):
        with breaking(Disk(tmp_path, 2, errno.EIO, from_then_on=from_then_on)) as disk:
            for n in range(4):
                with contextlib.suppress(OSError):
                    (tmp_path / f"{from_then_on}{n}").mkdir()
        assert (disk.moments, len(disk.failed)) == (4, failures)
        assert len(list(tmp_path.glob(f"{from_then_on}*"))) == 4 - failures
    (tmp_path / "afterwards").mkdir()


def test_every_letter_has_a_module_and_what_it_names_is_there() -> None:
    own = {path.name[5] for path in Path(__file__).parent.glob("test_?_*.py")}
    assert own == set(LETTERS)
    assert all(path.exists() for path in campaign())
    assert {letter: {letter_of(f"sage300_assets_tests/{place}::test") for place in places} for letter, (_, places) in LETTERS.items() if places} == {
        letter: {letter} for letter, (_, places) in LETTERS.items() if places
    }


def test_whoever_has_more_cases_for_the_campaign_is_in_it() -> None:
    counting = {p for p in TESTS.rglob("test_*.py") if re.search(r"\bif WHOLE\b", p.read_text(encoding="utf-8"))}
    assert len(counting) > 5
    assert not {p for p in counting if not any(p == known or known in p.parents for known in campaign())}


_FAILING = """
import pytest
from sage300_assets_tests.faults.child import CRASHED, KILLED, REFUSED, WELL, Job, start
from sage300_assets_tests.faults.harness import Trial
from sage300_assets_tests.faults.verdict import Unrecovered, Verdict, WrongSuccess

@pytest.fixture
def trial(record_property):
    one = Trial()
    yield one
    for verdict, number in one.came_to.items():
        record_property(verdict.name, number)
    record_property("redrawn", one.redrawn)

def test_lacking():
    pytest.skip("no second disk")

def test_good(trial):
    trial.redrawn += 4
    trial.count(Verdict.TRUTH)
    trial.count(Verdict.TRUTH)
    trial.count(Verdict.REFUSED)

@pytest.mark.parametrize("case", ["some-name-17"])
def test_bad(trial, case):
    trial.count(Verdict.TRUTH)
    raise WrongSuccess("a cent is missing")

def test_killed():
    raise Unrecovered("a file is left")

def test_held():
    pass

def test_broken():
    raise KeyError("x")
"""


def test_the_report_tells_what_failed_and_how_to_repeat_it(tmp_path: Path) -> None:
    place = tmp_path / "faults" / "test_c_some.py"
    place.parent.mkdir()
    place.write_text(_FAILING)
    command = [
        sys.executable,
        "-m",
        "sage300_assets_tests.faults",
        str(place),
        "-p",
        "no:cacheprovider",
        "-n1",
        "-q",
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    report = (tmp_path / "var" / "faults" / "report.md").read_text(encoding="utf-8")
    assert report in done.stdout
    assert "**8 cases tried, 1 wrong successes, 1 unrecovered, 3 tests failed.**" in report
    assert re.search(r" UTC(, commit [0-9a-f]{7,}(-dirty)?)?, \d+\.\d minutes\.\n5 of 6 tests run, 1 skipped\.", report)
    assert "In 4 more tries nothing was broken" in report
    assert "Skipped, 1 times: no second disk" in report
    row = next(line for line in report.splitlines() if line.startswith("| (c)"))
    assert re.findall(r"\d+", row) == ["8", "3", "1", "1", "1", "1", "1", "1"]
    assert "a cent is missing" in report
    assert "python -m pytest 'faults/test_c_some.py::test_bad[some-name-17]'" in report


def test_a_part_of_which_nothing_was_tried_fails_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "faults" / "test_c_some.py"
    place.parent.mkdir()
    place.write_text("def test_held():\n    pass\n")
    monkeypatch.chdir(tmp_path)
    script = (
        "import pathlib, sys; from sage300_assets_tests.faults import __main__ as suite;"
        "suite.campaign = lambda: [pathlib.Path('faults/test_c_some.py')]; sys.exit(suite.main(sys.argv[1:]))"
    )
    options = ["-p", "no:cacheprovider", "-q", "-n0", "--rootdir", str(tmp_path)]
    ends = []
    for chosen in ([], ["-k", "held"]):
        done = subprocess.run([sys.executable, "-c", script, *options, *chosen], capture_output=True, text=True, timeout=100, check=False)
        said = [words in done.stdout for words in (" 0 tests failed.**", "Part (a): no case of it was tried", "Part (c)")]
        ends.append((done.returncode, *said))
    assert ends == [(1, True, True, False), (0, True, False, False)]
