from __future__ import annotations

import json
import logging
import traceback
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sage300_assets.base.errors import ConfigurationError, RetriableError
from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import load
from sage300_assets.intake.alert_findings import alert_findings
from sage300_assets.intake.finding import Level
from sage300_assets.systems.alerts.incident import Book, Message, Severity, Signal
from sage300_assets.systems.alerts.memory import Memory, Waiting
from sage300_assets.systems.alerts.post import addressed, post
from sage300_assets.systems.alerts.send import send, service_of
from sage300_assets.systems.alerts.settings import AlertSettings, Target
from sage300_assets_tests.webhook import Webhook, webhook

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
EVERYBODY = frozenset(Severity)


@pytest.fixture(scope="module")
def shared() -> Iterator[Webhook]:
    with webhook() as one:
        yield one


@pytest.fixture
def hook(shared: Webhook) -> Webhook:
    """One that has heard nothing yet and takes everything."""
    shared.arrived.clear()
    shared.paths.clear()
    shared.status, shared.location, shared.takes_files = 200, "", True
    return shared


def bad(member: str, minutes: float = 0, severity: Severity = WARNING, incident: str = "check:samltd:totals_tie") -> Signal:
    return Signal(incident, member, NOW + timedelta(minutes=minutes), "SAMLTD: totals tie", f"{member} is off", "/runs/1", severity)


def well(member: str, minutes: float = 0, incident: str = "check:samltd:totals_tie") -> Signal:
    return Signal(incident, member, NOW + timedelta(minutes=minutes))


def told(book: Book, *signals: Signal, minutes: float = 0, pages: str = "") -> list[Message]:
    book.note(signals)
    return list(book.messages(NOW + timedelta(minutes=minutes), HOUR, pages))


def heard_by(message: Message) -> list[Severity]:
    """Of two addresses, each told of one severity only, those that hear it."""
    targets = [Target(severity.word, Secret("x"), frozenset({severity})) for severity in Severity]
    return [Severity[waiting.target.upper()] for waiting in addressed([message], targets)]


# --- incidents ---------------------------------------------------------------------------------------------------------------------------


def test_one_incident_is_one_message_however_many_members_it_has() -> None:
    book = Book()
    (message,) = told(book, *(bad(f"table {number:02}") for number in range(80)))
    assert message.title == "[warning] SAMLTD: totals tie"
    assert message.body.count("\n- ") == 11
    assert "and 70 more" in message.body
    assert "http" not in message.body
    assert told(book, bad("table 00", 1), minutes=1) == []


def test_news_of_an_incident_waits_its_time_unless_it_gets_worse() -> None:
    book = Book()
    told(book, bad("a"))
    assert told(book, bad("b", 10), minutes=10) == []
    (worse,) = told(book, bad("c", 11, CRITICAL), minutes=11)
    assert worse.title == "[critical] SAMLTD: totals tie (update)"
    assert worse.severity is CRITICAL
    assert worse.body.splitlines()[1].startswith("- c: "), "the worst first"
    assert told(book, bad("d", 20), minutes=70) == []
    (later,) = told(book, minutes=71, pages="https://dagster.example.com")
    assert "- d: d is off https://dagster.example.com/runs/1" in later.body
    assert told(book, minutes=500) == [], "nothing new is no news"


def test_it_is_over_when_the_last_member_is_well_and_those_who_heard_the_worst_hear_it() -> None:
    book = Book()
    told(book, bad("a", 0, CRITICAL), bad("b"))
    assert told(book, well("a", 5), minutes=5) == []
    (over,) = told(book, well("b", 6), well("c", 6), minutes=6)
    assert (over.severity, over.title, over.over) == (CRITICAL, "[recovered] SAMLTD: totals tie", True)
    assert over.body == "It was wrong from 2026-11-20 06:00 UTC to 2026-11-20 06:06 UTC."
    assert heard_by(over) == [CRITICAL]
    assert not book.open
    assert told(book, well("b", 7)) == []
    assert len(told(book, bad("b", 8))) == 1


def test_what_went_wrong_and_right_between_two_looks_is_told_once() -> None:
    (message,) = told(Book(), well("a", 3), bad("a", 1, CRITICAL))
    assert message.over
    assert message.severity is CRITICAL


