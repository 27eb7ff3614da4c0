"""Settings from the environment or a `.env` file, checked once, with messages a person can act on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.secret import Secret, capitals
from sage300_assets.base.vault_source import VaultSource

VAULT_FILE = Path("var", "vault.json")
"""Where the vault is unless VAULT_FILE says otherwise."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ORG_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""They become folders of the lake and parts of addresses."""


class CheckedSettings(BaseSettings):
    """Settings whose paths and addresses hold nothing that nobody could have meant."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", case_sensitive=False, env_ignore_empty=True, hide_input_in_errors=True
    )

    looks_for_files: ClassVar[bool] = True
    """Whether a `.env` and a vault in the folder we are in count; see `only_from_the_environment`."""
    env_file: ClassVar[str] = ".env"
    """The file that is read where none is named; see `settings_from`."""

    @field_validator("*")
    @classmethod
    def _no_control_characters(cls, value: object, info: ValidationInfo) -> object:
        is_place = isinstance(value, Path) or str(info.field_name).endswith("_url")
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        if is_place and any(ord(one) < 32 or ord(one) == 127 for one in text):
            raise ValueError(
                r"it holds a line break, a tab or another control character; between double quotes \n and \t mean those, so write it in single quotes"
            )
        return _at_home(value) if isinstance(value, Path) else value


class EnvSettings(CheckedSettings):
    """What the settings of every system and room derive from. Names of the variables are the names of the fields in capitals."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code goes first, then the environment, then `.env`, then the vault."""
        file = dotenv_settings.env_file if isinstance(dotenv_settings, DotEnvSettingsSource) else None
        vault = VaultSource(settings_cls, lambda: load_vault_settings(_env_file=file))
        return init_settings, env_settings, dotenv_settings, file_secret_settings, vault


class VaultSettings(CheckedSettings):
    """Where the vault is, and what opens it. A vault in its usual place is looked for only by those that also look for a `.env`."""

    vault_file: Path | None = Field(default=None, description="File with the encrypted settings.")
    vault_key: SecretStr = Field(default=SecretStr(""), description="The vault's key; several, separated by commas, while it is changed.")
    vault_key_file: Path | None = Field(default=None, description="File with the vault's key, which only its owner may read.")

    sage300_keep_case: bool = Field(default=False, description="Keep name and password of Sage 300 as written instead of in upper case.")


_S = TypeVar("_S", bound=BaseSettings)


