from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import tableauserverclient as tsc
from tableauserverclient.server import RequestFactory

from sage300_assets.base.errors import AccessError, PermanentError, RetriableError, Sage300AssetsError, UnknownOutcome
from sage300_assets.simulators.tableau import Habits
from sage300_assets.systems.tableau.contents import source_called
from sage300_assets.systems.tableau.publishing import Step, plan, publish
from sage300_assets.systems.tableau.stamp import Content
from sage300_assets.systems.tableau.uploads import upload
from sage300_assets_tests.house import At
from sage300_assets_tests.systems.tableau.conftest import Extracts
from sage300_assets_tests.tableau_house import House, open_house

OLD = [(3, Decimal("10.001"))]
NEW = [(2, Decimal("7.5"))]
LARGE = 'SELECT COUNT(*), COUNT(DISTINCT "id") FROM "Extract"."Extract"'


def _published(house: House, extracts: Extracts) -> None:
    with house.session() as session:
        publish(session, house.publication(session, extracts.old, "a" * 16))
    assert house.numbers() == OLD


def test_publishes_and_reads_back_what_the_server_says(house: House, extracts: Extracts) -> None:
    content = Content("a" * 16, 3, (("amount", Decimal("10.001")),))
    with house.session() as session:
        wanted = replace(
            house.publication(session, extracts.old), content=content, tags=("sage300", "to the cent"), certified=True, note="Reconciled."
        )
        assert plan(session, wanted).step is Step.CREATE
        published = publish(session, wanted)
        assert plan(session, wanted).step is Step.UNCHANGED
    assert published.content == content
    assert (published.certified, published.note, published.tags) == (True, "Reconciled.", ("sage300", "to the cent"))
    assert published.description.startswith("Posted lines.\n\nContent aaaaaaaaaaaaaaaa · 3 rows · amount=10.001")
    assert house.numbers() == OLD


def test_replacing_keeps_the_identity(house: House, extracts: Extracts) -> None:
    _published(house, extracts)
    with house.session() as session:
        before = house.world.source("GL Detail").id
        wanted = house.publication(session, extracts.new, "b" * 16, 2)
        planned = plan(session, wanted)
        assert (planned.step, planned.rows_before, planned.rows_after) == (Step.REPLACE, 3, 2)
        assert publish(session, wanted).id == before
    assert house.numbers() == NEW


def test_unchanged_content_costs_two_questions_and_no_upload(house: House, extracts: Extracts) -> None:
    _published(house, extracts)
    house.server.calls.clear()
    with house.session() as session:
        assert not plan(session, house.publication(session, extracts.old, "a" * 16)).upload
    assert [c.call for c in house.server.calls] == ["server_info", "signin", "projects.list", "datasources.list", "signout"]


def test_the_old_extract_stays_until_the_job_has_really_finished(house: House, extracts: Extracts) -> None:
    _published(house, extracts)
    seen: list[object] = []
    house.fault("finish_code_early", on="publish.job")
    with house.session(At("tableau.job", lambda: seen.append(house.numbers()), nth=2)) as session:
        publish(session, house.publication(session, extracts.new, "b" * 16, 2))
    assert seen == [OLD]  # the job has said finish code 0 by then
    assert house.numbers() == NEW


@pytest.mark.parametrize(
    ("on", "fault"),
    [
        *[("publish", f) for f in ("lost_answer", "gateway_timeout", "truncated", "html_200", "internal_error", "reset", "unavailable", "throttled")],
        *[("upload.append", f) for f in ("lost_answer", "gateway_timeout", "html_200", "internal_error", "reset", "throttled")],
        *[(on, f) for on in ("upload.start", "job.get", "datasources.get", "datasources.list") for f in ("lost_answer", "unavailable")],
    ],
)
def test_whatever_breaks_once_the_new_extract_arrives_whole_and_once(house: House, extracts: Extracts, fault: str, on: str) -> None:
    _published(house, extracts)
    with house.session() as session:
        wanted = house.publication(session, extracts.new, "b" * 16, 2)
        house.fault(fault, on=on)
        publish(session, wanted)
    assert house.server.faults.fired[fault] == 1
    assert house.numbers() == NEW
    assert house.world.source("GL Detail").revisions == 2