def test_the_order_of_events_counts_and_not_the_order_in_which_they_are_found() -> None:
    (message,) = told(Book(), bad("a", 3), well("a", 1))
    assert not message.over


def test_who_heard_of_a_warning_hears_that_it_got_worse_and_that_it_is_over() -> None:
    memory, heard = Memory(), list[list[Severity]]()

    def tell(minutes: float, *signals: Signal) -> None:
        nonlocal memory
        heard.extend(map(heard_by, told(memory.book, *signals, minutes=minutes)))
        memory = Memory.from_text(memory.to_text())

    tell(0, bad("a"))
    tell(1, bad("b", 1, CRITICAL))
    assert heard == [[WARNING], [WARNING, CRITICAL]]
    tell(70, bad("c", 70, CRITICAL))
    assert heard.pop() == [CRITICAL], "that it grows is for those who are told of its severity"
    tell(140, well("b", 140), well("c", 140), bad("d", 140))
    assert heard.pop() == [WARNING]
    tell(141, bad("a", 141, CRITICAL))
    assert heard.pop() == [WARNING, CRITICAL]
    tell(142, well("a", 142), well("d", 142))
    assert heard.pop() == [WARNING, CRITICAL]


def test_a_member_that_is_gone_is_no_trouble_any_more() -> None:
    book = Book()
    told(book, bad("a"), bad("b"))
    book.forget("check:samltd:totals_tie", ["a"])
    book.forget("unknown", ["a"])
    assert not told(book)
    book.forget("check:samltd:totals_tie", ["b"])
    assert told(book)[0].over


def test_what_was_well_and_fails_once_more_is_told_while_others_keep_its_incident_open() -> None:
    book = Book()
    told(book, bad("a"), bad("b"))
    assert told(book, well("b", 5), minutes=5) == []
    (again,) = told(book, bad("b", 600), minutes=600)
    assert "- b: b is off" in again.body
    book.forget("check:samltd:totals_tie", ["b"])
    assert told(book, minutes=700) == []
    (once_more,) = told(book, bad("b", 701), minutes=701)
    assert "- b: b is off" in once_more.body


def test_what_is_left_can_get_as_bad_as_what_is_well_by_now() -> None:
    book = Book()
    told(book, bad("a"), bad("b", 0, CRITICAL))
    assert told(book, well("b", 5), minutes=5) == []
    (worse,) = told(book, bad("a", 6, CRITICAL), minutes=6)
    assert worse.title == "[critical] SAMLTD: totals tie (update)"
    assert heard_by(worse) == [CRITICAL]


SIGNALS = st.lists(
    st.builds(
        lambda incident, member, severity: Signal(f"i{incident}", f"m{member}", NOW, f"title {incident}", "said", "", severity),
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([None, WARNING, CRITICAL]),
    ),
    max_size=6,
)


@given(st.lists(SIGNALS, max_size=8))
def test_every_incident_is_opened_and_closed_in_turn_and_survives_being_written_down(ticks: list[list[Signal]]) -> None:
    memory, trouble = Memory(), dict[str, set[str]]()
    announced: set[str] = set()
    for number, signals in enumerate(ticks):
        moment = NOW + number * HOUR
        memory.book.note(signals)
        for signal in signals:
            members = trouble.setdefault(f"title {signal.incident[1:]}", set())
            (members.discard if signal.severity is None else members.add)(signal.member)
        for message in memory.book.messages(moment, timedelta(0)):
            title = message.title.partition("] ")[2].removesuffix(" (update)")
            if message.over:
                assert not trouble[title]
                announced.discard(title)
            else:
                announced.add(title)
        assert announced == {title for title, members in trouble.items() if members}
        again = Memory.from_text(memory.to_text())
        assert again == memory
        memory = again


def test_a_memory_of_another_version_is_none() -> None:
    assert Memory.from_text('{"version": 99}') == Memory()
    assert Memory.from_text(None) == Memory()


