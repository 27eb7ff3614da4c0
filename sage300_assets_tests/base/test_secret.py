from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.base.secret import Secret, capitals


@given(st.text(min_size=5))
def test_it_never_shows_itself(value: str) -> None:
    secret = Secret(value)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} { {'a': secret} }"
    assert shown.replace("Secret(****)", "").replace("****", "").replace("[]", "").replace("{'a': }", "").strip() == ""
    assert secret.reveal() == value


@given(st.text())
def test_capitals_are_as_many_as_the_letters_and_are_so_for_good(value: str) -> None:
    once = capitals(value)
    assert len(once) == len(value)
    assert capitals(once) == once


@pytest.mark.parametrize(("value", "sent"), [("pass-Word1", "PASS-WORD1"), ("Straße1", "STRAßE1"), ("ﬁscal", "ﬁSCAL"), ("éÀñ", "ÉÀÑ")])
def test_capitals_are_those_of_windows(value: str, sent: str) -> None:
    assert capitals(value) == sent


def test_nor_in_logs_tracebacks_or_json(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("CANARY")
    logging.getLogger("test").warning("with %s and %r", secret, secret)
    told = "".join(traceback.format_exception(ValueError(secret)))
    assert "CANARY" not in caplog.text + told
    with pytest.raises(TypeError):
        json.dumps({"a": secret})


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled_or_copied(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("CANARY"), protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(Secret("CANARY"))


def test_it_is_equal_to_its_like_only_and_empty_is_false() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))
    assert hash(Secret("a")) != hash("a")
    assert not Secret("")
    assert not hasattr(Secret("a"), "__dict__")
