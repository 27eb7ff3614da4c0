from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from sage300_assets.base.errors import AccessError, ConfigurationError
from sage300_assets.simulators.tableau import Habits
from sage300_assets.systems.tableau.access import access_list, read_security_groups
from sage300_assets.systems.tableau.enacting import carry_out
from sage300_assets.systems.tableau.governing import Action, SitePlan, Step, plan_site, read_for
from sage300_assets.systems.tableau.people import read_site
from sage300_assets.systems.tableau.publishing import publish
from sage300_assets.systems.tableau.rules import SiteRules, read_rules, rules_schema
from sage300_assets.systems.tableau.session import Session
from sage300_assets_tests.systems.tableau.conftest import Extracts
from sage300_assets_tests.tableau_house import House, open_house

TEXT = """
users:
  - {name: admin, role: SiteAdministratorCreator}
  - {name: publisher, role: SiteAdministratorExplorer}
  - {name: ann, role: Explorer, sage_user: ANN01}
  - {name: Ben, role: Viewer}
groups:
  - name: Controllers
    members: [ann, Ben]
projects:
  - path: Finance
    companies: [SAMLTD]
    permissions:
      - {group: Controllers, allow: [Read]}
      - {group: All Users, deny: [Write]}
    data_sources:
      - {group: Controllers, allow: [Read, Connect]}
data_sources:
  - name: GL Detail
    project: Finance
    permissions:
      - {user: ann, allow: [Read, Connect, VizqlDataApiAccess]}
schedules:
  - {name: Nightly, frequency: Daily, at: "02:00", data_sources: [Finance/GL Detail]}
  - {name: Mondays, frequency: Weekly, at: "03:30", days: [Monday, Friday]}
"""


@pytest.fixture
def rules(tmp_path: Path) -> SiteRules:
    return _rules(tmp_path, TEXT)


def _rules(folder: Path, text: str) -> SiteRules:
    file = folder / "site.yaml"
    file.write_text(text, encoding="utf-8")
    return read_rules(file)


def _filled(house: House, session: Session, extracts: Extracts) -> None:
    publish(session, house.publication(session, extracts.old, "a" * 16))
    house.world.source("GL Detail").is_extract = True


def _plan(session: Session, rules: SiteRules) -> SitePlan:
    return plan_site(rules, read_for(session, rules))


def _apply(session: Session, plan: SitePlan, rules: SiteRules) -> tuple[Step, ...]:
    """Everything, with what is held confirmed."""
    return carry_out(session, plan, rules, confirmed=[step.key for step in plan.held])


@pytest.mark.parametrize("replaces", [False, True])
def test_a_plan_carried_out_leaves_nothing_to_do(tmp_path: Path, rules: SiteRules, extracts: Extracts, replaces: bool) -> None:
    with open_house(tmp_path / "h", habits=Habits(job_seconds=3600, rights_replace=replaces)) as house, house.session() as session:
        _filled(house, session, extracts)
        plan = _plan(session, rules)
        assert [s.key for s in plan.steps if s.action in {Action.ADD_USER, Action.ADD_GROUP, Action.JOIN}] == [
            "add user: ann · Explorer",
            "add user: Ben · Viewer",
            "add group: Controllers",
            "add to group: ann · Controllers",
            "add to group: Ben · Controllers",
        ]
        assert not plan.missing
        assert _apply(session, plan, rules) == plan.steps
        assert _plan(session, rules) == SitePlan(())
        _apply(session, plan, rules)  # the same plan again does no harm
        assert _plan(session, rules) == SitePlan(())
        assert len(house.world.site().tasks) == 1


@pytest.mark.parametrize("fault", ["lost_answer", "unavailable", "token_dies", "gateway_timeout"])
@pytest.mark.parametrize("on", ["users.add", "groups.add", "groups.join", "rights.put", "schedules.add", "schedules.attach"])
def test_what_breaks_on_the_way_is_done_once(house: House, rules: SiteRules, extracts: Extracts, fault: str, on: str) -> None:
    with house.session() as session:
        _filled(house, session, extracts)
        house.fault(fault, on=on)
        _apply(session, _plan(session, rules), rules)
        assert house.server.faults.fired[fault] == 1
        assert _plan(session, rules) == SitePlan(())