@pytest.mark.parametrize("titled", [False, True])
def test_a_lost_answer_is_found_in_the_list_of_jobs_however_the_server_writes_it(tmp_path: Path, extracts: Extracts, titled: bool) -> None:
    with open_house(tmp_path, habits=Habits(job_seconds=3600, job_titles=titled)) as house:
        _published(house, extracts)
        with house.session() as session:
            house.fault("job_fails", on="publish", notes="Somebody else's is broken.")
            others = replace(house.publication(session, extracts.old), name="Somebody else's")
            with pytest.raises(PermanentError, match="is broken"):
                publish(session, others)
            house.fault("lost_answer", on="publish")
            publish(session, house.publication(session, extracts.new, "b" * 16, 2))
        assert house.numbers() == NEW
        assert house.world.source("GL Detail").revisions == 2
        assert house.server.made("publish") == 3


def test_a_job_that_may_be_somebody_elses_is_waited_for_whatever_becomes_of_it(house: House, extracts: Extracts) -> None:
    _published(house, extracts)
    with house.session() as session:
        house.fault("job_fails", on="publish", notes="Somebody else's is broken.")
        upload_of_another = upload(session, extracts.old)
        item = tsc.DatasourceItem(house.publication(session, extracts.old).project_id, "Somebody else's")
        body, kind = RequestFactory.Datasource.publish_req_chunked(item)
        below = f"?datasourceType=hyper&asJob=true&uploadSessionId={upload_of_another}"
        session.ask("somebody else", lambda server: server.datasources.post_request(server.datasources.baseurl + below, body, kind))
        house.fault("lost_answer", on="publish")
        publish(session, house.publication(session, extracts.new, "b" * 16, 2))
    assert house.numbers() == NEW
    assert house.world.source("GL Detail").revisions == 2


