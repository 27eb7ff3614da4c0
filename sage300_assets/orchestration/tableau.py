"""The rest of a Tableau site, beside what is published: people and rights against their declaration, what others extract, what webhooks told.

Nothing of it exists where Tableau is not configured.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
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
from sage300_assets.flows.tableau.told import REFRESH_FAILED, REFRESH_SUCCEEDED, SOURCE_DELETED, Told, place_of, told_since
from sage300_assets.lake.files import write_whole
from sage300_assets.lake.lake import Lake
from sage300_assets.lake.layout import VIEWS
from sage300_assets.orchestration.describe import preview
from sage300_assets.orchestration.models import follows_its_sources
from sage300_assets.orchestration.names import word
from sage300_assets.orchestration.source import Source
from sage300_assets.systems.tableau.site_settings import SiteSettings

if TYPE_CHECKING:  # brings the client library, which the definitions do not need
    from sage300_assets.systems.tableau.people import SiteState
    from sage300_assets.systems.tableau.rules import SiteRules
    from sage300_assets.systems.tableau.session import Session

GROUP, OWNER = "tableau_site", "team:finance-systems"
SITE, REFRESH = "tableau_site", "tableau_refresh"
USERS, GROUPS, RIGHTS, ACCESS = (dg.AssetKey(["tableau", name]) for name in ("users", "groups", "permissions", "access_list"))
EVENTS, EXPORTED = (dg.AssetKey(["tableau", name]) for name in ("events", "views"))
AS_DECLARED, AS_IN_SAGE, NOTHING_WRONG, TOKEN_LIVES = "as_declared", "as_in_sage300", "nothing_went_wrong", "token_lives"
FOLDER = "_tableau"
_SHOWN = 20
_WARN, _FAIL = timedelta(hours=30), timedelta(hours=50)
_REPLAY_AFTER = timedelta(days=1)
"""So long a refresh that failed is not run again twice, unless it went well in between: its own failure is told too, and would start it for ever."""
_LET_GO = timedelta(days=35)
"""So long a failure is shown that is neither told again nor ended: a schedule comes round within a month."""
_FAILED = frozenset({REFRESH_FAILED, "WorkbookRefreshFailed"})
_ENDS_A_FAILURE = frozenset({REFRESH_SUCCEEDED, SOURCE_DELETED, "WorkbookRefreshSucceeded", "WorkbookDeleted"})
"""What ends the failure of a refresh; whatever else happens to the same thing says nothing of it."""
Rows = Sequence[tuple[str, ...]]


def tableau_site(settings: Settings, entities: Sequence[Entity], door: Door | None = None) -> dg.Definitions:
    """Assets, checks, schedules and the sensor of a site."""
    way = door or Door()
    if not way.settings().configured:
        return dg.Definitions()
    site = load(SiteSettings)
    refreshed = [_refresh_asset(place, way) for place in site.refreshed]
    views = [_views_asset(site, way)] if site.exported else []
    sensors: list[dg.SensorDefinition] = [_told_sensor(way.settings().tableau_project, site.refreshed)]
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
    return dg.Definitions(assets=[_site_assets(way), _events_asset(), *refreshed, *views], jobs=jobs, schedules=schedules, sensors=sensors)


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
            yield _verdict(TOKEN_LIVES, USERS, ends, "; ".join(ends) or "nothing is known of an end of the token")
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
            yield _verdict(AS_DECLARED, RIGHTS, [], "nothing is declared; set TABLEAU_SITE_RULES")
            return
        plan = plan_site(rules, state)
        drift = [f"{step.key}{f' (held: {step.held})' if step.held else ''}" for step in plan.steps]
        drift += [f"{one.kind} {one.name} is declared and not there" for one in plan.missing]
        yield _verdict(
            AS_DECLARED, RIGHTS, drift, f"{len(drift)} differences; `sage300 tableau plan` shows them" if drift else "the site is as declared"
        )
        if site.tableau_security_groups is not None:
            with _told_of_failures():
                listed = access_list(rules, state, read_security_groups(site.tableau_security_groups))
            rows = [(a.company, a.person, a.in_tableau, a.in_sage, a.difference) for a in listed]
            yield _kept(lake, ACCESS, ("company", "person", "in_tableau", "in_sage300", "difference"), rows)
            apart = [f"{a.company} {a.person}: {a.difference}" for a in listed if a.difference]
            yield _verdict(AS_IN_SAGE, ACCESS, apart, f"{len(apart)} differences" if apart else "both sides agree")

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
    shown: list[tuple[object, ...]] = [tuple(row) for row in rows[:_SHOWN]]
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "dagster/row_count": dg.MetadataValue.int(len(rows)),
            "file": dg.MetadataValue.path(str(file)),
            "preview": dg.MetadataValue.md(preview(shown, list(columns))),
        },
    )


def _verdict(check: str, key: dg.AssetKey, offending: Sequence[str], said: str) -> dg.AssetCheckResult:
    lines = "\n".join(f"- {line}" for line in offending[:_SHOWN])
    return dg.AssetCheckResult(
        check_name=check,
        asset_key=key,
        passed=not offending,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={"offending": dg.MetadataValue.md(lines)} if lines else {},
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


# --- what webhooks told ------------------------------------------------------------------------------------------------------------------


def _events_asset() -> dg.AssetsDefinition:
    @dg.asset(
        key=EVENTS,
        description="What the site told by webhook, each confirmed with the site itself. `sage300 serve` takes them.",
        group_name=GROUP,
        owners=[OWNER],
        kinds={"tableau"},
        check_specs=[
            dg.AssetCheckSpec(
                NOTHING_WRONG,
                asset=EVENTS,
                description="Each refresh that failed went well since, and no source was deleted since the last look. A failure of which nothing was "
                f"told for {_LET_GO.days} days is let go: what is still scheduled fails again or succeeds.",
            )
        ],
    )
    def events(context: dg.AssetExecutionContext, sage300: dg.ResourceParam[Source]) -> Iterator[dg.MaterializeResult[None]]:
        read_to, failing = _last_look(context.instance)
        told = told_since(sage300.lake, read_to)
        failing = _still_failing(failing, told, sage300.now())
        wrong = [*failing.values(), *(_said(one) for one in told if one.kind == SOURCE_DELETED)]
        rows: list[tuple[object, ...]] = [(one.at, one.kind, one.name) for one in told[-_SHOWN:]]
        verdict = _verdict(NOTHING_WRONG, EVENTS, wrong, "; ".join(wrong[:3]) or "nothing went wrong")
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": dg.MetadataValue.int(len(told)),
                "read_to": dg.MetadataValue.text(told[-1].place if told else read_to),
                "failing": dg.MetadataValue.json(failing),
                "events": dg.MetadataValue.md(preview(rows, ["at", "what", "of"])),
            },
            check_results=[verdict],
        )

    return events


def _last_look(instance: dg.DagsterInstance) -> tuple[str, dict[str, str]]:
    """How far it read, and what was failing then."""
    event = instance.get_latest_materialization_event(EVENTS)
    kept = event.asset_materialization.metadata if event and event.asset_materialization else {}
    read_to, failing = (kept[name].value if name in kept else None for name in ("read_to", "failing"))
    return str(read_to or ""), {one: str(said) for one, said in failing.items()} if isinstance(failing, Mapping) else {}


def _still_failing(before: Mapping[str, str], told: Iterable[Told], now: datetime) -> dict[str, str]:
    """What failed to refresh lately and was neither refreshed nor deleted since: its id on the site, and what is said of it."""
    failing = dict(before)
    for one in told:
        if one.kind in _FAILED:
            failing[one.id] = _said(one)
        elif one.kind in _ENDS_A_FAILURE:
            failing.pop(one.id, None)
    return {key: said for key, said in failing.items() if not _is_over(said, now)}


def _said(one: Told) -> str:
    return f"{one.kind}: {one.name}, {one.at}"


def _is_over(said: str, now: datetime) -> bool:
    """Whether a failure is let go; when it was told stands at the end of what is said."""
    return now - datetime.fromisoformat(said.rpartition(", ")[2]) > _LET_GO


@dataclass
class _Reading:
    """How far was read what the site told, and which refreshes were run again since they last went well."""

    place: str = ""
    replayed: dict[str, str] = field(default_factory=dict)
    """Place on the site -> when it was told that it had failed."""

    @classmethod
    def at(cls, cursor: str | None) -> "_Reading":
        """From a cursor; those of before were a place alone."""
        return cls(**json.loads(cursor)) if cursor and cursor.startswith("{") else cls(cursor or "")

    def is_due(self, one: Told) -> bool:
        """Whether a refresh that failed is to be run again."""
        before = self.replayed.get(one.where)
        if before is not None and datetime.fromisoformat(one.at) - datetime.fromisoformat(before) < _REPLAY_AFTER:
            return False
        self.replayed[one.where] = one.at
        return True


def _told_sensor(project: str, refreshed: Sequence[str]) -> dg.SensorDefinition:
    # By place: another project may have a source of the same name.
    ours = {place_of(project, source.name): flow_name(source) for source in all_sources()}
    others = {place_of(*place.rpartition("/")[::2]): refresh_key(place) for place in refreshed}
    delivered = [dg.AssetKey([ALL, kind, name]) for name in ours.values() for kind in ("plan", "delivery")]

    @dg.sensor(
        name="tableau_told",
        target=dg.AssetSelection.assets(EVENTS, *others.values(), *delivered),
        minimum_interval_seconds=60,
        description="Acts on what the site told: a failed refresh is run again once, a deleted source is published again, and a check says so.",
    )
    def act(context: dg.SensorEvaluationContext, sage300: dg.ResourceParam[Source]) -> dg.SensorResult:
        reading = _Reading.at(context.cursor)
        told = told_since(sage300.lake, reading.place)
        if not told:
            return dg.SensorResult(run_requests=_letting_go(context.instance, sage300.now()))
        keys = {EVENTS}
        for one in told:
            if one.kind == SOURCE_DELETED and one.where in ours:
                keys |= {dg.AssetKey([ALL, kind, ours[one.where]]) for kind in ("plan", "delivery")}
            if one.kind == REFRESH_FAILED and one.where in others and reading.is_due(one):
                keys.add(others[one.where])
            if one.kind == REFRESH_SUCCEEDED and one.where in others:
                reading.replayed.pop(one.where, None)
                keys.discard(others[one.where])
        reading.place = told[-1].place
        request = dg.RunRequest(run_key=reading.place, asset_selection=sorted(keys))
        return dg.SensorResult(run_requests=[request], cursor=json.dumps(asdict(reading)))

    return act


def _letting_go(instance: dg.DagsterInstance, now: datetime) -> list[dg.RunRequest]:
    """Another look, at most once a day, where a failure is to be let go of: on a quiet site nothing else would ask for one."""
    _, failing = _last_look(instance)
    over = any(_is_over(said, now) for said in failing.values())
    return [dg.RunRequest(run_key=f"let go {now:%Y-%m-%d}", asset_selection=[EVENTS])] if over else []


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


__all__ = ["EVENTS", "refresh_key", "tableau_site"]
