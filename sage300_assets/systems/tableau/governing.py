"""What has to change so that the site is as declared: planned as plain values, held where a person loses access, and carried out step by step.

Each step can be done twice without harm, and what it needs is looked up when it is done: a plan may wait for days.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import tableauserverclient as tsc
from tableauserverclient.models.reference_item import ResourceReference
from tableauserverclient.models.target import Target
from tableauserverclient.server import RequestFactory

from sage300_assets.base.errors import PermanentError, UnknownOutcome
from sage300_assets.systems.tableau.people import Place, Right, SiteState, User, own_timetables, read_site, rights_of, rights_url, timetable_words
from sage300_assets.systems.tableau.rules import Grant, ScheduleRule, SiteRules
from sage300_assets.systems.tableau.session import Session

ADMINISTRATORS = frozenset({"SiteAdministratorCreator", "SiteAdministratorExplorer", "ServerAdministrator"})
LOOKS = 8
"""How often the site is read for something that its lists may not show yet."""
_LOST = "whoever has it would lose a right"
_LICENCES = ("Unlicensed", "Viewer", "Explorer", "ExplorerCanPublish", "Creator")
_LICENCE_OF = {name: rank for rank, name in enumerate(_LICENCES)} | {"SiteAdministratorExplorer": 3, "SiteAdministratorCreator": 4}


class Action(Enum):
    """What a step does."""

    ADD_USER = "add user"
    CHANGE_ROLE = "change role"
    REMOVE_USER = "remove user"
    ADD_GROUP = "add group"
    JOIN = "add to group"
    LEAVE = "remove from group"
    GRANT = "grant"
    REVOKE = "revoke"
    ADD_SCHEDULE = "add schedule"
    CHANGE_SCHEDULE = "change schedule"
    REFRESH_BY = "refresh by schedule"
    REFRESH_NO_MORE = "refresh no more"


@dataclass(frozen=True, slots=True)
class Step:
    """One difference between the site and its declaration."""

    action: Action
    subject: str
    """The user, the group, or the place of a right."""
    value: str = ""
    """The role, the group, or the right."""
    before: str = ""
    held: str = ""
    """Why it is not carried out before a person has confirmed it."""

    @property
    def key(self) -> str:
        """What a person confirms."""
        return f"{self.action.value}: {self.subject}" + (f" · {self.value}" if self.value else "")


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is declared and not there to be changed: content is published, not made here."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class SitePlan:
    """Every difference."""

    steps: tuple[Step, ...]
    missing: tuple[Missing, ...] = ()

    @property
    def held(self) -> tuple[Step, ...]:
        """What waits for a person."""
        return tuple(step for step in self.steps if step.held)


def read_for(session: Session, rules: SiteRules) -> SiteState:
    """Read what the rules speak of."""
    sources = [(d.project, d.name) for d in rules.data_sources]
    return read_site(session, project_paths=[p.path for p in rules.projects], source_places=sources, schedules=_names(rules))


def _names(rules: SiteRules) -> set[str]:
    return {rule.name for rule in rules.schedules}


def plan_site(rules: SiteRules, state: SiteState) -> SitePlan:
    """Compare; asks nobody."""
    missing = [Missing("project", p.path) for p in rules.projects if state.project_at(p.path) is None]
    missing += [Missing("data source", f"{d.project}/{d.name}") for d in rules.data_sources if state.source_at(d.project, d.name) is None]
    missing += [Missing("data source", place) for s in rules.schedules for place in s.data_sources if state.source_at(*_parted(place)) is None]
    steps = (*_people(rules, state), *_groups(rules, state), *_rights(rules, state), *_schedules(rules, state))
    return SitePlan(
        tuple(sorted(steps, key=lambda step: step.action is Action.REMOVE_USER)), tuple(missing)
    )  # last, when nothing names them any more


def carry_out(session: Session, plan: SitePlan, rules: SiteRules, *, confirmed: Collection[str] = ()) -> tuple[Step, ...]:
    """Do what is not held, and what is held and confirmed by its key; gives what was done."""
    done: list[Step] = []
    state: SiteState | None = None
    for step in plan.steps:
        if step.held and step.key not in confirmed:
            continue
        session.watch.step(f"tableau.{step.action.name.lower()}")
        if state is None or (done and done[-1].action in _MAKE and step.action is not done[-1].action):
            state = _read_with(session, rules, [step for step in done if step.action in _MAKE])
        _do(session, step, state, rules)
        done.append(step)
    return tuple(done)


def _read_with(session: Session, rules: SiteRules, made: Sequence[Step]) -> SiteState:
    """The site with what was made meanwhile, which has an id now. Its lists may lag behind."""
    state = read_site(session, schedules=_names(rules))
    for look in range(1, LOOKS):
        if all(_is_there(step, state) for step in made):
            break
        session.wait(session.pause_before(min(look, 4)))
        state = read_site(session, schedules=_names(rules))
    return state


def _is_there(step: Step, state: SiteState) -> bool:
    if step.action is Action.ADD_USER:
        return state.user_called(step.subject) is not None
    if step.action is Action.ADD_GROUP:
        return state.group_called(step.subject) is not None
    return any(t.name == step.subject for t in state.timetables)


def _people(rules: SiteRules, state: SiteState) -> Iterator[Step]:
    declared = {u.name.casefold(): u for u in rules.users}
    for rule in rules.users:
        known = state.user_called(rule.name)
        if known is None:
            yield Step(Action.ADD_USER, rule.name, rule.role)
        elif known.role not in {rule.role, "ServerAdministrator"}:  # the server's own administrators are not ours to change
            held = _why_held(known, state, rule.role) if _is_less(known.role, rule.role) else ""
            yield Step(Action.CHANGE_ROLE, known.name, rule.role, known.role, held)
    stay = {name.casefold() for name in rules.others_may_stay}
    for user in state.users:
        if rules.users and user.name.casefold() not in {*declared, *stay} and user.role != "ServerAdministrator":
            yield Step(Action.REMOVE_USER, user.name, "", user.role, _why_held(user, state))


def _is_less(before: str, after: str) -> bool:
    """Whether a role lets a person do less; of a role of other times nobody can say."""
    if before not in _LICENCE_OF or _LICENCE_OF[after] < _LICENCE_OF[before]:
        return True
    return before in ADMINISTRATORS and after not in ADMINISTRATORS


def _why_held(user: User, state: SiteState, role: str = "Unlicensed") -> str:
    if role not in ADMINISTRATORS and user.id == state.own_user:
        return "this is the user that signs in here: the tool would lock itself out"
    if role not in ADMINISTRATORS and user.role in ADMINISTRATORS and sum(u.role in ADMINISTRATORS for u in state.users) == 1:
        return "this is the last administrator of the site"
    return "a person would lose access to the site" if role == "Unlicensed" else "a person could do less than before"


def _groups(rules: SiteRules, state: SiteState) -> Iterator[Step]:
    names = {u.id: u.name for u in state.users}
    for rule in rules.groups:
        known = state.group_called(rule.name)
        if known is None:
            yield Step(Action.ADD_GROUP, rule.name)
        now = {names[m].casefold(): names[m] for m in known.members if m in names} if known else {}
        wanted = {m.casefold(): m for m in rule.members}
        denied = "the group is denied something, which a person may have now" if _is_denied(rule.name, rules, state) else ""
        for name in sorted(wanted.keys() - now.keys()):
            yield Step(Action.JOIN, wanted[name], rule.name, held=denied)
        for name in sorted(now.keys() - wanted.keys()):
            yield Step(Action.LEAVE, now[name], rule.name, held="a person would lose what the group may do")


def _is_denied(group: str, rules: SiteRules, state: SiteState) -> bool:
    grants = [g for p in rules.projects for g in (*p.permissions, *p.data_sources)] + [g for d in rules.data_sources for g in d.permissions]
    if any(grant.deny and grant.group.casefold() == group.casefold() for grant in grants):
        return True
    known = state.group_called(group)
    return known is not None and any(r.mode == "Deny" and r.grantee_id == known.id for found in state.rights.values() for r in found)


def _rights(rules: SiteRules, state: SiteState) -> Iterator[Step]:
    for rule in rules.projects:
        if project := state.project_at(rule.path):
            yield from _differences(rule.path, rule.permissions, state, Place("project", project.id))
            yield from _differences(f"{rule.path} (defaults)", rule.data_sources, state, Place("project defaults", project.id))
    for source in rules.data_sources:
        if found := state.source_at(source.project, source.name):
            yield from _differences(f"{source.project}/{source.name}", source.permissions, state, Place("data source", found.id))


def _schedules(rules: SiteRules, state: SiteState) -> Iterator[Step]:
    if state.own_timetables is not None:
        yield from _each_its_own(rules, state)
        return
    for rule in rules.schedules:
        known = next((t for t in state.timetables if t.name == rule.name), None)
        words = _when(rule)
        if known is None:
            yield Step(Action.ADD_SCHEDULE, rule.name, words)
        elif known.words != words:
            yield Step(Action.CHANGE_SCHEDULE, rule.name, words, known.words)
        for place in rule.data_sources:
            source = state.source_at(*_parted(place))
            if source is not None and (known is None or source.id not in known.sources):
                yield Step(Action.REFRESH_BY, place, rule.name)


def _each_its_own(rules: SiteRules, state: SiteState) -> Iterator[Step]:
    """Where there are no schedules to share, a declared one is a timetable of each of its data sources."""
    for place in sorted({place for rule in rules.schedules for place in rule.data_sources}):
        source = state.source_at(*_parted(place))
        if source is None:
            continue
        wanted = {_when(rule): rule.name for rule in rules.schedules if place in rule.data_sources}
        now = {own.words for own in state.own_timetables or () if own.source_id == source.id}
        for words in sorted(wanted.keys() - now):
            yield Step(Action.REFRESH_BY, place, wanted[words])
        for words in sorted(now - wanted.keys()):
            yield Step(Action.REFRESH_NO_MORE, place, words, held="it is not declared, and somebody may want it")


def _when(rule: ScheduleRule) -> str:
    return timetable_words(rule.frequency, rule.at.strftime("%H:%M"), rule.days)


def _parted(place: str) -> tuple[str, str]:
    above, _, name = place.rpartition("/")
    return above, name


def _differences(place: str, grants: Iterable[Grant], state: SiteState, where: Place) -> Iterator[Step]:
    wanted = {words for grant in grants for words in _words(grant)}
    now = {_in_words(right, state) for right in state.rights.get(where, frozenset())}
    # Taken away first: the server knows one mode for each capability of a grantee.
    for words in sorted(now - wanted):
        yield Step(Action.REVOKE, f"{where.kind} {place}", words, held=_LOST if _mode(words) == "Allow" else "")
    for words in sorted(wanted - now):
        yield Step(Action.GRANT, f"{where.kind} {place}", words, held=_LOST if _mode(words) == "Deny" else "")


def _mode(words: str) -> str:
    return words.rpartition(": ")[2].partition(" ")[0]


def _words(grant: Grant) -> Iterator[str]:
    whose = f"group {grant.group.casefold()}" if grant.group else f"user {grant.user.casefold()}"
    for mode, capabilities in (("Allow", grant.allow), ("Deny", grant.deny)):
        for capability in capabilities:
            yield f"{whose}: {mode} {capability}"


def _in_words(right: Right, state: SiteState) -> str:
    things = state.groups if right.grantee_kind == "group" else state.users
    name = next((t.name for t in things if t.id == right.grantee_id), right.grantee_id)
    return f"{right.grantee_kind} {name.casefold()}: {right.mode} {right.capability}"


_MAKE = frozenset({Action.ADD_USER, Action.ADD_GROUP, Action.ADD_SCHEDULE})


# --- carrying it out -----------------------------------------------------------------------------------------------------------------


def _do(session: Session, step: Step, state: SiteState, rules: SiteRules) -> None:
    if step.action is Action.ADD_USER:
        rule = next(u for u in rules.users if u.name == step.subject)
        item = tsc.UserItem(rule.name, rule.role, rule.auth or None)
        _make(session, step, lambda server: server.users.add(item))
    elif step.action in {Action.CHANGE_ROLE, Action.REMOVE_USER}:
        _change_user(session, step, state)
    elif step.action is Action.ADD_GROUP:
        _make(session, step, lambda server: server.groups.create(tsc.GroupItem(step.subject)))
    elif step.action in {Action.JOIN, Action.LEAVE}:
        _change_group(session, step, state)
    elif step.action in {Action.GRANT, Action.REVOKE}:
        _change_right(session, step, state)
    else:
        _change_schedule(session, step, state, rules)


def _make(session: Session, step: Step, send: Callable[[tsc.Server], object]) -> None:
    """Make something; what is there already, perhaps because an answer got lost, is good."""
    _unless(409, session, step, send)


def _unmake(session: Session, step: Step, send: Callable[[tsc.Server], object]) -> None:
    """Take something away; what is gone already is good."""
    _unless(404, session, step, send)


def _unless(status: int, session: Session, step: Step, send: Callable[[tsc.Server], object]) -> None:
    try:
        session.ask(step.key, send)
    except PermanentError as refusal:
        if refusal.status != status:
            raise


def _change_own_timetable(session: Session, step: Step, state: SiteState, rules: SiteRules) -> None:
    source = state.source_at(*_parted(step.subject))
    if source is None:
        raise PermanentError(f"{step.key}: there is no such data source any more.", cure="Plan again.")
    if step.action is Action.REFRESH_NO_MORE:
        for own in state.own_timetables or ():
            if (own.source_id, own.words) == (source.id, step.value):
                _unmake(session, step, lambda server, key=own.id: server.tasks.delete(key))  # type: ignore[misc]
        return
    rule = next(s for s in rules.schedules if s.name == step.value)
    target = Target(source.id, "datasource")
    wanted = tsc.TaskItem(None, "FullRefresh", None, schedule_item=_schedule_item(rule), target=target)  # type: ignore[arg-type]
    for left in reversed(range(session.settings.tableau_tries)):
        # A second task would be a second refresh: what got lost is looked for before it is sent again.
        if any((own.source_id, own.words) == (source.id, _when(rule)) for own in own_timetables(session)):
            return
        try:
            session.ask(step.key, lambda server: server.tasks.create(wanted), repeatable=False)
        except UnknownOutcome as lost:
            if not left:
                raise
            session.wait(session.pause_before(1, lost))


def _schedule_item(rule: ScheduleRule) -> tsc.ScheduleItem:
    interval: tsc.DailyInterval | tsc.WeeklyInterval | tsc.MonthlyInterval
    if rule.frequency == "Daily":
        interval = tsc.DailyInterval(rule.at)
    elif rule.frequency == "Weekly":
        interval = tsc.WeeklyInterval(rule.at, *rule.days)
    else:
        interval = tsc.MonthlyInterval(rule.at, rule.days)
    return tsc.ScheduleItem(rule.name, 50, tsc.ScheduleItem.Type.Extract, tsc.ScheduleItem.ExecutionOrder.Parallel, interval)


def _change_schedule(session: Session, step: Step, state: SiteState, rules: SiteRules) -> None:
    if state.own_timetables is not None:
        _change_own_timetable(session, step, state, rules)
        return
    if step.action is Action.REFRESH_BY:
        source = state.source_at(*_parted(step.subject))
        known = next((t for t in state.timetables if t.name == step.value), None)
        if source is None or known is None:
            raise PermanentError(f"{step.key}: there is no such data source or schedule any more.", cure="Plan again.")
        schedule_id = known.id
        if source.id not in known.sources:
            item: tsc.DatasourceItem = session.ask(step.key, lambda server: server.datasources.get_by_id(source.id))
            _make(session, step, lambda server: server.schedules.add_to_schedule(schedule_id, datasource=item))
        return
    rule = next(s for s in rules.schedules if s.name == step.subject)
    wanted = _schedule_item(rule)
    known = next((t for t in state.timetables if t.name == rule.name), None)
    if known is None:
        _make(session, step, lambda server: server.schedules.create(wanted))
    else:
        wanted._id = known.id  # noqa: SLF001 - the library has no other way to name a schedule that is known
        session.ask(step.key, lambda server: server.schedules.update(wanted))


def _change_user(session: Session, step: Step, state: SiteState) -> None:
    user = state.user_called(step.subject)
    if user is None:
        return
    if step.action is Action.REMOVE_USER:
        _unmake(session, step, lambda server: server.users.remove(user.id))
        return
    item = session.ask(step.key, lambda server: server.users.get_by_id(user.id))
    item.site_role = step.value
    session.ask(step.key, lambda server: server.users.update(item))


def _change_group(session: Session, step: Step, state: SiteState) -> None:
    user, group = state.user_called(step.subject), state.group_called(step.value)
    if user is None or group is None:
        raise PermanentError(f"{step.key}: there is no such user or group any more.", cure="Plan again.")
    item = tsc.GroupItem(group.name)
    item._id = group.id  # noqa: SLF001 - the library has no other way to name a group that is known
    if step.action is Action.JOIN and user.id not in group.members:
        _make(session, step, lambda server: server.groups.add_user(item, user.id))
    if step.action is Action.LEAVE and user.id in group.members:
        _unmake(session, step, lambda server: server.groups.remove_user(item, user.id))


def _change_right(session: Session, step: Step, state: SiteState) -> None:
    place = _place(step, state)
    kind, _, rest = step.value.partition(" ")
    name, _, right = rest.rpartition(": ")
    mode, _, capability = right.partition(" ")
    grantee = state.group_called(name) if kind == "group" else state.user_called(name)
    if grantee is None:
        raise PermanentError(f"{step.key}: there is no {kind} {name} any more.", cure="Plan again.")
    wanted = Right(kind, grantee.id, capability, mode)
    there = wanted in rights_of(session, place)
    if step.action is Action.GRANT and not there:
        body = _all_with(session, place, wanted)
        session.ask(step.key, lambda server: server.projects.put_request(rights_url(server, place), body))
    if step.action is Action.REVOKE and there:
        below = f"/{kind}s/{grantee.id}/{capability}/{mode}"
        _unmake(session, step, lambda server: server.projects.delete_request(rights_url(server, place) + below))


def _all_with(session: Session, place: Place, wanted: Right) -> bytes:
    """All rights with one more: some servers take away what is not named again."""
    rules: dict[tuple[str, str], tsc.PermissionsRule] = {}
    for right in sorted({*rights_of(session, place), wanted}):
        key = (right.grantee_kind, right.grantee_id)
        rules.setdefault(key, tsc.PermissionsRule(ResourceReference(key[1], key[0]), {})).capabilities[right.capability] = right.mode
    body: bytes = RequestFactory.Permission.add_req(list(rules.values()))
    return body


def _place(step: Step, state: SiteState) -> Place:
    for kind in ("project defaults", "project", "data source"):
        if step.subject.startswith(f"{kind} "):
            path = step.subject.removeprefix(f"{kind} ").removesuffix(" (defaults)")
            above, _, name = path.rpartition("/")
            found = state.source_at(above, name) if kind == "data source" else state.project_at(path)
            if found is not None:
                return Place(kind, found.id)
    raise PermanentError(f"{step.key}: {step.subject} is not there any more.", cure="Plan again.")
