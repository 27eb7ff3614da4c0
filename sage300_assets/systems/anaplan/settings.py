"""What reaching Anaplan needs, from the environment or a `.env` file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.settings import EnvSettings, http_address

LoginKind = Literal["basic", "certificate", "device", "authorization code"]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class AnaplanSettings(EnvSettings):
    """What reaching Anaplan needs. Without a model nothing of Anaplan exists here."""

    anaplan_api_url: str = Field(default="https://api.anaplan.com", description="Integration API; newer regions have their own host.")
    anaplan_auth_url: str = Field(default="https://auth.anaplan.com", description="Token service for passwords and certificates.")
    anaplan_oauth_url: str = Field(default="https://us1a.app.anaplan.com", description="OAuth service; not the token service.")
    anaplan_workspace_id: str = Field(default="", description="Workspace: 32 letters and digits.")
    anaplan_model_id: str = Field(default="", description="Model: 32 letters and digits; case matters.")
    anaplan_username: str = Field(default="", description="A user for the integration; with single sign-on it must be an Exception User.")
    anaplan_password: SecretStr = Field(default=SecretStr(""), description="Its password; Anaplan lets it expire every few months.")
    anaplan_certificate_file: Path | None = Field(default=None, description="PEM file with the certificate that the user has registered.")
    anaplan_private_key_file: Path | None = Field(default=None, description="PEM file with the certificate's private key.")
    anaplan_private_key_password: SecretStr = Field(default=SecretStr(""), description="Password of the private key, if it has one.")
    anaplan_certificate_format: Literal["v1", "v2"] = Field(default="v2", description="How a certificate login is signed; v1 is the older form.")
    anaplan_client_id: str = Field(default="", description="OAuth client: of a device grant, or with ANAPLAN_CLIENT_SECRET of authorization codes.")
    anaplan_client_secret: SecretStr = Field(default=SecretStr(""), description="Secret of an OAuth client of the authorization code kind.")
    anaplan_redirect_uri: str = Field(default="", description="Redirect address that an OAuth client of that kind is registered with.")
    anaplan_ca_bundle: Path | None = Field(default=None, description="PEM file with the authority that signs for a proxy in between.")
    anaplan_state_folder: Path = Field(default=Path("var/anaplan"), description="Folder for what all processes share: the allowance of requests.")
    anaplan_requests_per_minute: int = Field(default=600, ge=1, le=600, description="The tenant's limit, shared by everybody in it.")
    anaplan_chunk_megabytes: int = Field(default=10, ge=1, le=50, description="Size of the pieces in which files are sent.")
    anaplan_timeout: float = Field(default=300.0, gt=0, description="Seconds one answer may take; a large model takes minutes to wake.")
    anaplan_tries: int = Field(default=6, ge=1, le=20, description="How often a request is tried.")

    @field_validator("anaplan_api_url", "anaplan_auth_url", "anaplan_oauth_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.strip().rstrip("/")

    @property
    def is_configured(self) -> bool:
        """Whether anything of Anaplan is wanted here."""
        return bool(self.anaplan_model_id)

    @property
    def login_kind(self) -> LoginKind:
        """How to log in; the settings must say one way, and only one."""
        ways: dict[LoginKind, bool] = {
            "basic": bool(self.anaplan_password.get_secret_value()),
            "certificate": self.anaplan_certificate_file is not None or self.anaplan_private_key_file is not None,
            "device": bool(self.anaplan_client_id) and not self.anaplan_client_secret.get_secret_value(),
            "authorization code": bool(self.anaplan_client_id) and bool(self.anaplan_client_secret.get_secret_value()),
        }
        chosen = [way for way, meant in ways.items() if meant]
        if len(chosen) != 1:
            said = "no way to log in" if not chosen else f"several ways to log in ({', '.join(chosen)})"
            raise ConfigurationError(
                f"The Anaplan settings say {said}.",
                cure="Set ANAPLAN_USERNAME and ANAPLAN_PASSWORD, ANAPLAN_CERTIFICATE_FILE and ANAPLAN_PRIVATE_KEY_FILE, or ANAPLAN_CLIENT_ID.",
            )
        return chosen[0]

    def require(self) -> None:
        """Check everything that a call needs; the first thing wrong is the error."""
        for name in ("anaplan_api_url", "anaplan_auth_url", "anaplan_oauth_url"):
            _check_address(name.upper(), str(getattr(self, name)))
        if len(self.anaplan_model_id) != 32:
            raise ConfigurationError(
                "ANAPLAN_MODEL_ID is not a model id.", cure="It has 32 letters and digits; open the model and look at its address."
            )
        kind = self.login_kind
        if kind == "basic" and not self.anaplan_username:
            raise ConfigurationError("ANAPLAN_USERNAME is not set.", cure="Set it to the user whose password ANAPLAN_PASSWORD is.")
        if kind == "certificate":
            for name in ("anaplan_certificate_file", "anaplan_private_key_file"):
                file = getattr(self, name)
                if file is None or not Path(file).is_file():
                    raise ConfigurationError(f"{name.upper()} is not a file.", cure="Give the path of a PEM file; certificate and key go together.")


def _check_address(name: str, value: str) -> None:
    url = http_address(name, value, "https://api.anaplan.com")
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        raise ConfigurationError(f"{name} is plain http, which sends credentials readably.", cure="Use https.")
    if url.username or url.password:
        raise ConfigurationError(f"{name} holds a name or password.", cure="Put them into ANAPLAN_USERNAME and ANAPLAN_PASSWORD.")
