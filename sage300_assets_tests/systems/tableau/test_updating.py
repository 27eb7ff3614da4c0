from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sage300_assets.base.errors import DataError, PermanentError, RetriableError, Sage300AssetsError
from sage300_assets.simulators.tableau import Habits
from sage300_assets.systems.tableau import updating
from sage300_assets.systems.tableau.contents import Source, source
from sage300_assets.systems.tableau.jobs import End
from sage300_assets.systems.tableau.publishing import publish
from sage300_assets.systems.tableau.refreshing import Picture, export, refresh, views
from sage300_assets.systems.tableau.session import Session
from sage300_assets.systems.tableau.updating import Action, change
from sage300_assets_tests.systems.tableau.conftest import Extracts
from sage300_assets_tests.tableau_house import House, open_house

ROWS = 'SELECT "id", "amount" FROM "Extract"."Extract" ORDER BY 1'
UPSERT = (Action("upsert", "Extract", "Extract", ("id",)),)


def _published(house: House, session: Session, extracts: Extracts) -> Source:
    return publish(session, house.publication(session, extracts.old, "a" * 16))


def test_rows_are_merged_by_key(house: House, extracts: Extracts) -> None:
    with house.session() as session:
        target = _published(house, session, extracts)
        assert change(session, target, extracts.delta, UPSERT, about="2026-01 b") is End.DONE
    assert house.numbers(sql=ROWS) == [(1, Decimal("1.005")), (2, Decimal(20)), (3, Decimal(9)), (9, Decimal("0.001"))]


def test_rows_are_deleted_and_replaced_by_key(house: House, extracts: Extracts) -> None:
    with house.session() as session:
        target = _published(house, session, extracts)
        change(session, target, extracts.keys, [Action("delete", "Extract", "Extract", ("id",))], about="1")
        assert house.numbers(sql=ROWS) == [(2, Decimal("-0.004")), (3, Decimal(9))]
        change(session, target, extracts.delta, [Action("replace", "Extract", "Extract")], about="2")
        assert house.numbers(sql=ROWS) == [(2, Decimal(20)), (9, Decimal("0.001"))]


@pytest.mark.parametrize("fault", ["lost_answer", "gateway_timeout", "truncated", "reset", "token_dies", "internal_error"])
def test_a_lost_answer_does_not_change_twice(house: House, extracts: Extracts, fault: str) -> None:
    with house.session() as session:
        target = _published(house, session, extracts)
        house.fault(fault, on="hyper")
        change(session, target, extracts.delta, [Action("insert", "Extract", "Extract")], about="2026-01 b")
    assert house.server.faults.fired[fault] == 1
    assert house.numbers()[0][0] == 5


def test_the_same_change_again_is_the_same_change(house: House, extracts: Extracts) -> None:
    insert = [Action("insert", "Extract", "Extract")]
    with house.session() as session:
        target = _published(house, session, extracts)
        change(session, target, extracts.delta, insert, about="2026-01 b")
        change(session, target, extracts.delta, insert, about="2026-01 b")
        assert house.numbers()[0][0] == 5
        change(session, target, extracts.delta, insert, about="2026-01 c")
    assert house.numbers()[0][0] == 7


def test_the_same_change_is_known_when_its_job_is_gone(house: House, extracts: Extracts) -> None:
    insert = [Action("insert", "Extract", "Extract")]
    with house.session() as session:
        target = _published(house, session, extracts)
        house.fault("job_vanishes", on="hyper")
        assert change(session, target, extracts.delta, insert, about="2026-01 b") is End.GONE
        assert change(session, target, extracts.delta, insert, about="2026-01 b") is End.GONE
    assert house.numbers()[0][0] == 5


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ([Action("insert", "Extract", "Elsewhere")], "410012"),
        ([*UPSERT, Action("insert", "Nowhere", "Extract")], "410012"),
        ([Action("delete", "Extract", "Extract", ("id",))], "does not use"),
    ],
)
def test_a_change_that_fails_changes_nothing(house: House, extracts: Extracts, actions: list[Action], said: str) -> None:
    with house.session() as session:
        target = _published(house, session, extracts)
        before = house.numbers(sql=ROWS)
        with pytest.raises(PermanentError, match=said):
            change(session, target, extracts.delta, actions, about="x")
    assert house.numbers(sql=ROWS) == before


