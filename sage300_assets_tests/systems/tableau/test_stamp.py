from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.systems.tableau.stamp import Content, read_stamp, stamped, without_stamp

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="_ "), min_size=1, max_size=12).filter(
    lambda n: n.strip() == n
)
CONTENTS = st.builds(
    Content,
    st.text("0123456789abcdef", min_size=16, max_size=16),
    st.integers(0, 10**12),
    st.lists(st.tuples(NAMES, st.decimals(-(10**15), 10**15, places=3)), max_size=4).map(tuple),
)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])), CONTENTS, CONTENTS)
def test_what_is_stamped_is_read_again(description: str, content: Content, older: Content) -> None:
    text = stamped(description, content)
    assert read_stamp(text) == content
    assert stamped(stamped(description, older), content) == text
    assert without_stamp(text) == description.rstrip()


def test_a_description_by_hand_says_nothing() -> None:
    assert read_stamp("Content is king · 3 rows") is None


@pytest.mark.parametrize(("key", "totals"), [("x", ()), ("a" * 16, (("a=b", Decimal(1)),)), ("a" * 16, (("a", Decimal("NaN")),))])
def test_nonsense_is_refused(key: str, totals: tuple[tuple[str, Decimal], ...]) -> None:
    with pytest.raises(ValueError, match=r"fingerprint|name of a control total|no number"):
        Content(key, 1, totals)