@pytest.mark.parametrize(("on", "after"), [("users.list", 1), ("groups.list", 2), ("schedules.list", 0)])
def test_what_was_made_may_be_in_no_list_yet(house: House, rules: SiteRules, extracts: Extracts, on: str, after: int) -> None:
    with house.session() as session:
        _filled(house, session, extracts)
        plan = _plan(session, rules)
        house.fault("search_lag", times=2, on=on, after=after)
        _apply(session, plan, rules)
        assert house.server.faults.fired["search_lag"] == 2
        assert _plan(session, rules) == SitePlan(())


def test_removing_a_person_is_held_until_it_is_confirmed(house: House, rules: SiteRules, extracts: Extracts) -> None:
    house.world.add_person("gone@example.com", "Viewer")
    with house.session() as session:
        _filled(house, session, extracts)
        plan = _plan(session, rules)
        assert [(s.key, s.held) for s in plan.held] == [
            ("grant: project Finance · group all users: Deny Write", "whoever has it would lose a right"),
            ("remove user: gone@example.com", "a person would lose access to the site"),
        ]
        carry_out(session, plan, rules)
        assert read_site(session).user_called("gone@example.com") is not None
        carry_out(session, plan, rules, confirmed=["remove user: gone@example.com"])
        assert read_site(session).user_called("gone@example.com") is None


def test_whatever_takes_access_away_is_held_and_what_gives_it_is_not(house: House, tmp_path: Path) -> None:
    world, site = house.world, house.world.site()
    ann, ben = world.add_person("ann", "Creator"), world.add_person("ben", "Viewer")
    world.add_group("Readers", [ann])
    world.add_group("Guests", [])
    finance = next(p for p in site.projects.values() if p.name == "Finance")
    site.rights["projects", finance.id, ""] = [("user", ann.id, "Read", "Allow"), ("user", ben.id, "Read", "Deny")]
    rules = _rules(
        tmp_path,
        """
users: [{name: ann, role: Explorer}, {name: ben, role: Explorer}]
groups: [{name: Readers, members: [ben]}, {name: Guests, members: [ann]}]
projects:
  - path: Finance
    permissions: [{user: ben, allow: [Read]}, {group: Guests, deny: [Write]}]
others_may_stay: [admin, publisher]
""",
    )
    with house.session() as session:
        plan = _plan(session, rules)
        assert {s.key for s in plan.held} == {
            "change role: ann · Explorer",
            "remove from group: ann · Readers",
            "add to group: ann · Guests",
            "revoke: project Finance · user ann: Allow Read",
            "grant: project Finance · group guests: Deny Write",
        }
        assert {s.key for s in carry_out(session, plan, rules)} == {
            "change role: ben · Explorer",
            "add to group: ben · Readers",
            "revoke: project Finance · user ben: Deny Read",
            "grant: project Finance · user ben: Allow Read",
        }
        assert _plan(session, rules) == SitePlan(plan.held)


def test_an_administrator_of_the_server_is_never_touched(house: House, tmp_path: Path) -> None:
    house.world.add_person("root", "ServerAdministrator")
    rest = "others_may_stay: [admin, publisher]"
    with house.session() as session:
        assert _plan(session, _rules(tmp_path, f"users: [{{name: root, role: Viewer}}]\n{rest}")) == SitePlan(())
        assert _plan(session, _rules(tmp_path, rest)) == SitePlan(())


@pytest.mark.parametrize("fault", ["lost_answer", "unavailable"])
@pytest.mark.parametrize("on", ["users.remove", "groups.leave", "rights.remove"])
def test_what_breaks_while_taking_away_is_done(house: House, rules: SiteRules, extracts: Extracts, fault: str, on: str) -> None:
    with house.session() as session:
        _filled(house, session, extracts)
        _apply(session, _plan(session, rules), rules)
        site = house.world.site()
        gone = house.world.add_person("gone", "Viewer")
        next(g for g in site.groups.values() if g.name == "Controllers").members.append(gone.id)
        finance = next(p for p in site.projects.values() if p.name == "Finance")
        site.rights["projects", finance.id, ""].append(("user", gone.id, "Read", "Allow"))
        plan = _plan(session, rules)
        house.fault(fault, on=on)
        carry_out(session, plan, rules, confirmed=[s.key for s in plan.held])
        assert house.server.faults.fired[fault] == 1
        assert _plan(session, rules) == SitePlan(())