def test_what_an_earlier_release_remembered_is_known_still() -> None:
    memory = Memory()
    memory.book.note([bad("a", 1, CRITICAL)])
    written = json.loads(memory.to_text())
    del written["well"]
    (incident,) = written["open"]
    del incident["told_as"]
    incident["members"] = {name: [one["severity"], one["said"], one["link"], one["since"]] for name, one in incident["members"].items()}
    again = Memory.from_text(json.dumps(written))
    assert again == memory
    again.book.note([well("a", 2)])
    assert [one.over for one in again.book.messages(NOW, HOUR)] == [True]


@pytest.mark.parametrize(("severity", "hear"), [(WARNING, [WARNING]), (CRITICAL, [WARNING, CRITICAL])])
def test_whoever_may_have_heard_of_it_from_an_earlier_release_hears_that_it_is_over(severity: Severity, hear: list[Severity]) -> None:
    memory = Memory()
    told(memory.book, bad("a", 0, severity))
    written = json.loads(memory.to_text())
    del written["open"][0]["told_as"]
    (over,) = told(Memory.from_text(json.dumps(written)).book, well("a", 1), minutes=1)
    assert heard_by(over) == hear


def test_a_target_that_is_away_for_long_is_told_at_least_the_titles() -> None:
    memory = Memory(waiting=[Waiting("A", Message(CRITICAL if n == 0 else WARNING, f"title {n}", "body")) for n in range(150)])
    memory.waiting.append(Waiting("B", Message(WARNING, "for B", "body")))
    for _ in range(2):
        memory = Memory.from_text(memory.to_text())
        memory.waiting.append(Waiting("A", Message(WARNING, "one more", "body")))
    mine = [one.message for one in Memory.from_text(memory.to_text()).waiting if one.target == "A"]
    assert len(mine) == 100
    assert mine[0].severity is CRITICAL
    assert {f"title {n}" for n in range(53)} <= set(mine[0].body.splitlines())
    assert [one.message.title for one in memory.waiting if one.target == "B"] == ["for B"]


# --- settings ------------------------------------------------------------------------------------------------------------------------------


def test_addresses_by_severity() -> None:
    settings = load(
        AlertSettings,
        _env_file=None,
        alert_urls="mailto://u:p,q@example.com?to=a@example.com,b@example.com, slack://A/B/C\n json://x",
        alert_urls_critical="json://pager",
    )
    assert [(one.name, one.url.reveal().partition("://")[0], len(one.severities)) for one in settings.targets] == [
        ("ALERT_URLS 1", "mailto", 2),
        ("ALERT_URLS 2", "slack", 2),
        ("ALERT_URLS 3", "json", 2),
        ("ALERT_URLS_CRITICAL 1", "json", 1),
    ]
    assert settings.targets[0].url.reveal().endswith("b@example.com")
    waiting = addressed([Message(WARNING, "w", ""), Message(CRITICAL, "c", "")], settings.targets)
    assert len(waiting) == 7
    assert "u:p" not in repr(settings) + repr(settings.targets)
    assert load(AlertSettings, _env_file=None).targets == ()
    with pytest.raises(ConfigurationError, match="DAGSTER_UI_URL cannot be used: it begins with"):
        load(AlertSettings, _env_file=None, dagster_ui_url="dagster.example.com")


def test_the_doctor_says_whether_anybody_is_told() -> None:
    (note,) = alert_findings(_env_file=None)
    assert note.level is Level.NOTE
    assert "vault set ALERT_URLS" in note.cure
    found = list(alert_findings(_env_file=None, alert_urls="json://elsewhere.example.com CANARY://x jsons://CANARY:CANARY@example.com"))
    assert [one.level for one in found] == [Level.OK, Level.NOTE, Level.PROBLEM, Level.OK, Level.NOTE]
    assert "without encryption" in found[1].message
    assert "ALERT_URLS 2" in found[2].message
    assert "CANARY" not in str(found)
    assert {one.level for one in alert_findings(_env_file=None, alert_urls="json://127.0.0.1/x", dagster_ui_url="http://x")} == {Level.OK}
    assert [one.level for one in alert_findings(_env_file=None, dagster_ui_url="x")] == [Level.PROBLEM]


# --- sending -------------------------------------------------------------------------------------------------------------------------------

