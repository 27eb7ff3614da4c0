"""What reading Sage 300 into a lake needs, checked before anything is tried."""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path, PureWindowsPath

import pytest

from sage300_assets.base import settings as module
from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import Settings, load_settings
from sage300_assets.simulators.sage300 import Server, World
from sage300_assets.systems.sage300.client import Sage300Client

GOOD = {
    "sage300_url": "https://erp.example.com/Sage300WebApi",
    "sage300_companies": "samltd, SAMINC,samltd,",
    "sage300_username": "user",
    "sage300_password": "CANARYpass",
}


def given(**more: object) -> Settings:
    return load_settings(_env_file=None, **{**GOOD, **more})


def test_what_is_complete_passes_and_goes_over_the_wire_in_capitals() -> None:
    found = given(sage300_url="https://erp.example.com/Sage300WebApi/ ")
    found.require_source()
    assert found.sage300_url == "https://erp.example.com/Sage300WebApi"
    assert found.sage300_companies == ("SAMLTD", "SAMINC")
    assert (found.username, found.password.reveal()) == ("USER", "CANARYPASS")
    kept = given(sage300_keep_case=True)
    assert (kept.username, kept.password.reveal()) == ("user", "CANARYpass")
    assert "CANARY" not in repr(found).upper().replace("SAGE300_PASSWORD", "")


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"sage300_url": ""}, "SAGE300_URL"),
        ({"sage300_url": "erp.example.com/Sage300WebApi"}, "SAGE300_URL"),
        ({"sage300_url": "ftp://erp.example.com/Sage300WebApi"}, "SAGE300_URL"),
        ({"sage300_url": "https:///Sage300WebApi"}, "SAGE300_URL"),
        ({"sage300_url": "https://erp.example.com/Sage300WebApi/v1.0"}, "SAGE300_URL"),
        ({"sage300_url": "https://u:CANARY@erp.example.com/Sage300WebApi"}, "SAGE300_URL"),
        ({"sage300_url": "http://erp.example.com/Sage300WebApi"}, "SAGE300_ALLOW_HTTP"),
        ({"sage300_companies": " , "}, "SAGE300_COMPANIES"),
        ({"sage300_username": ""}, "SAGE300_USERNAME"),
        ({"sage300_password": ""}, "sage300 vault set SAGE300_PASSWORD"),
        ({"sage300_url": "http://host:abc/Sage300WebApi"}, "SAGE300_URL"),
        ({"sage300_url": "https://host:99999/Sage300WebApi"}, "SAGE300_URL"),
        ({"sage300_url": "https://[x/Sage300WebApi"}, "SAGE300_URL"),
        ({"sage300_ca_bundle": "nowhere.pem"}, "SAGE300_CA_BUNDLE"),
    ],
)
def test_what_is_missing_or_wrong_is_named_with_its_cure(wrong: dict[str, object], name: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        given(**wrong).require_source()
    assert name in str(refused.value)
    assert refused.value.cure
    assert "CANARY" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_user_without_a_password_is_said_to_have_none() -> None:
    """Where application security is switched off, Sage 300 wants an empty one."""
    world = World(companies=("SAMLTD",), days=3, password="")
    with Server(world) as server:
        found = given(sage300_url=server.url, sage300_username=world.username, sage300_password="", sage300_no_password=True)
        found.require_source()
        with Sage300Client(found, "SAMLTD") as client:
            assert client.metadata("AP").document


@pytest.mark.parametrize("url", ["http://localhost:80/Sage300WebApi", "http://127.0.0.1/sage300webapi", "http://[::1]:8080/Sage300WebApi"])
def test_plain_http_is_fine_on_this_machine(url: str) -> None:
    given(sage300_url=url).require_source()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sage300_odata", "v5"),
        ("sage300_page_size", "-1"),
        ("sage300_max_parallel", "0"),
        ("sage300_timeout", "0"),
        ("sage300_tries", "many"),
        ("sage300_timezone", "Mars/Olympus"),
        ("sage300_timezone", "America"),
        ("sage300_url", "https://erp.example.com/\new/Sage300WebApi"),
        ("sage300_ca_bundle", "D:\tls\bundle.pem"),
        ("lake_url", "D:\new lake\reports"),
        ("sage300_timezones", "SAMINC:Mars/Olympus"),
        ("sage300_timezones", "SAMINC"),
        ("sage300_start_date", "31.1.2026"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name.upper()):
        given(**{name: value})


@pytest.mark.parametrize("companies", ["SAMLTD;SAMINC", "SAMLTD SAMINC", "../X", "SAM/LTD", "_lake", "SAMLTD,SAMÏNC"])
def test_what_is_no_org_id_is_refused_with_how_several_are_written(companies: str) -> None:
    with pytest.raises(ConfigurationError, match=r"SAGE300_COMPANIES cannot be used: .* separated by commas"):
        given(sage300_companies=companies)


def test_control_characters_in_a_path_are_explained_by_the_quotes_that_made_them(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text('LAKE_URL="D:\\new lake\\reports"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"LAKE_URL cannot be used: .* single quotes"):
        load_settings(_env_file=file)
    file.write_text("LAKE_URL='D:\\new lake\\reports'\n", encoding="utf-8")
    assert load_settings(_env_file=file).lake_url == "D:\\new lake\\reports"


def test_each_company_has_its_own_zone_and_history_begins_last_year() -> None:
    found = given(sage300_timezone="America/Toronto", sage300_timezones="saminc: America/Vancouver")
    assert (found.zone("SAMLTD").key, found.zone("SAMINC").key) == ("America/Toronto", "America/Vancouver")
    assert found.start(date(2026, 2, 28)) == date(2025, 1, 1)
    assert given(sage300_start_date="2020-02-29").start(date(2026, 2, 28)) == date(2020, 2, 29)


# --- where the lake is ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "folder"), [("var/lake", "var/lake"), ("/srv/lake", "/srv/lake"), ("file:///srv/a%20b", "/srv/a b"), ("file://localhost/srv/l", "/srv/l")]
)
def test_a_folder_of_this_machine(url: str, folder: str) -> None:
    assert given(lake_url=url).lake_folder() == Path(folder)


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        (r"D:\lake", r"D:\lake"),
        ("D:/lake", r"D:\lake"),
        (r"\\server\share\lake", r"\\server\share\lake"),
        ("file:///D:/a%20lake", r"D:\a lake"),
        (r"var\lake", r"var\lake"),
    ],
)
def test_a_folder_on_windows(url: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Path", PureWindowsPath)
    on_windows = importlib.import_module("nturl2path")  # what urllib.request takes there
    monkeypatch.setattr(module, "url2pathname", on_windows.url2pathname)
    assert given(lake_url=url).lake_folder() == PureWindowsPath(folder)  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    "url", ["s3://bucket/lake", "https://example.com/lake", "file://[x/lake", "file://lake", "file://D:/lake", "file://server/share/lake", "file:///"]
)
def test_what_names_no_folder_of_this_machine_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="LAKE_URL") as refused:
        given(lake_url=url).lake_folder()
    assert refused.value.cure