def test_the_tool_does_not_lock_itself_or_everybody_out(house: House, tmp_path: Path) -> None:
    with house.session() as session:
        demoted = _plan(session, _rules(tmp_path, "users: [{name: ann, role: Viewer}, {name: admin, role: Unlicensed}]"))
    held = {s.key: s.held for s in demoted.held}
    assert held["remove user: publisher"].startswith("this is the user that signs in here")
    assert held["change role: admin · Unlicensed"] == "a person would lose access to the site"
    house.world.site().people[next(iter(house.world.site().people))].role = "Viewer"
    with house.session() as session:
        alone = _plan(session, _rules(tmp_path, "users: [{name: ann, role: Viewer}]\nothers_may_stay: [ADMIN]"))
    assert [s.subject for s in alone.held] == ["publisher"]


def test_who_is_let_stay_and_who_is_not_declared_at_all(house: House, tmp_path: Path) -> None:
    with house.session() as session:
        assert _plan(session, _rules(tmp_path, "groups: [{name: Controllers}]")).steps[0].action is Action.ADD_GROUP
        stay = "users: [{name: Publisher, role: SiteAdministratorExplorer}]\nothers_may_stay: [ADMIN]"
        assert _plan(session, _rules(tmp_path, stay)).steps == ()


def test_drift_is_found_and_put_right(house: House, rules: SiteRules, extracts: Extracts) -> None:
    with house.session() as session:
        _filled(house, session, extracts)
        _apply(session, _plan(session, rules), rules)
        site = house.world.site()
        ann = next(p for p in site.people.values() if p.name == "ann")
        ann.role = "Creator"
        next(g for g in site.groups.values() if g.name == "Controllers").members.remove(ann.id)
        finance = next(p for p in site.projects.values() if p.name == "Finance")
        site.rights["projects", finance.id, ""].append(("user", ann.id, "ProjectLeader", "Allow"))
        next(s for s in house.world.schedules.values() if s.name == "Mondays").start = "05:00:00"
        drift = _plan(session, rules)
        assert {(s.action, s.value, s.before) for s in drift.steps} == {
            (Action.CHANGE_ROLE, "Explorer", "Creator"),
            (Action.JOIN, "Controllers", ""),
            (Action.REVOKE, "user ann: Allow ProjectLeader", ""),
            (Action.CHANGE_SCHEDULE, "Weekly 03:30 Friday Monday", "Weekly 05:00 Friday Monday"),
        }
        _apply(session, drift, rules)
        assert _plan(session, rules) == SitePlan(())


def test_what_is_declared_and_not_there_is_reported(house: House, rules: SiteRules) -> None:
    with house.session() as session:
        assert {(m.kind, m.name) for m in _plan(session, rules).missing} == {("data source", "Finance/GL Detail")}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path / "cloud", habits=Habits(job_seconds=3600, cloud=True)) as house:
        yield house


@pytest.mark.parametrize("fault", ["", "lost_answer", "unavailable", "token_dies"])
def test_on_tableau_cloud_each_source_has_timetables_of_its_own(cloud: House, rules: SiteRules, extracts: Extracts, fault: str) -> None:
    with cloud.session() as session:
        _filled(cloud, session, extracts)
        plan = _plan(session, rules)
        assert [s.key for s in plan.steps if s.action in {Action.REFRESH_BY, Action.ADD_SCHEDULE}] == [
            "refresh by schedule: Finance/GL Detail · Nightly"
        ]
        if fault:
            cloud.fault(fault, on="tasks.add")
        _apply(session, plan, rules)
        assert _plan(session, rules) == SitePlan(())
        _apply(session, plan, rules)
    (task,) = cloud.world.site().tasks.values()
    assert (task.schedule.frequency, task.schedule.start) == ("Daily", "02:00:00")


@pytest.mark.parametrize("fault", ["", "lost_answer"])
def test_on_tableau_cloud_another_time_is_another_timetable_and_the_old_one_waits_for_a_person(
    cloud: House, tmp_path: Path, rules: SiteRules, extracts: Extracts, fault: str
) -> None:
    later = _rules(tmp_path, TEXT.replace('frequency: Daily, at: "02:00"', 'frequency: Weekly, days: [Sunday, Monday], at: "04:00"'))
    with cloud.session() as session:
        _filled(cloud, session, extracts)
        _apply(session, _plan(session, rules), rules)
        plan = _plan(session, later)
        assert [(s.key, bool(s.held)) for s in plan.steps] == [
            ("refresh by schedule: Finance/GL Detail · Nightly", False),
            ("refresh no more: Finance/GL Detail · Daily 02:00", True),
        ]
        if fault:
            cloud.fault(fault, on="tasks.remove")
        _apply(session, plan, later)
        assert _plan(session, later) == SitePlan(())
    assert [t.schedule.frequency for t in cloud.world.site().tasks.values()] == ["Weekly"]


