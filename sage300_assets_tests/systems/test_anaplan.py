"""The Anaplan client against the simulated tenant: logins, allowance, files, tasks, refused rows."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sage300_assets.base.errors import (
    AccessError,
    ConfigurationError,
    DataError,
    PermanentError,
    RetriableError,
    Throttled,
    UnknownOutcome,
)
from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import load
from sage300_assets.simulators.anaplan import PASSWORD, SAMPLE, USER, OAuthClient, Server, StoppedClock
from sage300_assets.systems.anaplan.by_hand import log_in
from sage300_assets.systems.anaplan.client import AnaplanClient
from sage300_assets.systems.anaplan.download import download
from sage300_assets.systems.anaplan.login import OAuth
from sage300_assets.systems.anaplan.results import unexplained
from sage300_assets.systems.anaplan.settings import AnaplanSettings
from sage300_assets.systems.anaplan.tasks import Choice, Ended, cancel, follow, run, start
from sage300_assets.systems.anaplan.tokens import REFRESH_TOKEN, MemoryStore
from sage300_assets.systems.anaplan.upload import cut, prepare, send_file, send_rest

CANARY = "CANARY/?@%\"'PASS"
GROUPS = "Code,Name\nVG-DE,Suppliers DE\nVG-AT,Suppliers AT\n"
VENDORS = "Code,Name,Parent,Terms,On Hold\nV1001,Acme Paper,VG-DE,30,FALSE\nV1002,Borealis AG,VG-AT,15,FALSE\n"
ACTUALS = "GL Account,Cost Centre,Time,Versions,Net Amount,Quantity\n"


class Tenant:
    """A tenant whose time passes only while somebody waits."""

    def __init__(self, folder: Path, **server: Any) -> None:  # noqa: ANN401 - whatever a server takes
        self.clock = StoppedClock()
        self.folder = folder
        self.server = Server(clock=self.clock, **server)
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    def settings(self, **more: object) -> AnaplanSettings:
        server = self.server
        given: dict[str, object] = {
            "anaplan_api_url": server.api_url, "anaplan_auth_url": server.auth_url, "anaplan_oauth_url": server.oauth_url,
            "anaplan_workspace_id": server.tenant.workspace_id, "anaplan_model_id": server.tenant.hub.model.id,
            "anaplan_username": USER, "anaplan_password": PASSWORD, "anaplan_state_folder": self.folder / "state", "anaplan_timeout": 5,
            "anaplan_tries": 3, **more,
        }  # fmt: skip
        return load(AnaplanSettings, _env_file=None, **given)

    def client(self, store: MemoryStore | None = None, **more: object) -> AnaplanClient:
        return AnaplanClient(self.settings(**more), store or MemoryStore(), clock=self.clock, wait=self.wait)

    def file(self, text: str, name: str = "file.csv") -> Path:
        path = self.folder / name
        path.write_bytes(text.encode())
        return path

    def load(self, client: AnaplanClient, file: str, text: str, import_name: str, choices: tuple[Choice, ...] = ()) -> Ended:
        send_file(client, self.file(text), client.find("files", file))
        return run(client, "imports", client.find("imports", import_name), choices)

    def load_lists(self, client: AnaplanClient) -> None:
        self.load(client, "sage_vendor_groups.csv", GROUPS, "Vendor Groups from sage_vendor_groups.csv")
        accounts = "Code,Name,Parent\n6000-100,Paper,\n6010-100,Travel,\n"
        self.load(client, "sage_accounts.csv", accounts, "GL Accounts from sage_accounts.csv")
        for code in ("CC10", "CC20"):
            self.server.tenant.model.lists["Cost Centres"].add(code, f"Cost centre {code}")


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    one = Tenant(tmp_path, chunk_size=1000)
    with one.server:
        yield one


@pytest.fixture
def client(tenant: Tenant) -> Iterator[AnaplanClient]:
    with tenant.client() as one:
        yield one


# Logins.


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A certificate, its key, and the key of another one."""
    folder = tmp_path_factory.mktemp("keys")
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robot")])
    now = datetime(2026, 11, 20, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(7)
    certificate = builder.not_valid_before(now).not_valid_after(now + timedelta(days=30)).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    for name, one in (("cert.key", key), ("other.key", rsa.generate_private_key(65537, 2048))):
        sealed = serialization.BestAvailableEncryption(CANARY.encode())
        (folder / name).write_bytes(one.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))
    return folder / "cert.pem", folder / "cert.key", folder / "other.key"