@pytest.mark.parametrize(
    ("fault", "options", "kind"),
    [("job_fails", {}, RetriableError), ("job_fails", {"notes": "No. (errorCode=410012)"}, PermanentError), ("job_stuck", {}, RetriableError)],
)
def test_a_job_that_fails_is_named_by_cause(
    house: House, extracts: Extracts, fault: str, options: dict[str, Any], kind: type[Sage300AssetsError]
) -> None:
    with house.session() as session:
        target = _published(house, session, extracts)
        house.fault(fault, on="hyper", **options)
        with pytest.raises(kind):
            change(session, target, extracts.delta, UPSERT, about="x")
    assert house.numbers()[0][0] == 3


def test_a_change_above_the_cap_says_what_to_do_instead(house: House, extracts: Extracts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with house.session() as session:
        target = _published(house, session, extracts)
        monkeypatch.setattr(updating, "LARGEST_PAYLOAD", 1000)
        with pytest.raises(DataError, match="Publish the whole extract instead"):
            change(session, target, extracts.delta, UPSERT, about="x")
    with open_house(tmp_path / "other", habits=Habits(payload_mb=0.01)) as other, other.session() as session:
        target = _published(other, session, extracts)
        monkeypatch.undo()
        with pytest.raises(PermanentError, match="Publish the whole extract instead"):
            change(session, target, extracts.large, UPSERT, about="x")


@pytest.mark.parametrize(("kind", "key"), [("upsert", ()), ("insert", ("id",)), ("replace", ("id",))])
def test_an_action_without_its_key_is_refused_at_once(kind: str, key: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="key"):
        Action(kind, "Extract", "Extract", key)  # type: ignore[arg-type]


def test_an_extract_of_something_else_is_refreshed_and_waited_for(house: House, extracts: Extracts) -> None:
    with house.session() as session:
        target = _published(house, session, extracts)
        with pytest.raises(PermanentError, match="nothing to refresh from"):
            refresh(session, target)
        house.world.source("GL Detail").is_extract = True
        target = source(session, target.id) or target
        with pytest.raises(PermanentError, match="Publish it whole"):
            change(session, target, extracts.delta, UPSERT, about="x")
        assert refresh(session, target) is End.DONE
        house.fault("job_fails", on="refresh", notes="The source is gone.")
        with pytest.raises(PermanentError, match="The source is gone"):
            refresh(session, target)


def test_a_refresh_that_is_queued_already_is_waited_for(house: House, extracts: Extracts) -> None:
    with house.session() as session:
        target = _published(house, session, extracts)
        house.world.source("GL Detail").is_extract = True
        target = source(session, target.id) or target
        session.ask("somebody else", lambda server: server.datasources.refresh(target.id))
        assert refresh(session, target) is End.DONE
        assert [j.type for j in house.world.site().jobs.values()].count("RefreshExtract") == 1
        house.fault("refresh_queued")
        assert refresh(session, target) is End.GONE


def test_views_are_exported_as_picture_page_and_rows(house: House, extracts: Extracts) -> None:
    with house.session() as session:
        _published(house, session, extracts)
        house.world.add_workbook("Ledger", [("By id", "GL Detail", ROWS)])
        key = views(session)["Ledger/sheets/Byid"]
        assert export(session, key, Picture.PNG).startswith(b"\x89PNG\r\n\x1a\n")
        assert export(session, key, Picture.PDF).startswith(b"%PDF-1.4")
        assert export(session, key, Picture.CSV) == b"1,1.005\r\n2,-0.004\r\n3,9\r\n"
