from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path

import pytest
import requests
import tableauserverclient as tsc

from sage300_assets.base.errors import AccessError, BadAnswer, ConfigurationError, RetriableError, UnknownOutcome
from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import load
from sage300_assets.simulators.tableau import Habits
from sage300_assets.systems.tableau.contents import project_at, projects, sources
from sage300_assets.systems.tableau.session import LIFE
from sage300_assets.systems.tableau.settings import TableauSettings
from sage300_assets_tests.tableau_house import House, open_house

WITHOUT_TOKEN = {"tableau_pat_name": "", "tableau_pat_secret": ""}


def test_signs_in_asks_the_release_first_and_signs_out(house: House) -> None:
    with house.session() as session:
        assert session.release() == "3.27"
        assert [p.path for p in projects(session)] == ["default", "Finance"]
    assert [c.call for c in house.server.calls] == ["server_info", "signin", "projects.list", "signout"]
    assert house.server.doorman.alive == 0


@pytest.mark.parametrize(
    "way",
    [
        {},
        {**WITHOUT_TOKEN, "tableau_username": "publisher", "tableau_password": "Publisher-Pass-1"},
        {
            **WITHOUT_TOKEN,
            "tableau_username": "publisher",
            "tableau_connected_app_client_id": "client-1",
            "tableau_connected_app_secret_id": "secret-id-1",
            "tableau_connected_app_secret": "a-shared-secret-of-some-length-1234567890",
        },
    ],
    ids=["token", "password", "connected app"],
)
def test_each_way_of_signing_in_works(tmp_path: Path, way: dict[str, object]) -> None:
    with open_house(tmp_path, given=way) as house, house.session() as session:
        assert project_at(session, "/Finance/").name == "Finance"


def test_a_wrong_secret_says_what_to_check_and_does_not_show_it(tmp_path: Path) -> None:
    with open_house(tmp_path, given={"tableau_pat_secret": "WRONG-CANARY"}) as house, pytest.raises(AccessError) as refusal, house.session():
        pass
    assert "15 days" in str(refusal.value)
    assert "CANARY" not in str(refusal.value)
    assert house.server.made("signin") == 1  # repeating does not help, and may lock somebody out


def test_a_token_unused_for_fifteen_days_is_dead_and_was_warned_about(house: House) -> None:
    with house.session() as session:
        assert session.token_warnings() == []
    house.clock.now += timedelta(days=11)
    assert "dies in 4 days" in house.session().token_warnings()[0].message
    house.clock.now += timedelta(days=5)
    assert "is dead by now" in house.session().token_warnings()[0].message
    with pytest.raises(AccessError), house.session():
        pass


def test_a_token_that_expires_soon_is_warned_about(tmp_path: Path) -> None:
    with open_house(tmp_path, given={"tableau_pat_expires": date(2026, 12, 1)}) as house:
        assert "expires in 11 days" in house.session().token_warnings()[0].message
        house.clock.now += timedelta(days=30)
        assert "expired on 2026-12-01" in house.session().token_warnings()[0].message


def test_signs_in_again_before_the_session_ends_and_when_it_has_died(house: House) -> None:
    with house.session() as session:
        projects(session)
        house.clock.now += LIFE
        projects(session)
        assert house.server.doorman.sign_ins == 2
        house.fault("token_dies", on="projects.list")
        assert len(projects(session)) == 2
        assert house.server.doorman.sign_ins == 3
    assert house.server.made("signout") == 1


def test_a_session_that_always_dies_ends_with_an_explanation(house: House) -> None:
    house.fault("token_dies", times=None, on="projects.list")
    with house.session() as session, pytest.raises(AccessError, match="Another worker uses the same token"):
        projects(session)
    assert house.server.doorman.sign_ins == 5


def test_threads_share_one_sign_in_even_when_it_dies(tmp_path: Path) -> None:
    with open_house(tmp_path, server={"token_calls": 5}) as house, house.session() as session:
        found: list[int] = []

        def work() -> None:
            for _ in range(10):
                found.append(len(projects(session)))  # noqa: PERF401 - an answer counts when it has come

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [2] * 40
        assert house.server.doorman.sign_ins <= 12  # 40 calls at 5 a sign-in; one thread's new sign-in is not ended by another's


def test_a_token_serves_one_session_at_a_time(house: House) -> None:
    with house.session(), pytest.raises(RetriableError, match="in use by another worker"), house.session(turn_seconds=0.05):
        pass
    with house.session() as session:
        assert projects(session)


def test_without_the_turn_a_second_sign_in_would_kill_the_first(house: House, tmp_path: Path) -> None:
    with house.session() as first, house.session(tableau_state_folder=tmp_path / "elsewhere"):
        projects(first)
    assert house.server.doorman.sign_ins == 3


@pytest.mark.parametrize("fault", ["throttled", "bad_gateway", "unavailable", "internal_error", "reset", "lost_answer", "truncated", "html_200"])
@pytest.mark.parametrize("on", ["signin", "server_info", "projects.list"])
def test_what_passes_is_waited_for(house: House, fault: str, on: str) -> None:
    house.fault(fault, on=on, times=2)
    with house.session() as session:
        assert len(projects(session)) == 2
    assert house.server.faults.fired[fault] == 2
    assert len(house.clock.waits) == 2


def test_a_server_that_asks_for_time_gets_it(house: House) -> None:
    house.fault("throttled", on="projects.list", seconds=17)
    with house.session() as session:
        projects(session)
    assert house.clock.waits == [17]


