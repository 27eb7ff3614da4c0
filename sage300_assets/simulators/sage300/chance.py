"""Repeatable chance: the same words always give the same numbers, on every platform and Python version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

T = TypeVar("T")

_MASK = (1 << 64) - 1


def seed_of(*words: object) -> int:
    """A number that stands for the words; feed it to `mix`."""
    return crc32("/".join(map(str, words)).encode())


def mix(seed: int, index: int) -> int:
    """A 64-bit number that looks random for every (seed, index); far cheaper than a generator of its own."""
    z = (seed * 0x9E3779B97F4A7C15 + index * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def pick(choices: Sequence[T], number: int) -> T:
    """The choice a number stands for."""
    return choices[number % len(choices)]
