"""A publisher that is killed, at whatever step, leaves the site with the old or the new extract; the next run ends with the new one."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sage300_assets_tests.flows.tableau.conftest import Press
from sage300_assets_tests.flows.tableau.publisher import Job
from sage300_assets_tests.house import WHOLE, At

STEPS = (
    "begun",
    "enqueued",
    "claimed",
    "intended",
    "tableau.extract_kept",
    "tableau.turn",
    "tableau.signed_in",
    "tableau.chunk",
    "tableau.uploaded",
    "tableau.committed",
    "tableau.job",
    "tableau.job_ended",
    "tableau.published",
    "sent",
    "settled",
    "finished",
)
NEW_BY_THEN = {"tableau.job_ended", "tableau.published", "sent", "settled", "finished"}
OLD_BY_THEN = set(STEPS[:9])
REALLY_KILLED = STEPS if WHOLE else ("tableau.extract_kept", "tableau.chunk", "tableau.committed", "sent")


class Killed(BaseException):
    """Stands for the end of the process."""


def _die() -> None:
    raise Killed


def _assert_whole(press: Press, step: str, old: object, new: object) -> None:
    found = press.published()
    assert found in (old, new)
    assert found == (new if step in NEW_BY_THEN else old if step in OLD_BY_THEN else found)


def _assert_recovers(press: Press, step: str, new: object) -> None:
    press.house.clock.now += timedelta(hours=4)  # leases have ended, and what the server had begun has ended too
    done = press.deliver(worker="two")
    assert done.state in {"done", "unchanged"}
    assert press.published() == new
    assert press.plan().changes == 0
    assert press.house.world.source("Vendors").revisions == 2
    assert press.calls("publish") == 2  # what the site has taken is never sent again
    left = [p.name for p in (press.stock.lake.root / "_extracts" / "tableau_vendors").iterdir()]
    assert len([name for name in left if name.endswith(".tdsx")]) == 1
    if step not in {"settled", "finished"}:
        assert not [name for name in left if name.endswith(".part")]


@pytest.mark.parametrize("step", STEPS)
def test_whoever_dies_at_a_step_leaves_the_old_or_the_new_and_the_next_run_ends_with_the_new(press: Press, step: str) -> None:
    press.deliver()
    old = press.published()
    press.rename_a_vendor("After the Accident")
    new = press.modelled()
    with pytest.raises(Killed):
        press.deliver(watch=At(step, _die))
    _assert_whole(press, step, old, new)
    _assert_recovers(press, step, new)


@pytest.mark.parametrize("step", REALLY_KILLED)
def test_a_process_that_is_killed(press: Press, step: str) -> None:
    press.deliver()
    old = press.published()
    press.rename_a_vendor("After the Accident")
    new = press.modelled()
    job = Job(
        str(press.stock.lake.root), press.ledger.url.render_as_string(hide_password=False), press.source.name, press.house.clock.now.isoformat(), step
    )
    settings = press.house.settings
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TABLEAU_")},
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "TABLEAU_SERVER_URL": settings.tableau_server_url,
        "TABLEAU_SITE": settings.tableau_site,
        "TABLEAU_PAT_NAME": settings.tableau_pat_name,
        "TABLEAU_PAT_SECRET": settings.tableau_pat_secret.get_secret_value(),
        "TABLEAU_PROJECT": settings.tableau_project,
        "TABLEAU_STATE_FOLDER": str(settings.tableau_state_folder),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "sage300_assets_tests.flows.tableau.publisher", job.text()],
        env=environment,
        capture_output=True,
        check=False,
        timeout=90,
    )
    assert ended.returncode in {-9, 137}, ended.stderr.decode()
    _assert_whole(press, step, old, new)
    _assert_recovers(press, step, new)
