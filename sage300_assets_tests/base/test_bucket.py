"""One allowance of requests for all processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sage300_assets.base.bucket import SharedBucket


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def bucket(file: Path, clock: Clock, capacity: int = 5, per_second: float = 2.0) -> SharedBucket:
    return SharedBucket(file, capacity, per_second, clock=clock, wait=clock.wait)


def test_a_full_allowance_at_once_then_one_after_the_other(tmp_path: Path) -> None:
    clock = Clock()
    one = bucket(tmp_path / "b", clock)
    assert [one.take() for _ in range(5)] == [0] * 5
    assert [one.take() for _ in range(3)] == pytest.approx([0.5, 0.5, 0.5])
    clock.now += 1.0
    assert [one.take() for _ in range(3)] == pytest.approx([0, 0, 0.5])


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_never_more_than_the_limit_in_any_span(tmp_path_factory: pytest.TempPathFactory, steps: list[float]) -> None:
    clock = Clock()
    two = [bucket(tmp_path_factory.mktemp("b") / "b", clock)] * 2
    taken: list[float] = []
    for place, step in enumerate(steps):
        clock.now += step
        two[place % 2].take()
        taken.append(clock.now)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= 5 + (taken[last] - start) * 2 + 1e-6


def test_two_objects_on_one_file_share_and_a_pause_holds_for_both(tmp_path: Path) -> None:
    clock = Clock()
    one, other = bucket(tmp_path / "b", clock), bucket(tmp_path / "b", clock)
    assert [one.take() for _ in range(3)] + [other.take() for _ in range(2)] == [0] * 5
    assert other.take() == pytest.approx(0.5)
    one.pause(30)
    assert other.take() == pytest.approx(30)


def test_a_clock_set_back_and_a_damaged_file_do_not_block_for_ever(tmp_path: Path) -> None:
    clock = Clock()
    one = bucket(tmp_path / "b", clock)
    one.take()
    clock.now -= 100_000
    assert one.take() == 0
    (tmp_path / "b").write_bytes(b"xx")
    assert 0 < one.take() <= 2.5


def test_processes_and_threads_share_it(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        from pathlib import Path
        from sage300_assets.base.bucket import SharedBucket
        waits = []
        one = SharedBucket(Path({str(tmp_path / "b")!r}), 30, 0.05, wait=waits.append)
        print(sum(one.take() == 0 for _ in range(20)))
        """
    )
    workers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    taken: list[int] = []
    mine = SharedBucket(tmp_path / "b", 30, 0.05, wait=lambda _seconds: None)
    threads = [threading.Thread(target=lambda: taken.append(sum(mine.take() == 0 for _ in range(5)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken += [int(worker.communicate()[0]) for worker in workers]
    assert sum(taken) in (30, 31)  # one more when this has taken twenty seconds