def test_a_password_that_is_wrong_says_what_to_do_and_not_what_it_was(tenant: Tenant) -> None:
    with tenant.client(anaplan_password=CANARY) as one, pytest.raises(AccessError, match="login is refused") as caught:
        one.user()
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("form", ["v1", "v2"])
def test_certificates_log_in_in_either_form(tenant: Tenant, pair: tuple[Path, Path, Path], form: str) -> None:
    certificate, key, _ = pair
    tenant.server.tenant.guard.trust(certificate.read_bytes(), "robot@example.com")
    more: dict[str, Any] = {
        "anaplan_password": "", "anaplan_certificate_file": certificate, "anaplan_private_key_file": key,
        "anaplan_private_key_password": CANARY, "anaplan_certificate_format": form,
    }  # fmt: skip
    with tenant.client(**more) as one:
        assert one.user()["email"] == "robot@example.com"
    tenant.server.tenant.guard.v2_only = True
    with tenant.client(**more) as one:
        if form == "v2":
            assert one.user()["email"] == "robot@example.com"
        else:
            with pytest.raises(AccessError, match="certificate"):
                one.user()


def test_a_key_of_another_certificate_or_a_wrong_password_is_refused_before_anything_is_sent(tenant: Tenant, pair: tuple[Path, Path, Path]) -> None:
    certificate, key, other = pair
    for file, password, said in ((other, CANARY, "does not belong"), (key, "wrong", "RSA private key")):
        with pytest.raises(ConfigurationError, match=said) as caught:
            tenant.client(
                anaplan_password="", anaplan_certificate_file=certificate, anaplan_private_key_file=file, anaplan_private_key_password=password
            )
        assert CANARY not in str(caught.value)
    assert tenant.server.calls == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"anaplan_password": ""}, "no way to log in"),
        ({"anaplan_client_id": "x"}, "several ways"),
        ({"anaplan_model_id": "short"}, "ANAPLAN_MODEL_ID"),
        ({"anaplan_api_url": "http://api.anaplan.com"}, "ANAPLAN_API_URL is plain http"),
        ({"anaplan_auth_url": "https://[x"}, "ANAPLAN_AUTH_URL is not an http or https address"),
        ({"anaplan_auth_url": "https://u:p@auth.anaplan.com"}, "ANAPLAN_AUTH_URL holds a name"),
        ({"anaplan_username": ""}, "ANAPLAN_USERNAME is not set"),
    ],
)
def test_settings_that_cannot_work_are_one_line(tenant: Tenant, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        tenant.client(**more)


def test_tokens_are_renewed_before_they_end_and_replaced_when_refused(tenant: Tenant, client: AnaplanClient) -> None:
    guard = tenant.server.tenant.guard
    client.user()
    tenant.clock.advance(29 * 60)
    client.user()
    assert [c.path for c in tenant.server.calls if c.path.startswith("/auth")] == ["/auth/token/authenticate"]
    tenant.clock.advance(2 * 60)
    client.user()
    assert tenant.server.calls[-2].path == "/auth/token/refresh"
    assert guard.logins == 1
    guard.expire_all()
    client.user()
    assert guard.logins == 2
    tenant.clock.advance(3 * 3600)  # ended long ago: it cannot be refreshed any more
    client.user()
    assert guard.logins == 3


def test_threads_share_one_login(tenant: Tenant, client: AnaplanClient) -> None:
    threads = [threading.Thread(target=client.user) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tenant.server.tenant.guard.logins == 1


def test_a_device_login_waits_for_a_person_and_then_lives_on_rotating_refresh_tokens(tenant: Tenant) -> None:
    guard = tenant.server.tenant.guard
    guard.clients["device"] = OAuthClient("device")
    store = MemoryStore()
    more: dict[str, Any] = {"anaplan_password": "", "anaplan_client_id": "device"}
    shown: list[tuple[str, str]] = []

    def wait(seconds: float) -> None:
        tenant.wait(seconds)
        if len(tenant.waits) == 3:
            guard.approve(shown[0][1], "planner@example.com")

    with tenant.client(store, **more) as one:
        with pytest.raises(AccessError, match="no refresh token"):
            one.user()
        assert isinstance(one.session.login, OAuth)
        one.session.log_in_as_person(one.session.login.from_device(tenant.clock, wait, lambda where, code: shown.append((where, code))))
        assert one.user()["email"] == "planner@example.com"
    assert len(tenant.waits) == 3
    first = store.values[REFRESH_TOKEN]
    with tenant.client(store, **more) as one:  # another process, later
        one.user()
    assert store.values[REFRESH_TOKEN] != first
    store.values[REFRESH_TOKEN] = first
    with tenant.client(store, **more) as one, pytest.raises(AccessError, match="not good any more"):
        one.user()
    assert store.values[REFRESH_TOKEN] == first


def test_an_authorization_code_is_exchanged_once(tenant: Tenant) -> None:
    guard = tenant.server.tenant.guard
    guard.clients["web"] = OAuthClient("web", device=False, secret=CANARY, redirect="https://sage.example.com/back")
    more: dict[str, Any] = {
        "anaplan_password": "", "anaplan_client_id": "web", "anaplan_client_secret": CANARY, "anaplan_redirect_uri": "https://sage.example.com/back",
    }  # fmt: skip
    with tenant.client(**more) as one:
        login = one.session.login
        assert isinstance(login, OAuth)
        assert "state=S1" in login.address_for("S1")
        code = Secret(guard.authorize("web", USER))
        one.session.log_in_as_person(login.from_code(tenant.clock(), code))
        assert one.user()["email"] == USER
        with pytest.raises(AccessError, match="not good any more"):
            one.session.log_in_as_person(login.from_code(tenant.clock(), code))


def test_a_person_is_shown_where_to_go_and_the_token_is_kept(tenant: Tenant) -> None:
    guard = tenant.server.tenant.guard
    guard.clients["device"] = OAuthClient("device")
    store, shown = MemoryStore(), list[str]()

    def show(text: str) -> None:
        shown.append(text)
        guard.approve(text.partition(" and enter ")[2].partition(" ")[0], "planner@example.com")

    with tenant.client(store, anaplan_password="", anaplan_client_id="device") as one:
        assert log_in(one, show, no_question) == "planner@example.com"
    assert f"{tenant.server.base}/app/activate?user_code=" in shown[0]
    with tenant.client(store, anaplan_password="", anaplan_client_id="device") as later:
        assert later.user()["email"] == "planner@example.com"


def no_question(question: str) -> str:
    raise AssertionError(question)


def test_nobody_need_be_present_for_a_password(client: AnaplanClient) -> None:
    with pytest.raises(ConfigurationError, match="nobody need be present"):
        log_in(client, print, no_question)


@pytest.mark.parametrize(
    ("given", "raised", "said"),
    [("", ConfigurationError, "No code"), ("https://sage.example.com/back?code=C&state=other", AccessError, "another login"),
     ("https://sage.example.com/back", ConfigurationError, "No code"), ("nonsense", AccessError, "not good any more")],
)  # fmt: skip
def test_what_is_no_code_of_this_login_is_refused(tenant: Tenant, given: str, raised: type[Exception], said: str) -> None:
    tenant.server.tenant.guard.clients["web"] = OAuthClient("web", device=False, secret=CANARY, redirect="https://sage.example.com/back")
    more: dict[str, Any] = {
        "anaplan_password": "", "anaplan_client_id": "web", "anaplan_client_secret": CANARY, "anaplan_redirect_uri": "https://sage.example.com/back",
    }  # fmt: skip
    store = MemoryStore()
    with tenant.client(store, **more) as one, pytest.raises(raised, match=said):
        log_in(one, print, lambda _question: given)
    assert store.values == {}


# Requests.


def test_a_refusal_for_too_many_requests_is_waited_out_exactly(tenant: Tenant, client: AnaplanClient) -> None:
    client.user()
    tenant.waits.clear()
    tenant.server.faults.set("throttled", seconds=17)
    client.user()
    assert tenant.waits == [17.0]


def test_the_allowance_keeps_a_crowd_of_clients_below_the_limit(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, rate=(60, 1.0))
    with tenant.server:
        clients = [tenant.client(anaplan_requests_per_minute=60) for _ in range(3)]
        for _ in range(30):
            for one in clients:
                one.user()
        assert tenant.server.bucket.refused == 0
        assert sum(tenant.waits) == pytest.approx(90 - 60, abs=2)
        for one in clients:
            one.close()


def test_collections_are_read_by_their_count_and_not_by_their_links(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.server.faults.set("small_pages", times=None, size=2)
    tenant.server.faults.set("stale_next", times=None)
    assert len(client.named("imports")) == 6
    assert client.named("lists")[0].name == "Vendor Groups"
    assert list(client.list_items(client.find("lists", "Vendors").id)) == []  # an empty collection has no key


def test_names_that_are_missing_or_not_alone_say_so(client: AnaplanClient) -> None:
    with pytest.raises(ConfigurationError, match=r"no import called 'Nothing'.*It has: DAT10"):
        client.find("imports", "Nothing")
    client.named("files")
    client._names["files"] = (*client._names["files"], client._names["files"][0])
    with pytest.raises(ConfigurationError, match=r"2 files are called 'sage_vendor_groups\.csv'"):
        client.find("files", "sage_vendor_groups.csv")


@pytest.mark.parametrize(("fault", "kind"), [("forbidden", AccessError), ("server_error", RetriableError), ("offline", Throttled)])
def test_errors_are_told_apart(tenant: Tenant, client: AnaplanClient, fault: str, kind: type[Exception]) -> None:
    tenant.server.faults.set(fault, times=None)
    with pytest.raises(kind):
        client.user()


@pytest.mark.parametrize("fault", ["server_error", "moved", "busy", "unavailable", "reset", "truncated", "unauthorized"])
def test_what_may_pass_is_tried_again(tenant: Tenant, client: AnaplanClient, fault: str) -> None:
    tenant.server.faults.set(fault, path="users")
    assert client.user()["email"] == USER
    assert tenant.server.faults.fired[fault] == 1


def test_an_archived_model_is_refused_for_good(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.server.tenant.hub.state = "ARCHIVED"
    with pytest.raises(PermanentError, match="archived"):
        client.named("imports")


def test_a_sleeping_model_is_woken(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.server.tenant.hub.unload()
    assert client.status() == "Closed"
    assert client.wake() == "Open"
    assert client.wake() == "Open"


def test_cells_that_are_refused_are_an_error(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.load_lists(client)
    module = client.find("modules", "SYS Vendors")
    tenant.server.tenant.model.lists["Vendors"].add("V1", "One")
    cell: dict[str, object] = {"lineItemName": "Currency", "dimensions": [{"dimensionName": "Vendors", "itemCode": "V1"}], "value": "EUR"}
    client.write_cells(module.id, [cell])
    assert tenant.server.tenant.model.cells("SYS Vendors", "Currency") == {("V1",): "EUR"}
    with pytest.raises(DataError, match="1 of 1 were refused"):
        client.write_cells(module.id, [{**cell, "dimensions": []}])


# Files.


rows_of_text = st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12), min_size=1, max_size=3))


@examples(max_examples=50, deadline=None)
@given(rows=rows_of_text, size=st.integers(1, 200), ended=st.booleans())
def test_pieces_end_between_rows_and_are_the_file(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], size: int, ended: bool) -> None:
    lines = [",".join('"' + t.replace('"', '""') + '"' for t in row) for row in [["h"], *rows]]
    text = "\n".join(lines) + ("\n" if ended else "")
    path = tmp_path_factory.mktemp("cut") / "f.csv"
    path.write_bytes(text.encode())
    content = path.read_bytes()
    found = list(cut(path, size))
    assert b"".join(content[p.start : p.start + p.size] for p in found) == content
    for piece in found:
        part = content[piece.start : piece.start + piece.size].decode()
        assert part.count('"') % 2 == 0
        assert part.endswith("\n") or piece is found[-1]
        # No more than fits, unless a single row is longer than that.
        assert piece.size <= size or len(part.rstrip("\n").encode()) > 0


def test_a_large_file_goes_in_pieces_and_is_taken_up_where_it_failed(tenant: Tenant, client: AnaplanClient) -> None:
    chance = random.Random(7)
    line = "".join(chance.choices("äöü€ABC", k=200))
    text = "Code,Name\n" + "".join(f"V{n:06d},{line}{n}\n" for n in range(10_000))
    upload = prepare(client, tenant.file(text), client.find("files", "sage_vendors.csv"))
    assert upload.rows == 10_000
    assert len(upload.pieces) == 1
    small = tenant.client(anaplan_chunk_megabytes=1)
    upload = prepare(small, upload.path, client.find("files", "sage_vendors.csv"))
    assert len(upload.pieces) == -(-len(text.encode()) // (1 << 20))
    tenant.server.faults.set("server_error", times=3, path="/chunks/2")
    with pytest.raises(RetriableError):
        send_rest(small, upload)
    assert upload.done == 2
    before = len(tenant.server.calls)
    tenant.server.faults.set("reset", path="/chunks/3")
    send_rest(small, upload)
    sent = [c.path.rpartition("/")[2] for c in tenant.server.calls[before:]]
    assert sent == [str(n) for n in [2, 3, 3, *range(4, len(upload.pieces))]]
    content = tenant.server.tenant.hub.file_named("sage_vendors.csv").content(USER)
    assert content is not None
    assert content.is_whole()
    assert content.joined() == text.encode()
    small.close()


def test_files_that_no_import_would_read_are_refused(tenant: Tenant, client: AnaplanClient) -> None:
    file = client.find("files", "sage_vendors.csv")
    with pytest.raises(DataError, match="not even a header"):
        send_file(client, tenant.file(""), file)
    with pytest.raises(ConfigurationError, match="not a file for uploads"):
        send_file(client, tenant.file(GROUPS), client.find("files", "GL journal export.csv"))
    latin = type(file)(file.id, file.name, {**file.more, "encoding": "ISO-8859-1"})
    with pytest.raises(ConfigurationError, match="ISO-8859-1"):
        send_file(client, tenant.file(GROUPS), latin)
    tenant.server.faults.set("wrong_file")
    with pytest.raises(DataError, match="another file"):
        send_file(client, tenant.file(GROUPS), file)


# Tasks.


def test_a_clean_import_costs_two_requests_besides_upload_and_looks(tenant: Tenant, client: AnaplanClient) -> None:
    file, action = client.find("files", "sage_vendor_groups.csv"), client.find("imports", "Vendor Groups from sage_vendor_groups.csv")
    before = len(tenant.server.calls)
    upload = send_file(client, tenant.file(GROUPS), file)
    ended = run(client, "imports", action)
    assert ended.result.verdict == "clean"
    assert unexplained(ended.result, upload.rows) == ""
    calls = [(c.method, c.path.rpartition("/models/")[2].partition("/")[2]) for c in tenant.server.calls[before:]]
    looks = [c for c in calls if c[0] == "GET" and "/tasks/" in c[1]]
    assert len(calls) - len(looks) == 4  # announce, one piece, list of tasks, start
    assert min(w for w in tenant.waits) >= 5
    assert {m.code for m in tenant.server.tenant.model.members("Vendor Groups").values()} == {"VG-DE", "VG-AT"}


def test_refused_rows_make_a_run_partial_although_it_says_successful(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.load_lists(client)
    text = (
        VENDORS + 'V1003,"Carl, ""C""",EUROPE,x,FALSE\nV1004,Dora,VG-DE,10,maybe\n,Nameless,VG-DE,,\nV1001,Again,VG-DE,1,FALSE\nV1005,Eve,,1,TRUE\n'
    )
    ended = tenant.load(client, "sage_vendors.csv", text, "Vendors from sage_vendors.csv")
    result = ended.result
    assert (result.successful, result.verdict, result.failed, result.warned) == (True, "partial", 4, 1)
    assert unexplained(result, 7) == ""
    assert "7 rows" not in unexplained(result, 7)
    assert unexplained(result, 8).startswith("8 rows were sent, but Anaplan tells of 7")
    by_line = {r.line: (r.status, r.values["Code"], r.reasons) for r in result.rejected}
    assert by_line == {
        4: ("E", "V1003", ("Invalid parent", "Invalid number: x")),
        5: ("E", "V1004", ("Invalid Boolean: maybe",)),
        6: ("E", "", ("Error parsing key for this row; no values",)),
        7: ("E", "V1001", ("Duplicate key in source: V1001",)),
        8: ("W", "V1005", ("Invalid parent",)),
    }
    assert result.reasons()[0] == "Invalid parent (2, first in line 4)"
    assert set(tenant.server.tenant.model.members("Vendors")) == {"V1001", "V1002", "V1005"}


def test_repeated_codes_are_added_up_which_is_why_a_code_must_occur_once(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.load_lists(client)
    text = ACTUALS + "6000-100,CC10,Jan 26,Actual,312.50,1\n6000-100,CC10,Jan 26,Actual,312.50,1\n6010-100,CC20,Feb 26,Actual,-0.05,\n"
    ended = tenant.load(client, "sage_gl_actuals.csv", text, "DAT10 GL Actuals from sage_gl_actuals.csv")
    assert ended.result.verdict == "clean"
    assert tenant.server.tenant.model.total("DAT10 GL Actuals", "Net Amount") == Decimal("624.95")


def test_a_month_that_is_sent_again_replaces_itself_and_leaves_the_others(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.load_lists(client)
    name = "DAT10 GL Actuals from sage_gl_actuals.csv"
    text = ACTUALS + "6000-100,CC10,Jan 26,Actual,10,0\n6010-100,CC10,Jan 26,Actual,5,0\n6000-100,CC10,Feb 26,Actual,7,0\n"
    for _ in range(2):
        tenant.load(client, "sage_gl_actuals.csv", text, name)
        assert tenant.server.tenant.model.total("DAT10 GL Actuals", "Net Amount") == 22
    tenant.load(client, "sage_gl_actuals.csv", ACTUALS + "6000-100,CC10,Jan 26,Actual,11,0\n", name)
    assert tenant.server.tenant.model.total("DAT10 GL Actuals", "Net Amount") == 18


def test_unknown_members_and_periods_are_refused_row_by_row(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.load_lists(client)
    text = (
        ACTUALS
        + "9999,CC10,Jan 26,Actual,1,0\n6000-100,CC10,January 26,Actual,2,0\n6000-100,CC10,Jan 26,Actual,3x,0\n6000-100,CC10,Jan 26,Actual,4,0\n"
    )
    result = tenant.load(client, "sage_gl_actuals.csv", text, "DAT10 GL Actuals from sage_gl_actuals.csv").result
    assert result.verdict == "partial"
    assert [(r.line, r.reasons) for r in result.rejected] == [
        (2, ("Item not located in GL Accounts list: 9999",)),
        (3, ("Invalid period: January 26",)),
        (4, ("Invalid number: 3x",)),
    ]
    assert unexplained(result, 4) == ""
    assert unexplained(result, 5)


def test_a_dump_is_fetched_in_pieces_that_may_split_a_character(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.load_lists(client)
    text = "Code,Name,Parent,Terms,On Hold\n" + "".join(f"V{n},{'ä€' * 20}{n},NOWHERE,1,FALSE\n" for n in range(60))
    result = tenant.load(client, "sage_vendors.csv", text, "Vendors from sage_vendors.csv").result
    assert len(result.rejected) == 60
    assert all(r.values["Name"].startswith("ä€") for r in result.rejected)


@pytest.mark.parametrize("fault", ["reply_lost", "bare_task", "no_creation_time"])
def test_a_start_whose_answer_is_lost_is_adopted_and_never_repeated(tenant: Tenant, client: AnaplanClient, fault: str) -> None:
    send_file(client, tenant.file(GROUPS), client.find("files", "sage_vendor_groups.csv"))
    tenant.server.faults.set(fault, method="POST", path="/tasks")
    ended = run(client, "imports", client.find("imports", "Vendor Groups from sage_vendor_groups.csv"))
    assert ended.result.verdict == "clean"
    assert ended.task.adopted == (fault == "reply_lost")
    assert len(tenant.server.tenant.hub.queue.executed) == 1


def test_a_start_that_left_no_trace_is_unknown_and_not_repeated(tenant: Tenant, client: AnaplanClient) -> None:
    send_file(client, tenant.file(GROUPS), client.find("files", "sage_vendor_groups.csv"))
    tenant.server.faults.set("reset", method="POST", path="/tasks")
    with pytest.raises(UnknownOutcome, match="shows no new one"):
        start(client, "imports", client.find("imports", "Vendor Groups from sage_vendor_groups.csv"))
    assert sum(c.method == "POST" and c.path.endswith("/tasks") for c in tenant.server.calls) == 1


@pytest.mark.parametrize("fault", ["busy", "locked", "offline", "throttled", "unauthorized"])
def test_a_start_that_was_refused_is_sent_again(tenant: Tenant, client: AnaplanClient, fault: str) -> None:
    send_file(client, tenant.file(GROUPS), client.find("files", "sage_vendor_groups.csv"))
    tenant.server.faults.set(fault, method="POST", path="/tasks")
    assert run(client, "imports", client.find("imports", "Vendor Groups from sage_vendor_groups.csv")).result.verdict == "clean"
    assert len(tenant.server.tenant.hub.queue.executed) == 1


def test_a_task_that_is_forgotten_is_unknown_and_not_a_success(tenant: Tenant, client: AnaplanClient) -> None:
    send_file(client, tenant.file(GROUPS), client.find("files", "sage_vendor_groups.csv"))
    task = start(client, "imports", client.find("imports", "Vendor Groups from sage_vendor_groups.csv"))
    tenant.server.tenant.hub.unload()
    with pytest.raises(UnknownOutcome, match="does not know the task"):
        follow(client, task)


def test_tasks_of_one_model_queue_and_can_be_cancelled(tmp_path: Path) -> None:
    tenant = Tenant(tmp_path, task_seconds=60.0)
    with tenant.server, tenant.client() as client:
        action = client.find("imports", "Vendor Groups from sage_vendor_groups.csv")
        send_file(client, tenant.file(GROUPS), client.find("files", "sage_vendor_groups.csv"))
        first, second, third = (start(client, "imports", action) for _ in range(3))
        cancel(client, second)
        assert follow(client, first).result.verdict == "clean"
        ended = follow(client, second)
        assert (ended.cancelled, ended.result.verdict) == (True, "failed")
        tenant.clock.advance(10)
        cancel(client, third)
        assert follow(client, third).cancelled
        assert len(tenant.server.tenant.hub.queue.executed) == 1


def test_files_that_are_incomplete_expired_or_somebody_elses_fail_the_run(tenant: Tenant, client: AnaplanClient) -> None:
    action, file = client.find("imports", "Vendor Groups from sage_vendor_groups.csv"), client.find("files", "sage_vendor_groups.csv")
    assert run(client, "imports", action).result.details[0].type == "uploadedFileNoLongerAvailable"
    client.post(f"{client.model}/files/{file.id}", {"chunkCount": 2}, "test", repeatable=True)
    result = run(client, "imports", action).result
    assert (result.verdict, result.details[0].type) == ("failed", "importFailedGeneralError")
    send_file(client, tenant.file(GROUPS), file)
    tenant.server.tenant.guard.users["other@example.com"] = "pw"
    with tenant.client(anaplan_username="other@example.com", anaplan_password="pw") as other:
        assert run(other, "imports", action).result.verdict == "failed"
    assert run(client, "imports", action).result.verdict == "clean"
    tenant.clock.advance(49 * 3600)
    assert run(client, "imports", action).result.verdict == "failed"


def test_a_process_is_judged_step_by_step_with_the_dump_of_each(tenant: Tenant, client: AnaplanClient) -> None:
    send_file(client, tenant.file(GROUPS), client.find("files", "sage_vendor_groups.csv"))
    send_file(client, tenant.file(VENDORS + "V9,Nine,NOWHERE,1,FALSE\n"), client.find("files", "sage_vendors.csv"))
    process = client.find("processes", "100 Load vendors")
    tenant.server.faults.set("no_object_name")
    result = run(client, "processes", process).result
    steps = list(result.steps())
    assert [(s.name, s.verdict) for s in steps] == [
        ("Vendor Groups from sage_vendor_groups.csv", "clean"),
        ("Vendors from sage_vendors.csv", "partial"),
    ]
    assert result.verdict == "partial"
    assert [r.values["Code"] for r in steps[1].rejected] == ["V9"]
    send_file(client, tenant.file(VENDORS), client.find("files", "sage_vendors.csv"))
    assert run(client, "processes", process).result.verdict == "clean"
    tenant.server.faults.set("process_unsure")
    assert run(client, "processes", process).result.verdict == "failed"
    tenant.server.faults.set("task_fails")
    assert run(client, "processes", process).result.verdict == "failed"


def test_members_that_are_asked_for_are_chosen(tmp_path: Path) -> None:
    name = "DAT10 GL Actuals from sage_gl_actuals.csv"
    asking = tuple(
        replace(i, asks=("Versions",), columns={k: v for k, v in i.columns.items() if v != "Versions"}) if i.name == name else i
        for i in SAMPLE.imports
    )
    tenant = Tenant(tmp_path, blueprints=replace(SAMPLE, imports=asking))
    with tenant.server, tenant.client() as client:
        tenant.load_lists(client)
        text = "GL Account,Cost Centre,Time,Net Amount,Quantity\n6000-100,CC10,Jan 26,5,0\n"
        assert tenant.load(client, "sage_gl_actuals.csv", text, name).result.verdict == "failed"
        assert tenant.load(client, "sage_gl_actuals.csv", text, name, (Choice("Version", "Budget"),)).result.verdict == "clean"
        cells = tenant.server.tenant.model.cells("DAT10 GL Actuals", "Net Amount")
        assert cells == {("6000-100", "CC10", "Jan 26", "Budget"): Decimal(5)}


def test_an_export_comes_in_pieces_with_the_noise_of_binary_numbers(tenant: Tenant, client: AnaplanClient) -> None:
    tenant.load_lists(client)
    lines = "".join(f"L{n:03d},JE-1,6000-100,2026-01-31,{n}.25,Größe €,TRUE\n" for n in range(1, 41))
    text = "Line,JE Key,GL Account,Posting Date,Amount,Reference,Approved\n" + lines + "L999,JE-2,6000-100,2026-01-31,1,no,FALSE\n"
    tenant.load(client, "sage_journals.csv", text, "JE# from sage_journals.csv")
    assert run(client, "imports", client.find("imports", "WRB Journals from sage_journals.csv")).result.verdict == "clean"
    export = client.find("exports", "GL journal export.csv")
    with pytest.raises(DataError, match="it is empty"):
        download(client, export.id, tenant.folder / "none.csv")
    assert run(client, "exports", export).result.verdict == "clean"
    found = download(client, export.id, tenant.folder / "export.csv")
    rows = found.path.read_bytes().decode().splitlines()
    assert rows[0] == "Line,JE Key,GL Account,Posting Date,Amount,Reference"
    assert len(rows) == 41
    amounts = [row.split(",")[4] for row in rows[1:]]
    assert any(len(a) > 8 for a in amounts)
    assert sum(round(Decimal(a), 2) for a in amounts) == sum(n + Decimal("0.25") for n in range(1, 41))
