"""What has to change so that the site is as declared: planned as plain values, and held where a person loses access."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from sage300_assets.systems.tableau.people import Place, Right, SiteState, User, read_site, timetable_words
from sage300_assets.systems.tableau.rules import Grant, ScheduleRule, SiteRules
from sage300_assets.systems.tableau.session import Session

ADMINISTRATORS = frozenset({"SiteAdministratorCreator", "SiteAdministratorExplorer", "ServerAdministrator"})
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
    return read_site(session, project_paths=[p.path for p in rules.projects], source_places=sources, schedules=schedule_names(rules))


def schedule_names(rules: SiteRules) -> set[str]:
    """The schedules that are spoken of."""
    return {rule.name for rule in rules.schedules}


def plan_site(rules: SiteRules, state: SiteState) -> SitePlan:
    """Compare; asks nobody."""
    missing = [Missing("project", p.path) for p in rules.projects if state.project_at(p.path) is None]
    missing += [Missing("data source", f"{d.project}/{d.name}") for d in rules.data_sources if state.source_at(d.project, d.name) is None]
    missing += [Missing("data source", place) for s in rules.schedules for place in s.data_sources if state.source_at(*parted(place)) is None]
    steps = (*_people(rules, state), *_groups(rules, state), *_rights(rules, state), *_schedules(rules, state))
    return SitePlan(
        tuple(sorted(steps, key=lambda step: step.action is Action.REMOVE_USER)), tuple(missing)
    )  # last, when nothing names them any more


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
        words = when(rule)
        if known is None:
            yield Step(Action.ADD_SCHEDULE, rule.name, words)
        elif known.words != words:
            yield Step(Action.CHANGE_SCHEDULE, rule.name, words, known.words)
        for place in rule.data_sources:
            source = state.source_at(*parted(place))
            if source is not None and (known is None or source.id not in known.sources):
                yield Step(Action.REFRESH_BY, place, rule.name)


def _each_its_own(rules: SiteRules, state: SiteState) -> Iterator[Step]:
    """Where there are no schedules to share, a declared one is a timetable of each of its data sources."""
    for place in sorted({place for rule in rules.schedules for place in rule.data_sources}):
        source = state.source_at(*parted(place))
        if source is None:
            continue
        wanted = {when(rule): rule.name for rule in rules.schedules if place in rule.data_sources}
        now = {own.words for own in state.own_timetables or () if own.source_id == source.id}
        for words in sorted(wanted.keys() - now):
            yield Step(Action.REFRESH_BY, place, wanted[words])
        for words in sorted(now - wanted.keys()):
            yield Step(Action.REFRESH_NO_MORE, place, words, held="it is not declared, and somebody may want it")


def when(rule: ScheduleRule) -> str:
    """A declared schedule, in the words of one that is there."""
    return timetable_words(rule.frequency, rule.at.strftime("%H:%M"), rule.days)


def parted(place: str) -> tuple[str, str]:
    """Project and name of a data source."""
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