def test_what_does_not_pass_is_given_up(house: House) -> None:
    house.fault("unavailable", on="projects.list", times=None)
    with house.session() as session, pytest.raises(RetriableError, match="503"):
        projects(session)
    assert house.server.faults.fired["unavailable"] == 3


def test_a_sign_on_page_is_never_taken_for_an_empty_list(house: House) -> None:
    house.fault("html_200", on="datasources.list", times=None)
    with house.session() as session, pytest.raises(BadAnswer, match="not Tableau's"):
        sources(session)


@pytest.mark.parametrize("fault", ["lost_answer", "gateway_timeout", "truncated", "internal_error", "html_200"])
def test_what_may_not_be_repeated_is_not_repeated(house: House, fault: str) -> None:
    with house.session() as session:
        house.fault(fault, on="users.list")
        with pytest.raises(UnknownOutcome):
            session.ask("adding", lambda server: server.users.get(), repeatable=False)
    assert house.server.made("users.list") == 1


def _breaks(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """The next request finds its TLS connection broken."""
    send = requests.adapters.HTTPAdapter.send

    def broken(adapter: requests.adapters.HTTPAdapter, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
        raise requests.exceptions.SSLError(f"HTTPSConnectionPool: Max retries exceeded (Caused by SSLError({said}))", request=request)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", broken)


@pytest.mark.parametrize(
    "said", ["SSLEOFError(8, '[SSL: UNEXPECTED_EOF_WHILE_READING]')", "SSLError(1, '[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC]')"]
)
def test_a_tls_connection_that_breaks_is_no_matter_of_trust(house: House, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    with house.session() as session:
        _breaks(monkeypatch, said)
        assert [p.path for p in projects(session)] == ["default", "Finance"]
        _breaks(monkeypatch, said)
        with pytest.raises(UnknownOutcome, match="connection broke"):
            session.ask("adding a project", lambda server: server.projects.create(tsc.ProjectItem("New")), repeatable=False)


def test_a_certificate_that_nobody_vouches_for_is(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with house.session() as session:
        _breaks(monkeypatch, "SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed')")
        with pytest.raises(ConfigurationError, match="not trusted"):
            projects(session)


def test_nothing_listens(house: House) -> None:
    house.server.stop()
    with pytest.raises(RetriableError, match="nothing answers at TABLEAU_SERVER_URL"), house.session():
        pass


def test_a_list_is_whole_over_many_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sage300_assets.systems.tableau.contents.PAGE_SIZE", 3)
    for number in range(10):
        house.world.add_project(f"P{number}")
    with house.session() as session:
        assert len(projects(session)) == 12
    assert house.server.made("projects.list") == 4


def test_projects_are_found_by_path(house: House) -> None:
    finance = next(p for p in house.world.site().projects.values() if p.name == "Finance")
    house.world.add_project("Ledger", parent=house.world.add_project("Other"))
    wanted = house.world.add_project("Ledger", parent=finance)
    with house.session() as session:
        assert project_at(session, "Finance/Ledger").id == wanted.id
        with pytest.raises(ConfigurationError, match="There is no project 'Ledger'"):
            project_at(session, "Ledger")


def test_every_call_is_offered_to_the_audit_without_secrets(house: House) -> None:
    house.fault("unavailable", on="projects.list")
    with house.session() as session:
        projects(session)
    assert [(c.address.rpartition("/")[2], c.status) for c in house.calls] == [
        ("serverInfo", 200),
        ("signin", 200),
        ("projects", 503),
        ("projects", 200),
        ("signout", 204),
    ]
    assert "S3cret" not in repr(house.calls)


def test_cloud_takes_no_password(tmp_path: Path) -> None:
    way = {**WITHOUT_TOKEN, "tableau_username": "publisher", "tableau_password": "Publisher-Pass-1"}
    with (
        open_house(tmp_path, habits=Habits(cloud=True), given=way) as house,
        pytest.raises(AccessError, match="Tableau Cloud takes no password"),
        house.session(),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "TABLEAU_SERVER_URL is not set"),
        ({"tableau_server_url": "https://host:abc"}, "TABLEAU_SERVER_URL is not an http or https address"),
        ({"tableau_server_url": "tableau.example.com"}, "not an http or https"),
        ({"tableau_server_url": "http://tableau.example.com"}, "plain http"),
        ({"tableau_server_url": "https://a:b@tableau.example.com"}, "holds a name or password"),
        ({"tableau_server_url": "https://tableau.example.com/#/site/finance"}, "behind the host"),
        ({"tableau_server_url": "https://tableau.example.com"}, "Nothing to sign in"),
        ({"tableau_server_url": "https://t.example.com", "tableau_pat_name": "etl"}, "TABLEAU_PAT_SECRET is not set"),
        ({"tableau_server_url": "https://t.example.com", "tableau_pat_name": "etl", "tableau_password": "x"}, "Both"),
        ({"tableau_server_url": "https://t.example.com", "tableau_password": "x"}, "TABLEAU_USERNAME is not set"),
        ({"tableau_server_url": "https://t.example.com", "tableau_ca_bundle": "nowhere.pem"}, "TABLEAU_CA_BUNDLE is not a file"),
    ],
)
def test_settings_say_what_is_wrong(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(TableauSettings, _env_file=None, **given).require()


def test_secrets_do_not_show_in_settings_or_credentials() -> None:
    settings = load(TableauSettings, _env_file=None, tableau_server_url="https://t.example.com", tableau_pat_name="etl", tableau_pat_secret="CANARY")
    assert "CANARY" not in f"{settings!r}{settings.credentials()!r}"
    assert getattr(settings.credentials(), "secret", None) == Secret("CANARY")