class LakeSettings(EnvSettings):
    """What whoever only reads the lake needs: nothing in it is a secret, so no key of the vault is asked for either."""

    sage300_companies: Annotated[tuple[str, ...], NoDecode] = Field(default=(), description="Org IDs, separated by commas.")
    sage300_timezone: str = Field(default="UTC", description="Time zone of the companies, e.g. America/Toronto.")
    sage300_timezones: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, description="Time zones that differ, e.g. SAMINC:America/Los_Angeles,SAMLTD:America/Toronto."
    )
    lake_url: str = Field(default="var/lake", description="Folder of the lake, or a file:// address.")
    lake_keep_raw_days: int = Field(default=30, ge=0, description="Days that raw answers are kept.")
    lake_keep_superseded_hours: float = Field(default=24.0, ge=0, description="Hours that superseded files are kept for readers at work.")

    @field_validator("sage300_companies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(dict.fromkeys(c.strip().upper() for c in value.split(",") if c.strip()))

    @field_validator("sage300_companies")
    @classmethod
    def _org_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for company in value:
            if _ORG_ID.fullmatch(company) is None:
                raise ValueError(f"{company!r} is not an Org ID, which is made of letters and digits; several are separated by commas")
        return value

    @field_validator("sage300_timezones", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [p.partition(":") for p in value.split(",") if p.strip()]
        return {company.strip().upper(): zone.strip() for company, _, zone in pairs}

    @field_validator("sage300_timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return _known_zone(value)

    @field_validator("sage300_timezones")
    @classmethod
    def _zones_exist(cls, value: dict[str, str]) -> dict[str, str]:
        return {company: _known_zone(zone) for company, zone in value.items()}

    def zone(self, company: str) -> ZoneInfo:
        """Time zone of a company."""
        return ZoneInfo(self.sage300_timezones.get(company, self.sage300_timezone))

    def lake_folder(self) -> Path:
        """Folder of the lake."""
        if self.lake_url.startswith("file://"):
            try:
                address = urlsplit(self.lake_url)
            except ValueError:
                address = None
            if address is None or address.netloc not in {"", "localhost"} or not address.path.strip("/"):
                raise _wrong(
                    "LAKE_URL is a file:// address that names no folder of this machine.",
                    "Write file:///srv/lake, file:///D:/lake, or the path itself.",
                )
            return Path(url2pathname(address.path))  # Path.from_uri arrives with Python 3.13
        if "://" in self.lake_url:
            raise _wrong("LAKE_URL names a store that is not supported yet.", "Give a local folder, such as var/lake or D:\\lake.")
        try:
            return _at_home(Path(self.lake_url))
        except ValueError as homeless:
            raise _wrong(f"LAKE_URL cannot be used: {homeless}.", "Write it as /srv/lake or D:\\lake.") from homeless


class Settings(LakeSettings):
    """What reading Sage 300 into the lake needs."""

    sage300_url: str = Field(default="", description="Address of the Web API; ends in /Sage300WebApi.")
    sage300_username: str = Field(default="", description="A Sage 300 user with the Sage 300 Web API right; sent in upper case.")
    sage300_password: SecretStr = Field(default=SecretStr(""), description="Its password; sent in upper case.")
    sage300_no_password: bool = Field(default=False, description="Whether the user has no password: application security is switched off.")
    sage300_keep_case: bool = Field(default=False, description="Send name and password as written instead of in upper case.")
    sage300_ca_bundle: Path | None = Field(default=None, description="PEM file with the authority that signed the server's certificate.")
    sage300_allow_http: bool = Field(default=False, description="Allow plain http to a host that is not this machine.")
    sage300_odata: str = Field(default="v4", description="Literal dialect of filters: v4, or v3 for servers before 2017.1.")
    sage300_page_size: int = Field(default=0, ge=0, le=10000, description="$top of a page; 0 lets the server decide.")
    sage300_max_parallel: int = Field(default=4, ge=1, le=32, description="Requests under way at once, per company.")
    sage300_timeout: float = Field(default=180.0, gt=0, description="Seconds one answer may take in all.")
    sage300_tries: int = Field(default=6, ge=1, le=20, description="How often a request is tried.")
    sage300_start_date: date | None = Field(
        default=None, description="First day of history; default: the first of January of the year before the first read."
    )

    @field_validator("sage300_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.strip().rstrip("/")

    @field_validator("sage300_odata")
    @classmethod
    def _dialect(cls, value: str) -> str:
        if value.lower() not in {"v3", "v4"}:
            raise ValueError("must be v3 or v4")
        return value.lower()

    def start(self, today: date) -> date:
        """First day of history."""
        return self.sage300_start_date or date(today.year - 1, 1, 1)

    @property
    def password(self) -> Secret:
        """The password, as it goes over the wire."""
        value = self.sage300_password.get_secret_value()
        return Secret(value if self.sage300_keep_case else capitals(value))

    @property
    def username(self) -> str:
        """The user's name, as it goes over the wire."""
        return self.sage300_username if self.sage300_keep_case else capitals(self.sage300_username)

    def require_source(self) -> None:
        """Check everything that reading Sage 300 needs; the first thing wrong is the error."""
        if not self.sage300_url:
            raise _wrong("SAGE300_URL is not set.", "Set it to the address of the Web API, e.g. https://erp.example.com/Sage300WebApi")
        url = http_address("SAGE300_URL", self.sage300_url, "https://erp.example.com/Sage300WebApi")
        if url.username or url.password:
            raise _wrong("SAGE300_URL holds a name or password.", "Put them into SAGE300_USERNAME and SAGE300_PASSWORD.")
        if not url.path.lower().endswith("/sage300webapi"):
            raise _wrong("SAGE300_URL does not end in /Sage300WebApi.", "Leave out everything behind that, such as /v1.0.")
        if url.scheme == "http" and url.hostname not in _LOOPBACK and not self.sage300_allow_http:
            raise _wrong(
                "SAGE300_URL is plain http, which sends the password readably.", "Use https, or set SAGE300_ALLOW_HTTP=true if the network is yours."
            )
        if not self.sage300_companies:
            raise _wrong("SAGE300_COMPANIES is not set.", "Set it to the Org IDs, e.g. SAMLTD,SAMINC")
        if not self.sage300_username:
            raise _wrong("SAGE300_USERNAME is not set.", "Set it to a Sage 300 user with the Sage 300 Web API right (not ADMIN).")
        if not self.password and not self.sage300_no_password:  # else refused, and a few of those may lock the user out
            raise _wrong(
                "SAGE300_PASSWORD is not set.",
                "Keep the password of SAGE300_USERNAME with `sage300 vault set SAGE300_PASSWORD`; "
                "where application security is switched off in Sage 300, set SAGE300_NO_PASSWORD=true.",
            )
        if self.sage300_ca_bundle is not None and not self.sage300_ca_bundle.is_file():
            raise _wrong("SAGE300_CA_BUNDLE is not a file.", f"Nothing is at {self.sage300_ca_bundle}; give the path of a PEM file.")


def http_address(name: str, value: str, example: str) -> SplitResult:
    """The parts of the address that a setting holds, if whatever sends requests can use it."""
    from httpx import URL, InvalidURL  # noqa: PLC0415 - whoever only reads the lake sends no requests

    with suppress(InvalidURL, ValueError):  # each of the two refuses what the other does not notice
        url = urlsplit(value)
        if url.scheme in {"http", "https"} and url.hostname and url.port != 0 and URL(value).host:
            return url
    raise _wrong(f"{name} is not an http or https address.", f"It looks like {example}")


@contextmanager
def only_from_the_environment() -> Iterator[None]:
    """As long as this lasts, no `.env` and no vault in the folder we are in is looked into: a demo is to be the same everywhere."""
    before = CheckedSettings.looks_for_files
    CheckedSettings.looks_for_files = False
    try:
        yield
    finally:
        CheckedSettings.looks_for_files = before


@contextmanager
def settings_from(env_file: str) -> Iterator[None]:
    """As long as this lasts, this file is read wherever `.env` is read otherwise, by every thread and however deep below.

    A file, and not a pipe: it is read once for each kind of settings, and a pipe would be empty the second time.
    """
    if not Path(env_file).is_file():
        raise _wrong(f"There is no file {env_file}.", ".env.example shows what it may hold.")
    before = CheckedSettings.env_file
    CheckedSettings.env_file = env_file
    try:
        yield
    finally:
        CheckedSettings.env_file = before


def set_by(env_file: str | Path | None = ".env") -> Mapping[str, str]:
    """The settings that are set somewhere, in capitals, and where: that goes before what is in the vault."""
    file = {} if env_file is None else dotenv_values(env_file, encoding="utf-8")
    return {
        **{name.upper(): str(env_file) for name, value in file.items() if value},
        **{name.upper(): "the environment" for name, value in os.environ.items() if value},
    }


def load_vault_settings(**overrides: object) -> VaultSettings:
    """Read where the vault is."""
    found = load(VaultSettings, **overrides)
    if found.vault_file is None and CheckedSettings.looks_for_files and overrides.get("_env_file", ".env") is not None:
        return found.model_copy(update={"vault_file": VAULT_FILE})
    return found


def load(kind: type[_S], **overrides: object) -> _S:
    """Read settings of one kind; a malformed one is a `ConfigurationError` that names it and says what it means."""
    overrides.setdefault("_env_file", CheckedSettings.env_file)
    if not CheckedSettings.looks_for_files:
        overrides["_env_file"] = None
    try:
        return kind(**overrides)  # type: ignore[arg-type]
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False, include_context=False)[0]
        name, said = str(first["loc"][0] if first["loc"] else "").upper(), first["msg"].removeprefix("Value error, ")
    except SettingsError as problem:  # its cause quotes the value
        name, said = _field_in(str(problem)), "it is not written as a list or table is written in JSON"
    except UnicodeDecodeError:
        name, said = str(overrides["_env_file"]), "it is not text in UTF-8"
    # Raised out here, so that what may quote the value is not even kept as the context of the error.
    raise _wrong(f"{name or kind.__name__} cannot be used: {said}.", _describe(kind, name))


def load_settings(**overrides: object) -> Settings:
    """Read what reading Sage 300 needs."""
    return load(Settings, **overrides)


def _field_in(complaint: str) -> str:
    quoted = complaint.split('"')
    return quoted[1].upper() if len(quoted) > 1 else ""


def _describe(kind: type[BaseSettings], name: str) -> str:
    declared = kind.model_fields.get(name.lower())
    return f"It means: {declared.description}" if declared and declared.description else ""


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser() if str(path).startswith("~") else path
    except RuntimeError:
        raise ValueError("there is no home that ~ could stand for; write the whole path") from None


def _wrong(message: str, cure: str) -> ConfigurationError:
    return ConfigurationError(message, cure=cure)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:  # a part of a name, such as America, is a folder
        raise ValueError(f"there is no time zone {name!r}; use a name such as America/Toronto") from unknown
    return name
