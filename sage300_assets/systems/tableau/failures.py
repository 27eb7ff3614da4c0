"""What went wrong, by what the caller should do about it. The client library's own errors never get further than here."""

from __future__ import annotations

import re
from xml.etree.ElementTree import ParseError

import requests
import tableauserverclient as tsc
from tableauserverclient.server.endpoint.exceptions import InternalServerError, NonXMLResponseError, RedirectError, TableauError
from tableauserverclient.server.exceptions import EndpointUnavailableError

from sage300_assets.base.errors import (
    AccessError,
    BadAnswer,
    ConfigurationError,
    NotReached,
    PermanentError,
    RetriableError,
    Sage300AssetsError,
    Throttled,
    UnknownOutcome,
)

LIBRARY_ERRORS = (TableauError, EndpointUnavailableError, requests.RequestException, ParseError)
"""Everything that a call through the client library may raise because of the other side."""

SWITCHED_OFF = "403157"
_CURES = {
    "400000": "A file of several tables needs keys that join all of them into one tree with one fact table.",
    "400011": "The file cannot be read by this server: look at its format version and, with several tables, its keys.",
    "403004": "Give the user of the token the right to it: to publish, the site role Creator or ExplorerCanPublish and Publish on the project.",
    "403007": "A data source of that name is there already and is not to be overwritten.",
    "403045": "Let a site administrator create the project.",
    "403131": "Give the user of the token Overwrite on the data source, or make it a leader of the project.",
    "403141": "Give the user of the token Overwrite on the data source, or make it a leader of the project.",
    SWITCHED_OFF: "The site has this feature switched off.",
    "404005": "Check TABLEAU_PROJECT: nested projects are written as Finance/Ledger.",
    "409090": "The data source has nothing to refresh from; it is fresh when it is published again.",
    "413000": "Publish the whole extract instead of a change.",
}


def is_dead_token(problem: Exception) -> bool:
    """Whether a call was refused because the session has ended."""
    return isinstance(problem, tsc.FailedSignInError)


def classified(  # noqa: PLR0911 - a table of failures
    problem: Exception, what: str, *, sure: bool, retry_after: float | None = None
) -> Sage300AssetsError:
    """The same failure as an error of ours. `sure`: repeating cannot do harm, so a lost answer is only a nuisance."""
    match problem:
        case tsc.FailedSignInError():
            return AccessError(f"{what}: Tableau refuses the sign-in ({problem.code}).")
        case tsc.ServerResponseError():
            return _refused(problem, what, retry_after)
        case InternalServerError():
            said = f"{what}: Tableau answered {problem.code}."
            return RetriableError(said, cure="Try again later.") if sure else _unknown(said)
        case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(problem):  # any other one is a connection that broke
            return ConfigurationError(
                f"{what}: the certificate of Tableau is not trusted.", cure="Set TABLEAU_CA_BUNDLE to the authority's PEM file."
            )
        case requests.exceptions.ConnectTimeout():
            return NotReached(f"{what}: Tableau does not answer.", cure="Check TABLEAU_SERVER_URL and the network.")
        case requests.exceptions.ConnectionError() if "Max retries exceeded" in str(problem) and "refused" in str(problem).lower():
            return NotReached(f"{what}: nothing answers at TABLEAU_SERVER_URL.", cure="Check the address, and that the server runs.")
        case RedirectError():
            cure = "Set TABLEAU_SERVER_URL to the address that it leads to; a redirect is not followed, so that the token goes nowhere else."
            return ConfigurationError(f"{what}: TABLEAU_SERVER_URL redirects to another address.", cure=cure)
        case EndpointUnavailableError():
            return PermanentError(f"{what}: this release of Tableau cannot do it ({problem}).", cure="Update Tableau.")
        case ParseError() | NonXMLResponseError():
            said = f"{what}: the answer is not Tableau's."
            return BadAnswer(said, cure="Check TABLEAU_SERVER_URL; a proxy may stand in between.") if sure else _unknown(said)
        case _:
            said = f"{what}: the connection broke ({type(problem).__name__})."
            return RetriableError(said, cure="Check the network.") if sure else _unknown(said)


class JobFailed(RetriableError):
    """A job ended badly and does not say why, or because another one was under way: it may pass, as another job."""


def job_failure(what: str, notes: str) -> Sage300AssetsError:
    """A job that failed, by what it says."""
    code = re.search(r"errorCode=(\d+)|\((\d{6})\)", notes)
    found = (code[1] or code[2]) if code else ""
    said = f"{what}: the job failed: {notes}" if notes else f"{what}: the job failed and does not say why."
    if "under way" in notes or not notes:
        return JobFailed(said, cure="Try again; the server's log says more.")
    return PermanentError(said, cure=_CURES.get(found, "The server's log says more."), code=found)


def _refused(problem: tsc.ServerResponseError, what: str, retry_after: float | None) -> Sage300AssetsError:
    code = str(problem.code)
    said = f"{what}: Tableau refuses ({code}): {problem.detail or problem.summary}"
    if code.startswith("429"):
        return Throttled(f"{what}: Tableau asks us to slow down.", cure="Fewer workers at once help.", seconds=retry_after)
    if code.startswith("413") and re.search("storage|quota", f"{problem.detail}", re.IGNORECASE):
        return PermanentError(said, cure="The site is full: remove content, or have its storage quota raised.", code=code, status=413)
    if code.startswith(("403", "401")) and code != SWITCHED_OFF:
        return AccessError(said, cure=_CURES.get(code, "Give the user of the token the right to it."))
    status = int(code[:3]) if code[:3].isdigit() else 0
    return PermanentError(said, cure=_CURES.get(code, ""), code=code, status=status)


def _unknown(said: str) -> UnknownOutcome:
    return UnknownOutcome(f"{said} Whether it was done is not known.", cure="Look at the target before it is tried again.")
