"""What the doctor says of Tableau: how to switch it on, and each thing that publishing needs, with cause and cure. Changes nothing on the site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sage300_assets.base.audit import UNRECORDED, Behalf, Recorder, told_to
from sage300_assets.base.errors import ConfigurationError, Sage300AssetsError
from sage300_assets.base.settings import load
from sage300_assets.intake.finding import Finding, Level, problem
from sage300_assets.systems.tableau.settings import TableauSettings
from sage300_assets.systems.tableau.site_settings import SiteSettings

if TYPE_CHECKING:
    from sage300_assets.systems.tableau.session import Session

_SUBJECT = "tableau"
_MAY_PUBLISH = frozenset({"Creator", "ExplorerCanPublish", "SiteAdministratorCreator", "SiteAdministratorExplorer", "ServerAdministrator"})


def tableau_findings(recorder: Recorder = UNRECORDED, /, **overrides: object) -> Iterator[Finding]:
    """Whether anything can be published."""
    try:
        settings, site = load(TableauSettings, **overrides), load(SiteSettings, **overrides)
        if not settings.configured:
            yield Finding(
                Level.NOTE,
                _SUBJECT,
                "Nothing is published to Tableau, because TABLEAU_SERVER_URL is not set.",
                "Set it, with TABLEAU_SITE, TABLEAU_PROJECT, TABLEAU_PAT_NAME and TABLEAU_PAT_SECRET; docs/tableau.md shows how.",
            )
            return
        settings.require()
    except ConfigurationError as wrong:
        yield problem(_SUBJECT, wrong)
        return
    yield _engine()
    yield from _rules(site)
    yield from _visit(settings, site, recorder)


def _engine() -> Finding:
    from sage300_assets.systems.tableau.hyper import engine  # noqa: PLC0415 - heavy, and only of use where Tableau is configured

    try:
        with engine():
            return Finding(Level.OK, _SUBJECT, "The Hyper engine starts on this machine.")
    except Sage300AssetsError as missing:
        return problem(_SUBJECT, missing)


def _rules(site: SiteSettings) -> Iterator[Finding]:
    from sage300_assets.systems.tableau.rules import read_rules  # noqa: PLC0415 - see above

    if site.tableau_site_rules is None:
        return
    try:
        rules = read_rules(site.tableau_site_rules)
    except Sage300AssetsError as wrong:
        yield problem(_SUBJECT, wrong)
        return
    yield Finding(
        Level.OK, _SUBJECT, f"The site's rules are good: {len(rules.users)} users, {len(rules.groups)} groups, {len(rules.projects)} projects."
    )


def _visit(settings: TableauSettings, site: SiteSettings, recorder: Recorder) -> Iterator[Finding]:
    from sage300_assets.systems.tableau.session import Session  # noqa: PLC0415 - see above

    once = settings.model_copy(update={"tableau_tries": 1, "tableau_timeout": min(settings.tableau_timeout, 30.0)})
    session = Session(once, turn_seconds=30, on_call=told_to(recorder, Behalf("doctor")))
    for warning in session.token_warnings():
        yield Finding(Level.NOTE, _SUBJECT, warning.message, warning.cure)
    try:
        with session:
            yield Finding(Level.OK, _SUBJECT, f"Signed in to the site {settings.tableau_site or 'default'!r}; REST API {session.release()}.")
            yield from _rights(session, settings, site)
    except Sage300AssetsError as refusal:
        yield problem(_SUBJECT, refusal)


def _project_rights(session: Session, settings: TableauSettings) -> Iterator[Finding]:
    from sage300_assets.systems.tableau.contents import may_publish, project_at  # noqa: PLC0415 - see above

    try:
        place = project_at(session, settings.tableau_project)
        may = may_publish(session, place)
    except Sage300AssetsError:
        return  # what stands above it has said why
    if may is None:
        cure = "A first publication will show it: `sage300 deliver` with one source."
        yield Finding(Level.NOTE, _SUBJECT, f"Whether the token's user may publish into {place.path} is not to be seen.", cure)
    elif may:
        yield Finding(Level.OK, _SUBJECT, f"The token's user may write into the project {place.path}.")
    else:
        cure = "In Tableau: the project, Actions, Permissions: give the user or a group of it Publish (with View)."
        yield Finding(Level.PROBLEM, _SUBJECT, f"The token's user may not publish into the project {place.path}.", cure)


def _rights(session: Session, settings: TableauSettings, site: SiteSettings) -> Iterator[Finding]:
    import tableauserverclient as tsc  # noqa: PLC0415 - see above

    from sage300_assets.systems.tableau.contents import project_at, sources  # noqa: PLC0415 - see above
    from sage300_assets.systems.tableau.jobs import listed  # noqa: PLC0415 - see above

    def role(server: tsc.Server) -> str:
        return str(server.users.get_by_id(server.user_id).site_role)

    def tried(what: str, look: Callable[[], str], needed_for: str) -> Finding:
        try:
            return Finding(Level.OK, _SUBJECT, look())
        except Sage300AssetsError as refusal:
            cure = refusal.cure or "Give the user of the token the right to it."
            return Finding(Level.PROBLEM, _SUBJECT, f"{what}, which {needed_for} needs: {refusal.message}", cure)

    def project() -> str:
        return f"Publications go to the project {project_at(session, settings.tableau_project).path}."

    def jobs() -> str:
        listed(session)
        return "The jobs of the site are to be seen."

    yield tried("Finding the project", project, "publishing")
    yield from _project_rights(session, settings)
    yield tried("Reading the data sources", lambda: f"{len(sources(session))} data sources are to be seen.", "comparing with what is published")
    yield tried("Reading the jobs", jobs, "following a publication")
    try:
        own = session.ask("reading one's own site role", role)
    except Sage300AssetsError:
        yield Finding(Level.NOTE, _SUBJECT, "The site role of the token's user is not to be seen.", "Publishing needs Creator or ExplorerCanPublish.")
    else:
        if own in _MAY_PUBLISH:
            yield Finding(Level.OK, _SUBJECT, f"The token's user is {own}, which may publish.")
        else:
            cure = "Give it the site role Creator or ExplorerCanPublish, and Publish on the project."
            yield Finding(Level.PROBLEM, _SUBJECT, f"The token's user is {own}, which may not publish.", cure)
        if site.tableau_site_rules is not None and "Administrator" not in own:
            cure = "Use the token of a site administrator where the site is to be kept in order."
            yield Finding(Level.PROBLEM, _SUBJECT, f"TABLEAU_SITE_RULES is set, and the token's user is {own}.", cure)
