"""What the doctor says of Tableau, with cause and cure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from sage300_assets.intake.finding import Finding, Level
from sage300_assets.intake.tableau_findings import tableau_findings
from sage300_assets_tests.tableau_house import House, open_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as one:
        yield one


def _findings(house: House, **changes: object) -> list[Finding]:
    given = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in house.settings.model_dump().items()
        if value not in (None, "")
    }
    return list(tableau_findings(_env_file=None, **{**given, **changes}))


def _problems(found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.level is Level.PROBLEM]


def test_how_it_is_switched_on() -> None:
    (found,) = tableau_findings(_env_file=None)
    assert found.level is Level.NOTE
    assert "TABLEAU_PAT_NAME" in found.cure


def test_everything_that_publishing_needs_is_looked_at_and_nothing_is_changed(house: House) -> None:
    found = _findings(house)
    assert {one.level for one in found} == {Level.OK}
    said = " ".join(one.message for one in found)
    for part in ("Hyper engine", "Signed in", "project Finance", "data sources", "jobs", "may publish", "may write into the project Finance"):
        assert part in said
    assert {call.method for call in house.server.calls} <= {"GET", "POST"}
    assert {call.call for call in house.server.calls if call.method == "POST"} == {"signin", "signout"}


def test_causes_and_cures(house: House) -> None:
    (found,) = _problems(_findings(house, tableau_pat_secret="wrong"))
    assert "15 days without use" in found.cure
    (found,) = _problems(_findings(house, tableau_project="Nowhere"))
    assert "There are: Finance, default" in found.cure
    (found,) = _problems(_findings(house, tableau_server_url="https://tableau.example.com/#/site"))
    assert "something behind the host" in found.message
    house.fault("forbidden", on="job.list")
    (found,) = _problems(_findings(house))
    assert "following a publication needs" in found.message
    assert found.cure


def test_a_user_who_may_not_publish_and_a_token_that_ends(house: House, tmp_path: Path) -> None:
    person = next(p for p in house.world.site().people.values() if p.name == "publisher")
    person.role = "Viewer"
    soon = (datetime.now(UTC) + timedelta(days=5)).date()
    (tmp_path / "site.yaml").write_text("users: []\n")
    found = _findings(house, tableau_pat_expires=soon, tableau_site_rules=tmp_path / "site.yaml")
    assert [one.message for one in found if one.level is Level.NOTE] == [f"The token etl expires in 5 days, on {soon}."]
    assert isinstance(soon, date)
    messages = [one.message for one in _problems(found)]
    assert "The token's user is Viewer, which may not publish." in messages
    assert "TABLEAU_SITE_RULES is set, and the token's user is Viewer." in messages


def test_a_user_who_may_not_publish_into_the_project(house: House) -> None:
    site = house.world.site()
    person = next(p for p in site.people.values() if p.name == "publisher")
    project = next(p for p in site.projects.values() if p.name == "Finance")
    person.role = "Creator"
    site.rights["projects", project.id, ""] = [("user", person.id, "Write", "Deny")]
    (found,) = _problems(_findings(house))
    assert found.message == "The token's user may not publish into the project Finance."
    assert "Permissions" in found.cure
