from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import Field, SecretStr, model_validator

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import EnvSettings, Settings, load, load_settings, only_from_the_environment, settings_from


class Elsewhere(EnvSettings):
    """The settings of some other system."""

    elsewhere_token: SecretStr = Field(default=SecretStr(""), max_length=6, description="Its token.")
    elsewhere_size: int = Field(default=1, ge=1, description="How much it takes.")
    elsewhere_names: tuple[str, ...] = Field(default=(), description="Names, as a JSON list.")

    @model_validator(mode="after")
    def _together(self) -> Elsewhere:
        if self.elsewhere_size == 13:
            raise ValueError("ELSEWHERE_SIZE must not be 13")
        return self


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(**given: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        load(Elsewhere, **given)
    return refused.value


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("ELSEWHERE_SIZE=2\nELSEWHERE_TOKEN=filed\n", encoding="utf-8")
    monkeypatch.setenv("ELSEWHERE_SIZE", "3")
    found = load(Elsewhere)
    assert (found.elsewhere_size, found.elsewhere_token.get_secret_value()) == (3, "filed")
    assert load(Elsewhere, elsewhere_size=4).elsewhere_size == 4
    assert load(Elsewhere, _env_file=None).elsewhere_token.get_secret_value() == ""


def test_a_file_that_is_named_takes_the_place_of_the_other_as_long_as_it_lasts(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ELSEWHERE_SIZE=2\nELSEWHERE_TOKEN=filed\n", encoding="utf-8")
    (tmp_path / "other.env").write_text("ELSEWHERE_SIZE=5\n", encoding="utf-8")
    with settings_from("other.env"), ThreadPoolExecutor(1) as another_thread:
        for found in (load(Elsewhere), another_thread.submit(load, Elsewhere).result()):
            assert (found.elsewhere_size, found.elsewhere_token.get_secret_value()) == (5, "")
        assert load(Elsewhere, _env_file=".env").elsewhere_size == 2
        with only_from_the_environment():
            assert load(Elsewhere).elsewhere_size == 1
    assert load(Elsewhere).elsewhere_size == 2
    with pytest.raises(RuntimeError), settings_from("other.env"):
        raise RuntimeError
    assert load(Elsewhere).elsewhere_size == 2
    for nothing in ("none.env", "."):
        with pytest.raises(ConfigurationError, match="There is no file"), settings_from(nothing):
            pass


def test_what_is_wrong_is_named_and_explained_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(refusal(elsewhere_size="none")).startswith("ELSEWHERE_SIZE cannot be used: ")
    assert refusal(elsewhere_size="none").cure == "It means: How much it takes."
    assert str(refusal(elsewhere_size="13")) == "Elsewhere cannot be used: ELSEWHERE_SIZE must not be 13."
    monkeypatch.setenv("ELSEWHERE_NAMES", "a,b")
    assert str(refusal()).startswith("ELSEWHERE_NAMES cannot be used: ")
    assert refusal().cure == "It means: Names, as a JSON list."


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"ELSEWHERE_TOKEN=\xff\xfe\n")
    assert ".env cannot be used: it is not text in UTF-8." in str(refusal())


def test_a_wrong_value_is_nowhere_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ELSEWHERE_TOKEN", "ELSEWHERE_NAMES"):
        monkeypatch.setenv(name, "CANARY too long, and no JSON")
        wrong = refusal()
        monkeypatch.delenv(name)
        assert wrong.__cause__ is None
        assert wrong.__context__ is None
        assert "CANARY" not in "".join(traceback.format_exception(wrong)) + repr(wrong.__dict__)


def test_settings_of_the_source_are_one_kind_of_many() -> None:
    assert isinstance(load_settings(_env_file=None), Settings)
    assert issubclass(Settings, EnvSettings)
