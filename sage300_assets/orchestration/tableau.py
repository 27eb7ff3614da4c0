"""The rest of a Tableau site, beside what is published: people and rights against their declaration, what others extract.

Nothing of it exists where Tableau is not configured.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from sage300_assets.base.audit import Behalf
from sage300_assets.base.errors import ConfigurationError, RetriableError, Sage300AssetsError
from sage300_assets.base.settings import Settings, load
from sage300_assets.catalogue.model import Entity
from sage300_assets.delivery.plan import ALL
from sage300_assets.delivery.surroundings import laid_out
from sage300_assets.flows.tableau import all_sources, flow_name
from sage300_assets.flows.tableau.offer import Door
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import VIEWS
from sage300_assets.orchestration.describe import SHOWN, preview, warning
from sage300_assets.orchestration.models import follows_its_sources
from sage300_assets.orchestration.names import word
from sage300_assets.orchestration.source import Source
from sage300_assets.orchestration.tableau_told import GROUP, OWNER, events_asset, told_sensor
from sage300_assets.systems.tableau.site_settings import SiteSettings

if TYPE_CHECKING:  # brings the client library, which the definitions do not need
    from sage300_assets.systems.tableau.people import SiteState
    from sage300_assets.systems.tableau.rules import SiteRules
    from sage300_assets.systems.tableau.session import Session

SITE, REFRESH = "tableau_site", "tableau_refresh"
USERS, GROUPS, RIGHTS, ACCESS = (dg.AssetKey(["tableau", name]) for name in ("users", "groups", "permissions", "access_list"))
EXPORTED = dg.AssetKey(["tableau", "views"])
AS_DECLARED, AS_IN_SAGE, TOKEN_LIVES = "as_declared", "as_in_sage300", "token_lives"
FOLDER = "_tableau"
_WARN, _FAIL = timedelta(hours=30), timedelta(hours=50)
Rows = Sequence[tuple[str, ...]]


def tableau_site(settings: Settings, entities: Sequence[Entity], door: Door | None = None) -> dg.Definitions:
    """Assets, checks, schedules and the sensor of a site."""
    way = door or Door()
    if not way.settings().configured:
        return dg.Definitions()
    site = load(SiteSettings)
    refreshed = [_refresh_asset(place, way) for place in site.refreshed]
    views = [_views_asset(site, way)] if site.exported else []
    sensors: list[dg.SensorDefinition] = [told_sensor(way.settings().tableau_project, {place: refresh_key(place) for place in site.refreshed})]
    zone = settings.sage300_timezone
    jobs = [dg.define_asset_job(SITE, dg.AssetSelection.assets(USERS, GROUPS, RIGHTS, ACCESS), description="Who may do what on the site.")]
    schedules = [dg.ScheduleDefinition(name="tableau_site_daily", job_name=SITE, cron_schedule="0 6 * * *", execution_timezone=zone)]
    if refreshed:
        keys = dg.AssetSelection.assets(*(refresh_key(place) for place in site.refreshed), *([EXPORTED] if views else []))
        jobs.append(dg.define_asset_job(REFRESH, keys, description="Extracts that the server makes itself."))
        schedules.append(dg.ScheduleDefinition(name="tableau_refresh_daily", job_name=REFRESH, cron_schedule="0 7 * * *", execution_timezone=zone))
    if views:
        target = dg.AssetSelection.assets(EXPORTED)
        sensors.append(
            dg.AutomationConditionSensorDefinition(
                "tableau_views_follow", target=target, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=60
            )
        )
    return dg.Definitions(assets=[_site_assets(way), events_asset(), *refreshed, *views], jobs=jobs, schedules=schedules, sensors=sensors)


def refresh_key(place: str) -> dg.AssetKey:
    """`tableau / refresh / finance_budget`."""
    return dg.AssetKey(["tableau", "refresh", word(place)])


# --- people and rights -----------------------------------------------------------------------------------------------------------------


def _site_assets(door: Door) -> dg.AssetsDefinition:
    said = {
        USERS: "Users of the site with their roles.",
        GROUPS: "Groups of the site and who belongs to them.",
        RIGHTS: "Rights on the projects and data sources that the site's rules name.",
        ACCESS: "Who may see which company's figures in Tableau, against the security groups of Sage 300.",
    }

    @dg.multi_asset(
        name="tableau_site_state",
        specs=[
            dg.AssetSpec(key, description=text, group_name=GROUP, owners=[OWNER], kinds={"tableau", "parquet"}, skippable=True)
            for key, text in said.items()
        ],
        check_specs=[
            dg.AssetCheckSpec(TOKEN_LIVES, asset=USERS, description="The token that signs in will not end soon, of age or of disuse."),
            dg.AssetCheckSpec(AS_DECLARED, asset=RIGHTS, description="The site is as TABLEAU_SITE_RULES says."),
            dg.AssetCheckSpec(
                AS_IN_SAGE, asset=ACCESS, description="Whoever sees a company in Tableau may see it in Sage 300, and the other way round."
            ),
        ],
        retry_policy=dg.RetryPolicy(max_retries=1, delay=60),
    )
    def look(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        from sage300_assets.systems.tableau.access import access_list, read_security_groups  # noqa: PLC0415 - brings the client library
        from sage300_assets.systems.tableau.governing import plan_site  # noqa: PLC0415 - brings the client library

        site = load(SiteSettings)
        with _on_record(sage300, context.run.run_id, "tableau site"):
            session = door.session()
            # Before it signs in, which is a use, and may already fail.
            ends = [f"{warning.message} {warning.cure}" for warning in session.token_warnings()]
            yield warning(TOKEN_LIVES, USERS, ends, "; ".join(ends) or "nothing is known of an end of the token")
            with session:
                rules, state = _read(session, site)
        names = {user.id: user.name for user in state.users} | {group.id: group.name for group in state.groups}
        users = [(u.name, u.role, u.full_name, u.auth, u.last_login) for u in state.users]
        members = [(g.name, names.get(m, m)) for g in state.groups for m in sorted(g.members)]
        places = {p.id: p.path for p in state.projects} | {s.id: s.name for s in state.sources}
        rights = [
            (place.kind, places.get(place.id, place.id), r.grantee_kind, names.get(r.grantee_id, r.grantee_id), r.capability, r.mode)
            for place, found in sorted(state.rights.items())
            for r in sorted(found)
        ]
        lake = sage300.lake
        yield _kept(lake, USERS, ("name", "role", "full_name", "auth", "last_login"), users)
        yield _kept(lake, GROUPS, ("group", "member"), members)
        yield _kept(lake, RIGHTS, ("kind", "place", "grantee_kind", "grantee", "capability", "mode"), rights)
        if rules is None:
            yield warning(AS_DECLARED, RIGHTS, [], "nothing is declared; set TABLEAU_SITE_RULES")
            return
        plan = plan_site(rules, state)
        drift = [f"{step.key}{f' (held: {step.held})' if step.held else ''}" for step in plan.steps]
        drift += [f"{one.kind} {one.name} is declared and not there" for one in plan.missing]
        yield warning(
            AS_DECLARED, RIGHTS, drift, f"{len(drift)} differences; `sage300 tableau plan` shows them" if drift else "the site is as declared"
        )
        if site.tableau_security_groups is not None:
            with _told_of_failures():
                listed = access_list(rules, state, read_security_groups(site.tableau_security_groups))
            rows = [(a.company, a.person, a.in_tableau, a.in_sage, a.difference) for a in listed]
            yield _kept(lake, ACCESS, ("company", "person", "in_tableau", "in_sage300", "difference"), rows)
            apart = [f"{a.company} {a.person}: {a.difference}" for a in listed if a.difference]
            yield warning(AS_IN_SAGE, ACCESS, apart, f"{len(apart)} differences" if apart else "both sides agree")

    return look


def _read(session: "Session", site: SiteSettings) -> "tuple[SiteRules | None, SiteState]":
    from sage300_assets.systems.tableau.governing import read_for  # noqa: PLC0415 - brings the client library
    from sage300_assets.systems.tableau.people import read_site  # noqa: PLC0415 - brings the client library
    from sage300_assets.systems.tableau.rules import read_rules  # noqa: PLC0415 - brings the client library

    rules = read_rules(site.tableau_site_rules) if site.tableau_site_rules else None
    return rules, read_for(session, rules) if rules else read_site(session)


def _kept(lake: Lake, key: dg.AssetKey, columns: Sequence[str], rows: Rows) -> dg.MaterializeResult[None]:
    file = lake.root / FOLDER / f"{key.path[-1]}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    hidden = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    pq.write_table(pa.table({name: pa.array([row[number] for row in rows], pa.string()) for number, name in enumerate(columns)}), hidden)
    hidden.replace(file)
    shown: list[tuple[object, ...]] = [tuple(row) for row in rows[:SHOWN]]
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "dagster/row_count": dg.MetadataValue.int(len(rows)),
            "file": dg.MetadataValue.path(str(file)),
            "preview": dg.MetadataValue.md(preview(shown, list(columns))),
        },
    )


# --- what others extract -----------------------------------------------------------------------------------------------------------------


def _refresh_asset(place: str, door: Door) -> dg.AssetsDefinition:
    @dg.asset(
        key=refresh_key(place),
        description=f"The extract of {place}, which the server itself makes, refreshed.",
        group_name=GROUP,
        owners=[OWNER],
        kinds={"tableau"},
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=_FAIL, warn_window=_WARN),
        retry_policy=dg.RetryPolicy(max_retries=2, delay=120),
    )
    def again(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> dg.MaterializeResult[None]:
        from sage300_assets.systems.tableau.contents import project_at, source_called  # noqa: PLC0415 - brings the client library
        from sage300_assets.systems.tableau.refreshing import refresh  # noqa: PLC0415 - brings the client library

        above, _, name = place.rpartition("/")
        with _on_record(sage300, context.run.run_id, place), door.session() as session:
            found = source_called(session, name, project_at(session, above).id)
            if found is None:
                raise ConfigurationError(f"There is no data source {place} on the site.", cure="Compare with TABLEAU_REFRESH.")
            ended = refresh(session, found)
        return dg.MaterializeResult(metadata={"outcome": dg.MetadataValue.text(ended.value)})

    return again


def _views_asset(site: SiteSettings, door: Door) -> dg.AssetsDefinition:
    ours = [dg.AssetKey([ALL, "delivery", flow_name(source)]) for source in all_sources()]

    @dg.asset(
        key=EXPORTED,
        deps=[*ours, *(refresh_key(place) for place in site.refreshed)],
        description="The chosen views as they look after what is published or refreshed: PNG, PDF or CSV.",
        group_name=GROUP,
        owners=[OWNER],
        kinds={"tableau"},
        automation_condition=follows_its_sources(),
        retry_policy=dg.RetryPolicy(max_retries=1, delay=120),
    )
    def exported(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> dg.MaterializeResult[None]:
        with _on_record(sage300, context.run.run_id, "tableau views"), door.session() as session:
            files = [_exported(session, wanted, sage300.lake) for wanted in site.exported]
        return dg.MaterializeResult(metadata={"views": dg.MetadataValue.text(", ".join(str(f) for f in files))})

    return exported


def _exported(session: "Session", wanted: str, lake: Lake) -> Path:
    from sage300_assets.systems.tableau.refreshing import Picture, export, views  # noqa: PLC0415 - brings the client library

    address, _, ending = wanted.rpartition(".")
    known = views(session)
    if address not in known or ending not in {form.value for form in Picture}:
        raise ConfigurationError(
            f"The view {wanted} cannot be exported.", cure=f"Write it as one of {', '.join(sorted(known)[:10])}, with .png, .pdf or .csv."
        )
    file = lake.root / VIEWS / f"{word(address)}.{ending}"
    write_whole(file, export(session, known[address], Picture(ending)))
    return file


# --- runs --------------------------------------------------------------------------------------------------------------------------------


@contextmanager
def _on_record(source: Source, run: str, asset: str) -> Iterator[None]:
    """A part of a run whose calls, beginning and end are in the ledger."""
    with _told_of_failures(), source.keeper.part(run, asset, how="Dagster"), laid_out(source.keeper, Behalf(run, asset=asset)):
        yield


@contextmanager
def _told_of_failures() -> Iterator[None]:
    """Failures of a site, as Dagster takes them: what will not pass by itself is not tried again."""
    try:
        yield
    except Sage300AssetsError as problem:
        raise dg.Failure(description=str(problem), allow_retries=isinstance(problem, RetriableError)) from problem


__all__ = ["refresh_key", "tableau_site"]
