from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.base.limiter import AdaptiveLimiter


@given(st.integers(1, 32), st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=200))
def test_the_limit_stays_between_one_and_the_most(most: int, happened: Sequence[float | None]) -> None:
    limiter = AdaptiveLimiter(most)
    for seconds in happened:
        before = limiter.limit
        if seconds is None:
            limiter.went_badly()
            assert limiter.limit == max(1, before // 2)
        else:
            limiter.went_well(seconds)
            assert limiter.limit <= before + 1
        assert 1 <= limiter.lowest <= limiter.limit <= most


def test_it_recovers_step_by_step() -> None:
    limiter = AdaptiveLimiter(4)
    for _ in range(3):
        limiter.went_badly()
    grew = []
    for _ in range(24):
        limiter.went_well(0.1)
        grew.append(limiter.limit)
    assert grew[6:9] == [1, 2, 2]
    assert grew[-1] == 4


def test_a_server_that_only_slows_down_is_noticed() -> None:
    limiter = AdaptiveLimiter(4)
    for _ in range(20):
        limiter.went_well(0.3)
    assert limiter.limit == 4
    limiter.went_well(3.0)
    assert limiter.limit == 2


def test_answers_that_are_slow_in_proportion_only_do_no_harm() -> None:
    limiter = AdaptiveLimiter(4)
    for _ in range(20):
        limiter.went_well(0.01)
    limiter.went_well(0.5)
    assert limiter.limit == 4, "fifty times as long, but half a second is no sign of trouble"


def test_never_more_at_once_than_the_limit_allows() -> None:
    limiter, busy, most = AdaptiveLimiter(3), 0, 0
    lock, full, go = threading.Lock(), threading.Semaphore(0), threading.Event()

    def work() -> None:
        nonlocal busy, most
        with limiter.slot():
            with lock:
                busy += 1
                most = max(most, busy)
            full.release()
            go.wait(10)
            with lock:
                busy -= 1

    threads = [threading.Thread(target=work) for _ in range(9)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        assert full.acquire(timeout=10)
    limiter.went_badly()  # down to one: those under way go on, and then one comes after the other
    go.set()
    for thread in threads:
        thread.join(10)
    assert most == 3
    assert busy == 0


def test_a_slot_is_given_back_after_an_error() -> None:
    limiter = AdaptiveLimiter(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="trouble"), limiter.slot():
            raise ValueError("trouble")
    with limiter.slot():
        pass
