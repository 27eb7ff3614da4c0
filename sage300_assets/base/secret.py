"""A value that never shows itself: not in logs, not in tracebacks, not in a repr."""

from __future__ import annotations

from typing import Final, final


def capitals(text: str) -> str:
    """In upper case, as Windows writes it: what has no capital of one character, such as the German sharp s, stays as it is."""
    return "".join(upper if len(upper := one.upper()) == 1 else one for one in text)


@final
class Secret:
    """Wraps a secret; only `reveal` gives it away."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """Give the value, for the one line that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret(****)"

    def __str__(self) -> str:
        return "****"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled; pass the setting's name to the other process instead")