@pytest.mark.parametrize("fault", ["lost_answer", "reset", "token_dies", "throttled", "upload_lost", "truncated"])
@pytest.mark.parametrize(("chunk", "in_bytes"), [(0, False), (1, True), (2, False)])
def test_an_upload_goes_on_where_it_broke(tmp_path: Path, extracts: Extracts, fault: str, chunk: int, in_bytes: bool) -> None:
    with open_house(tmp_path, habits=Habits(job_seconds=3600, file_size_in_bytes=in_bytes)) as house, house.session() as session:
        house.fault(fault, on="upload.append", after=chunk)
        publish(session, house.publication(session, extracts.large, "c" * 16, 300_000))
        assert house.server.faults.fired[fault] == 1
        assert house.numbers(sql=LARGE) == [(300_000, 300_000)]
        assert house.world.source("GL Detail").package.read_bytes() == extracts.large.read_bytes()
        pieces = -(-extracts.large.stat().st_size // (5 * 2**20))
        assert pieces >= 3
        again = {"lost_answer": chunk + 1, "truncated": chunk + 1, "upload_lost": chunk}.get(fault, 0)
        assert house.server.made("upload.append") == pieces + 1 + again  # only what may be there twice is sent anew


def test_every_session_dies_after_a_few_calls_and_the_file_arrives(tmp_path: Path, extracts: Extracts) -> None:
    with open_house(tmp_path, server={"token_calls": 2}) as house, house.session() as session:
        publish(session, house.publication(session, extracts.large, "c" * 16, 300_000))
        assert house.numbers(sql=LARGE) == [(300_000, 300_000)]
        assert house.server.doorman.sign_ins > 3


@pytest.mark.parametrize("code", ["404031", "400031"])
def test_a_job_that_is_cleaned_away_is_answered_by_the_source_itself(house: House, extracts: Extracts, code: str) -> None:
    house.fault("job_vanishes", code=code)
    _published(house, extracts)


def test_a_new_source_is_found_although_the_index_lags(house: House, extracts: Extracts) -> None:
    with house.session() as session:
        wanted = house.publication(session, extracts.old, "a" * 16)
        house.fault("search_lag", times=3, on="datasources.list")
        publish(session, wanted)
    assert house.server.faults.fired["search_lag"] == 3


@pytest.mark.parametrize(
    ("fault", "options", "kind", "said"),
    [
        ("job_fails", {"notes": "There was a problem publishing the file: no. (400011)"}, PermanentError, "format version"),
        ("job_fails", {}, RetriableError, "does not say why"),
        ("job_fails_with_note", {}, PermanentError, "errorCode=410012"),
        ("site_full", {"on": "publish"}, PermanentError, "The site is full"),
        ("site_full", {"on": "upload.append"}, PermanentError, "The site is full"),
        ("overwrite_refused", {}, AccessError, "Give the user of the token Overwrite"),
        ("forbidden", {"on": "publish"}, AccessError, "ExplorerCanPublish"),
        ("job_stuck", {}, RetriableError, "still runs on the server"),
    ],
)
def test_what_does_not_pass_is_named_by_cause_and_the_old_extract_stays(
    house: House, extracts: Extracts, fault: str, options: dict[str, Any], kind: type[Sage300AssetsError], said: str
) -> None:
    _published(house, extracts)
    with house.session() as session:
        wanted = house.publication(session, extracts.new, "b" * 16, 2)
        house.fault(fault, **options)
        with pytest.raises(kind, match=said):
            publish(session, wanted)
    assert house.server.faults.fired[fault] == 1
    assert house.numbers() == OLD


def test_a_site_that_is_really_full(tmp_path: Path, extracts: Extracts) -> None:
    with open_house(tmp_path, quota_mb=10) as house, house.session() as session, pytest.raises(PermanentError, match="The site is full"):
        publish(session, house.publication(session, extracts.large, "c" * 16))


def test_a_file_that_is_no_extract_does_not_replace_one(house: House, extracts: Extracts, tmp_path: Path) -> None:
    _published(house, extracts)
    broken = tmp_path / "broken.hyper"
    broken.write_bytes(extracts.new.read_bytes()[: 2**14])
    with house.session() as session, pytest.raises(PermanentError, match="cannot be read by this server"):
        publish(session, house.publication(session, broken, "b" * 16, 2))
    assert house.numbers() == OLD


def test_a_network_that_stays_broken_is_given_up_and_nothing_changed(house: House, extracts: Extracts) -> None:
    _published(house, extracts)
    with house.session() as session:
        wanted = house.publication(session, extracts.new, "b" * 16, 2)
        house.fault("lost_answer", on="upload.append", times=None)
        with pytest.raises(RetriableError, match="begun 4 times"):
            publish(session, wanted)
    assert house.numbers() == OLD


STEPS = ["tableau.chunk", "tableau.uploaded", "tableau.committed", "tableau.job", "tableau.job_ended", "tableau.published"]


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours runs any more."""


def _die() -> None:
    raise Killed


@pytest.mark.parametrize("step", STEPS)
def test_a_publisher_that_dies_leaves_the_old_or_the_new_and_can_be_run_again(house: House, extracts: Extracts, step: str) -> None:
    _published(house, extracts)
    with pytest.raises(Killed), house.session(At(step, _die)) as session:
        publish(session, house.publication(session, extracts.new, "b" * 16, 2))
    assert house.numbers() in (OLD, NEW)
    house.clock.now = house.clock.now.replace(hour=12)  # what the server has begun ends by itself
    with house.session() as session:
        wanted = house.publication(session, extracts.new, "b" * 16, 2)
        if plan(session, wanted).upload:
            publish(session, wanted)
        found = source_called(session, "GL Detail", wanted.project_id)
    assert found is not None
    assert found.content == wanted.content
    assert house.numbers() == NEW


def test_somebody_who_publishes_over_it_is_noticed(house: House, extracts: Extracts) -> None:
    _published(house, extracts)

    def other() -> None:
        source = house.world.source("GL Detail")
        source.description = "Mine now."

    with house.session(At("tableau.job_ended", other)) as session, pytest.raises(UnknownOutcome, match="does not show this content"):
        publish(session, house.publication(session, extracts.new, "b" * 16, 2))
