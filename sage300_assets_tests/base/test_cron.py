"""Times of schedules: what is taken is a time for Dagster too, and what is not is refused where the setting is read."""

from __future__ import annotations

import pytest
from dagster._utils.schedules import is_valid_cron_schedule
from hypothesis import example, given
from hypothesis import strategies as st

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import load
from sage300_assets.flows.anaplan.settings import PlanningSettings
from sage300_assets.flows.writeback.settings import WritebackSettings

NUMBERS = st.integers(0, 60).map(str)
SPANS = st.one_of(
    NUMBERS, st.tuples(NUMBERS, NUMBERS).map("-".join), st.sampled_from(["*", "mon", "MON-fri", "jan", "dec", "x", "", "-", "1-2-3", "٣"])
)
PARTS = st.one_of(SPANS, st.tuples(SPANS, NUMBERS).map("/".join))
FIELDS = st.lists(PARTS, min_size=1, max_size=3).map(",".join)


def taken(text: str) -> str | None:
    try:
        return load(WritebackSettings, _env_file=None, writeback_cron=text).writeback_cron
    except ConfigurationError:
        return None


@given(st.lists(FIELDS, min_size=4, max_size=6).map(" ".join))
@example("0 18 * * 1-5")
@example("0 0 31 2 *")
def test_what_is_taken_is_a_time_for_dagster(text: str) -> None:
    time = taken(text)
    assert time is None or is_valid_cron_schedule(time)


@pytest.mark.parametrize("text", ["30 4 * * *", "0 18 * * 1-5", "*/15 6-20 1,15 jan-mar Mon", "0  4\t* * 7"])
def test_usual_times_are_taken_as_they_are(text: str) -> None:
    assert taken(text) == " ".join(text.split())


@pytest.mark.parametrize(
    "text", ["4:30", "daily", "60 4 * * *", "0 24 * * *", "0 4 0 * *", "0 4 * 13 *", "0 4 * * 8", "0 4 * *", "0 4 * * * *", "5/10 * * * *"]
)
def test_what_is_no_time_is_refused_by_the_name_of_its_setting(text: str) -> None:
    with pytest.raises(ConfigurationError, match="WRITEBACK_CRON"):
        load(WritebackSettings, _env_file=None, writeback_cron=text)
    assert not is_valid_cron_schedule(text) or text in {"0 4 * * * *", "5/10 * * * *"}


@pytest.mark.parametrize("never", ["none", "None", " none "])
def test_none_is_never(never: str) -> None:
    settings = load(PlanningSettings, _env_file=None, anaplan_lists_cron=never)
    assert (settings.anaplan_lists_cron, settings.anaplan_daily_cron) == ("", "30 4 * * *")
