"""Carries out what was planned for a site, step by step.

Each step can be done twice without harm, and what it needs is looked up when it is done: a plan may wait for days.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import tableauserverclient as tsc
from tableauserverclient.models.reference_item import ResourceReference
from tableauserverclient.models.target import Target
from tableauserverclient.server import RequestFactory

from sage300_assets.base.errors import PermanentError, UnknownOutcome
from sage300_assets.systems.tableau.governing import Action, SitePlan, Step, parted, schedule_names, when
from sage300_assets.systems.tableau.people import Place, Right, SiteState, own_timetables, read_site, rights_of, rights_url
from sage300_assets.systems.tableau.rules import ScheduleRule, SiteRules
from sage300_assets.systems.tableau.session import Session

LOOKS = 8
"""How often the site is read for something that its lists may not show yet."""
_MAKE = frozenset({Action.ADD_USER, Action.ADD_GROUP, Action.ADD_SCHEDULE})


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
    state = read_site(session, schedules=schedule_names(rules))
    for look in range(1, LOOKS):
        if all(_is_there(step, state) for step in made):
            break
        session.wait(session.pause_before(min(look, 4)))
        state = read_site(session, schedules=schedule_names(rules))
    return state


def _is_there(step: Step, state: SiteState) -> bool:
    if step.action is Action.ADD_USER:
        return state.user_called(step.subject) is not None
    if step.action is Action.ADD_GROUP:
        return state.group_called(step.subject) is not None
    return any(t.name == step.subject for t in state.timetables)


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
    source = state.source_at(*parted(step.subject))
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
        if any((own.source_id, own.words) == (source.id, when(rule)) for own in own_timetables(session)):
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
        source = state.source_at(*parted(step.subject))
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