SECRET = "CANARY%2F%3F%40%25%22%27"
MESSAGE = Message(CRITICAL, "[critical] SAMLTD: a run failed", "- ap/vendors: it was 1 cent off\n- ä")


def test_a_message_arrives_as_it_is(hook: Webhook) -> None:
    send(Target("A", Secret(hook.url("user:pass@")), EVERYBODY), MESSAGE)
    send(Target("A", Secret(hook.url()), EVERYBODY), Message(WARNING, "over", "b", over=True))
    assert [(one["title"], one["message"], one["type"]) for one in hook.arrived] == [
        (MESSAGE.title, MESSAGE.body, "failure"),
        ("over", "b", "success"),
    ]


@pytest.mark.parametrize("status", [307, 401, 404, 500])
def test_a_refusal_is_an_error_that_holds_nothing_secret(status: int, hook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    hook.status, hook.location = status, f"{hook.url()}elsewhere".replace("json:", "http:")
    target = Target("ALERT_URLS 1", Secret(hook.url(f"user:{SECRET}@", f"CANARY-TOKEN?+X-Auth={SECRET}")), EVERYBODY)
    with caplog.at_level(logging.DEBUG), pytest.raises(RetriableError, match="ALERT_URLS 1 \\(JSON\\) did not take") as refused:
        send(target, MESSAGE)
    assert "CANARY" not in "".join(traceback.format_exception(refused.value)) + caplog.text
    assert len(hook.paths) == 1, "no redirect is followed"
    assert refused.value.__context__ is None


@pytest.mark.parametrize("url", ["CANARY", "nothing://CANARY", "json://", "slack://CANARY", "mailto://CANARY"])
def test_what_is_no_address_is_named_and_not_shown(url: str, caplog: pytest.LogCaptureFixture) -> None:
    target = Target("ALERT_URLS 1", Secret(url), EVERYBODY)
    for act in (lambda: service_of(target), lambda: send(target, MESSAGE)):
        with caplog.at_level(logging.DEBUG), pytest.raises(ConfigurationError, match="ALERT_URLS 1") as refused:
            act()
        assert "CANARY" not in "".join(traceback.format_exception(refused.value)) + caplog.text
        assert refused.value.cure


def test_each_target_waits_for_itself_and_in_order() -> None:
    sent: list[tuple[str, str]] = []

    def sending(target: Target, message: Message) -> None:
        if target.name == "away":
            raise RetriableError("away did not take it.")
        sent.append((target.name, message.title))

    targets = [Target("here", Secret("x"), EVERYBODY), Target("away", Secret("x"), EVERYBODY)]
    messages = [Message(WARNING, title, "") for title in ("one", "two")]
    posted = post([*addressed(messages, targets), Waiting("gone", messages[0])], targets, sending)
    assert sent == [("here", "one"), ("here", "two")]
    assert [(one.target, one.message.title) for one in posted.waiting] == [("away", "one"), ("away", "two")]
    assert (posted.sent, len(posted.refusals)) == (2, 1)


def test_files_go_with_a_message(hook: Webhook, tmp_path: Path) -> None:
    picture = tmp_path / "cash.png"
    picture.write_bytes(b"\x89PNG not really")
    send(Target("ALERT_URLS 1", Secret(hook.url()), EVERYBODY), Message(CRITICAL, "cash", "is short"), [picture])
    (sent,) = hook.arrived[0]["attachments"]
    assert (sent["filename"], b64decode(sent["base64"])) == ("cash.png", b"\x89PNG not really")


def test_a_message_goes_alone_where_its_files_are_refused(hook: Webhook, tmp_path: Path) -> None:
    picture, gone = tmp_path / "cash.png", tmp_path / "gone.png"
    picture.write_bytes(b"too large")
    target = Target("ALERT_URLS 1", Secret(hook.url()), EVERYBODY)
    hook.takes_files = False
    send(target, Message(CRITICAL, "cash", "is short"), [picture])
    hook.takes_files = True
    send(target, Message(CRITICAL, "stock", "is short"), [gone])
    assert [(one["title"], one["attachments"]) for one in hook.arrived] == [("cash", []), ("stock", [])]
