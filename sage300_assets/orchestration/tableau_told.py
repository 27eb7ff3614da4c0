"""What a Tableau site told by webhook: an asset that keeps it in sight, with a check of what went wrong, and a sensor that acts on it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

import dagster as dg

from sage300_assets.delivery.plan import ALL
from sage300_assets.flows.tableau import all_sources, flow_name
from sage300_assets.flows.tableau.told import REFRESH_FAILED, REFRESH_SUCCEEDED, SOURCE_DELETED, Told, place_of, told_since
from sage300_assets.orchestration.describe import SHOWN, preview, warning
from sage300_assets.orchestration.source import Source

GROUP, OWNER = "tableau_site", "team:finance-systems"
EVENTS = dg.AssetKey(["tableau", "events"])
NOTHING_WRONG = "nothing_went_wrong"
_REPLAY_AFTER = timedelta(days=1)
"""So long a refresh that failed is not run again twice, unless it went well in between: its own failure is told too, and would start it for ever."""
_LET_GO = timedelta(days=35)
"""So long a failure is shown that is neither told again nor ended: a schedule comes round within a month."""
_FAILED = frozenset({REFRESH_FAILED, "WorkbookRefreshFailed"})
_ENDS_A_FAILURE = frozenset({REFRESH_SUCCEEDED, SOURCE_DELETED, "WorkbookRefreshSucceeded", "WorkbookDeleted"})
"""What ends the failure of a refresh; whatever else happens to the same thing says nothing of it."""


def events_asset() -> dg.AssetsDefinition:
    """What was told since the last look, and what is still wrong of it."""

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
        rows: list[tuple[object, ...]] = [(one.at, one.kind, one.name) for one in told[-SHOWN:]]
        verdict = warning(NOTHING_WRONG, EVENTS, wrong, "; ".join(wrong[:3]) or "nothing went wrong")
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


def told_sensor(project: str, refreshed: Mapping[str, dg.AssetKey]) -> dg.SensorDefinition:
    """Acts on what was told; `refreshed` says which asset refreshes which place."""
    # By place: another project may have a source of the same name.
    ours = {place_of(project, source.name): flow_name(source) for source in all_sources()}
    others = {place_of(*place.rpartition("/")[::2]): key for place, key in refreshed.items()}
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