def test_a_user_without_the_right_is_told(house: House, rules: SiteRules) -> None:
    with house.session() as session:
        plan = _plan(session, rules)
        next(p for p in house.world.site().people.values() if p.name == "publisher").role = "Creator"
        with pytest.raises(AccessError, match="permission to add users"):
            carry_out(session, plan, rules)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users: [{name: a, role: Boss}]", "users > 0 > role"),
        ("users: [{name: a, role: Viewer}, {name: A, role: Viewer}]", "user a is declared twice"),
        ("groups: [{name: g, members: [x]}]", "x is a member of g and no declared user"),
        ("projects: [{path: P, permissions: [{group: g, allow: [Read]}]}]", "g has rights on P and is no declared group"),
        ("projects: [{path: P, permissions: [{allow: [Read]}]}]", "names a group or a user"),
        ("projects: [{path: P, permissions: [{group: All Users, allow: [Read], deny: [Read]}]}]", "both allowed and denied"),
        ("schedules: [{name: s, frequency: Weekly, at: '02:00'}]", "does not go with the days none"),
        ("user: []", "user: Extra inputs"),
        ("users: []\nusers: []", "users stands there twice"),
        ("users: [", "is no YAML"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        _rules(tmp_path, text)


def test_the_schema_for_editors_agrees(rules: SiteRules) -> None:
    schema = json.loads(rules_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(TEXT), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"users": [{"name": "a", "role": "Boss"}]}, schema)
    assert rules.users[2].sage_user == "ANN01"


def test_the_access_list_marks_differences(house: House, rules: SiteRules, extracts: Extracts, tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("user,company,security_group\nANN01,SAMLTD,GLVIEW\nann01,SAMLTD,APALL\nCARL,SAMLTD,GLVIEW\nBEN,SAMINC,GLVIEW\n")
    with house.session() as session:
        _filled(house, session, extracts)
        _apply(session, _plan(session, rules), rules)
        found = access_list(rules, read_for(session, rules), read_security_groups(file))
    assert [(a.person, a.in_tableau, a.in_sage, a.difference) for a in found if a.person not in {"admin", "publisher"}] == [
        ("ann", "Controllers", "APALL, GLVIEW", ""),
        ("Ben", "Controllers", "", "only in Tableau"),
        ("CARL", "", "GLVIEW", "only in Sage 300"),
    ]


def test_a_second_account_of_the_same_name_is_not_hidden_behind_the_first(house: House, tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("user,company,security_group\nBOB,SAMLTD,GLVIEW\nCARL,SAMLTD,GLVIEW\n")
    text = """
users: [{name: bob@corp.com, role: Viewer}]
projects: [{path: Finance, companies: [SAMLTD], permissions: [{group: All Users, allow: [Read]}]}]
"""
    world = house.world
    people = [world.add_person(name) for name in ("bob@corp.com", "bob@gmail.com", "carl@gmail.com")]
    everyone = next(g for g in world.site().groups.values() if g.name == "All Users")
    everyone.members += [p.id for p in people]
    finance = next(p for p in world.site().projects.values() if p.name == "Finance")
    world.site().rights["projects", finance.id, ""] = [("group", everyone.id, "Read", "Allow")]
    rules = _rules(tmp_path, text)
    with house.session() as session:
        found = access_list(rules, read_for(session, rules), read_security_groups(file))
    assert [(a.person, a.in_sage, a.difference) for a in found if a.person not in {"admin", "publisher"}] == [
        ("bob@corp.com", "GLVIEW", ""),
        ("bob@gmail.com", "", "only in Tableau"),
        ("CARL", "GLVIEW", "only in Sage 300"),
        ("carl@gmail.com", "", "only in Tableau"),
    ]


@pytest.mark.parametrize(
    ("content", "said"), [("user,company\nA,B\n", "other columns"), ("user,company,security_group\nA,B\n", "line 2, does not have three values")]
)
def test_a_file_of_security_groups_that_is_none(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "groups.csv").write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        read_security_groups(tmp_path / "groups.csv")
