"""Where Tableau is, who asks, and where publications go."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import EnvSettings, http_address
from sage300_assets.systems.tableau.credentials import AccessToken, ConnectedApp, Credentials, UserAndPassword

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class TableauSettings(EnvSettings):
    """What publishing to Tableau needs."""

    tableau_server_url: str = Field(default="", description="Address of Tableau, without a path, e.g. https://tableau.example.com")
    tableau_site: str = Field(default="", description="The site as it is written in addresses; empty for the default site of a server.")
    tableau_pat_name: str = Field(default="", description="Name of a personal access token.")
    tableau_pat_secret: SecretStr = Field(default=SecretStr(""), description="Its secret.")
    tableau_pat_expires: date | None = Field(default=None, description="The day it expires, as Tableau shows it under My Account Settings.")
    tableau_connected_app_client_id: str = Field(default="", description="Client id of a Connected App.")
    tableau_connected_app_secret_id: str = Field(default="", description="Id of its secret.")
    tableau_connected_app_secret: SecretStr = Field(default=SecretStr(""), description="The secret itself.")
    tableau_username: str = Field(default="", description="The user, for a Connected App or with a password.")
    tableau_password: SecretStr = Field(default=SecretStr(""), description="The user's password; Tableau Cloud takes none.")
    tableau_project: str = Field(default="", description="Project that publications go to; nested ones as Finance/Ledger.")
    tableau_ca_bundle: Path | None = Field(default=None, description="PEM file with the authority that signed the server's certificate.")
    tableau_allow_http: bool = Field(default=False, description="Allow plain http to a host that is not this machine.")
    tableau_chunk_mb: int = Field(default=5, ge=1, le=64, description="Megabytes sent at once.")
    tableau_timeout: float = Field(default=300.0, gt=0, description="Seconds without a sign of life after which a request is given up.")
    tableau_tries: int = Field(default=6, ge=1, le=20, description="How often a request is tried.")
    tableau_job_minutes: float = Field(default=60.0, gt=0, description="How long a job of the server is waited for.")
    tableau_state_folder: Path = Field(default=Path("var/tableau"), description="Where processes agree on who uses the token.")

    @field_validator("tableau_server_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.strip().rstrip("/")

    @property
    def configured(self) -> bool:
        """Whether Tableau is to be used at all."""
        return bool(self.tableau_server_url)

    def require(self) -> None:
        """Check everything that signing in needs; the first thing wrong is the error."""
        if not self.tableau_server_url:
            raise _wrong("TABLEAU_SERVER_URL is not set.", "Set it to the address of Tableau, e.g. https://tableau.example.com")
        url = http_address("TABLEAU_SERVER_URL", self.tableau_server_url, "https://tableau.example.com")
        if url.username or url.password:
            raise _wrong("TABLEAU_SERVER_URL holds a name or password.", "Put a token into TABLEAU_PAT_NAME and TABLEAU_PAT_SECRET.")
        if url.path or url.query or url.fragment:
            raise _wrong("TABLEAU_SERVER_URL has something behind the host.", "Leave out everything behind it; the site goes into TABLEAU_SITE.")
        if url.scheme == "http" and url.hostname not in LOOPBACK and not self.tableau_allow_http:
            raise _wrong("TABLEAU_SERVER_URL is plain http, which sends the token readably.", "Use https, or set TABLEAU_ALLOW_HTTP=true.")
        if self.tableau_ca_bundle is not None and not self.tableau_ca_bundle.is_file():
            raise _wrong("TABLEAU_CA_BUNDLE is not a file.", f"Nothing is at {self.tableau_ca_bundle}; give the path of a PEM file.")
        self.credentials()

    def credentials(self) -> Credentials:
        """The one way of signing in that is set."""
        app = (self.tableau_connected_app_client_id, self.tableau_connected_app_secret_id, self.tableau_connected_app_secret.get_secret_value())
        ways = {
            "a personal access token": (self.tableau_pat_name, self.tableau_pat_secret.get_secret_value()),
            "a Connected App": app,
            "a password": (self.tableau_password.get_secret_value(),),
        }
        begun = [name for name, parts in ways.items() if any(parts)]
        if len(begun) != 1:
            said = f"Both {' and '.join(begun)} are set." if begun else "Nothing to sign in to Tableau with is set."
            raise _wrong(said, "Set TABLEAU_PAT_NAME and TABLEAU_PAT_SECRET, or TABLEAU_CONNECTED_APP_*, or TABLEAU_USERNAME and TABLEAU_PASSWORD.")
        for variable, value in self._parts_of(begun[0]).items():
            if not value:
                raise _wrong(f"{variable} is not set.", f"It is needed to sign in with {begun[0]}.")
        if begun[0] == "a personal access token":
            return AccessToken(self.tableau_pat_name, Secret(self.tableau_pat_secret.get_secret_value()), self.tableau_pat_expires)
        if begun[0] == "a Connected App":
            return ConnectedApp(app[0], app[1], Secret(app[2]), self.tableau_username)
        return UserAndPassword(self.tableau_username, Secret(self.tableau_password.get_secret_value()))

    def _parts_of(self, way: str) -> dict[str, str]:
        if way == "a personal access token":
            return {"TABLEAU_PAT_NAME": self.tableau_pat_name, "TABLEAU_PAT_SECRET": self.tableau_pat_secret.get_secret_value()}
        if way == "a Connected App":
            return {
                "TABLEAU_CONNECTED_APP_CLIENT_ID": self.tableau_connected_app_client_id,
                "TABLEAU_CONNECTED_APP_SECRET_ID": self.tableau_connected_app_secret_id,
                "TABLEAU_CONNECTED_APP_SECRET": self.tableau_connected_app_secret.get_secret_value(),
                "TABLEAU_USERNAME": self.tableau_username,
            }
        return {"TABLEAU_USERNAME": self.tableau_username}


def _wrong(message: str, cure: str) -> ConfigurationError:
    return ConfigurationError(message, cure=cure)
