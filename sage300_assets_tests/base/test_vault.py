from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

import keyring
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from sage300_assets import cli
from sage300_assets.base import vault as vault_module
from sage300_assets.base import vault_keys
from sage300_assets.base.errors import ConfigurationError
from sage300_assets.base.private_file import KEEPS_OTHERS_OUT, write_private
from sage300_assets.base.secret import Secret
from sage300_assets.base.settings import load_settings, load_vault_settings, settings_from
from sage300_assets.base.vault import Vault, open_vault
from sage300_assets.base.vault_keys import Key, KeysInFile, KeysInKeyring, KeysInVariable, parse_keys
from sage300_assets.intake.finding import Finding, Level
from sage300_assets.intake.vault_findings import vault_findings

CANARY = "CANARY/?@%\"'\r\nLINE"


class InMemory(KeyringBackend):
    """A keyring that works, until it is locked."""

    priority = 1
    kept: ClassVar[dict[tuple[str, str], str]] = {}
    locked: ClassVar[bool] = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("CANARY")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("CANARY")
        self.kept[service, username] = password


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAULT_KEY", "VAULT_KEY_FILE", "VAULT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    open_vault.cache_clear()


@pytest.fixture
def the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[InMemory]]:
    for folder in ("XDG_DATA_HOME", "LOCALAPPDATA"):  # where the lock of the keyring is
        monkeypatch.setenv(folder, str(tmp_path / "data"))
    before = keyring.get_keyring()
    InMemory.kept, InMemory.locked = {}, False
    keyring.set_keyring(InMemory())  # type: ignore[no-untyped-call]
    yield InMemory
    keyring.set_keyring(before)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault with its key in a file."""
    vault_keys.new_key_file(tmp_path / "key")
    return Vault(tmp_path / "var" / "vault.json", KeysInFile(tmp_path / "key"))


def again(vault: Vault) -> Vault:
    """The same vault in another process."""
    return Vault(vault.file, vault.keys)


def refused(act: Callable[[], object]) -> ConfigurationError:
    """One line with a cure, and with nothing behind it that quotes a value."""
    with pytest.raises(ConfigurationError) as refusal:
        act()
    problem = refusal.value
    assert problem.cure
    assert "\n" not in str(problem)
    assert "CANARY" not in str(problem)
    assert problem.__context__ is None or problem.__suppress_context__
    return problem


# --- what is kept ------------------------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8"), min_size=1))
@example(CANARY)
@example("\x00")
def test_what_is_put_in_comes_out_and_is_nowhere_to_be_read(vault: Vault, value: str) -> None:
    vault.set("TOKEN", Secret(value))
    assert again(vault).get("TOKEN") == Secret(value)
    if len(value) > 3:
        assert value.encode() not in vault.file.read_bytes()
    assert again(vault).get("OTHER") is None


def test_the_same_value_never_looks_the_same(vault: Vault) -> None:
    vault.set("ONE", Secret("same"))
    vault.set("TWO", Secret("same"))
    first = {entry.sealed for entry in vault.entries().values()}
    vault.set("ONE", Secret("same"))
    assert len(first | {entry.sealed for entry in vault.entries().values()}) == 3


def test_a_value_belongs_to_its_name(vault: Vault) -> None:
    for name in ("ONE", "TWO"):
        vault.set(name, Secret(CANARY + name))
    content = json.loads(vault.file.read_bytes())
    content["values"]["ONE"], content["values"]["TWO"] = content["values"]["TWO"], content["values"]["ONE"]
    write_private(vault.file, json.dumps(content).encode())
    assert "ONE in the vault" in str(refused(lambda: vault.get("ONE")))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.booleans(), place=st.integers(0, 100_000), flipped=st.integers(1, 255))
def test_a_damaged_file_is_never_a_wrong_value(vault: Vault, cut: bool, place: int, flipped: int) -> None:
    vault.file.unlink(missing_ok=True)
    vault.set("TOKEN", Secret(CANARY))
    content = bytearray(vault.file.read_bytes())
    place %= len(content)
    content[place] ^= flipped
    write_private(vault.file, bytes(content[:place] if cut else content))
    try:
        found = again(vault).get("TOKEN")
    except ConfigurationError as damage:
        said = f"{damage} {damage.cure}"
        found = None
    else:
        said = "fine"
    assert found in {Secret(CANARY), None}, "only white space or the name may have changed"
    assert "CANARY" not in said


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"format": 2, "values": {}}', b'{"format": 1, "values": {"A": 1}}', b"\xff"])
def test_a_file_that_is_no_vault(vault: Vault, content: bytes) -> None:
    write_private(vault.file, content)
    refused(vault.entries)
    refused(lambda: vault.set("TOKEN", Secret("x")))
    assert vault.file.read_bytes() == content


@pytest.mark.skipif(not KEEPS_OTHERS_OUT, reason="the mode of a file says nothing on Windows")
def test_nobody_else_can_read_it_and_no_copy_of_it_stays(vault: Vault) -> None:
    for value in ("first", "second"):
        vault.set("TOKEN", Secret(value))
    assert stat.S_IMODE(vault.file.stat().st_mode) == 0o600
    assert sorted(path.name for path in vault.file.parent.iterdir()) == ["vault.json", "vault.json.lock"]
    assert (vault.file.parent / "vault.json.lock").stat().st_size == 0


@pytest.fixture
def of_the_service(vault: Vault, tmp_path: Path) -> Vault:
    """A vault whose files belong to the user of a service, while root is at work."""
    if sys.platform == "win32" or os.geteuid() != 0:
        pytest.skip("only root may give files away")
    vault.set("TOKEN", Secret("before"))
    for path in (vault.file, tmp_path / "key"):
        os.chown(path, 12345, 23456)
    return vault


def owners(*paths: Path) -> set[tuple[int, int, int]]:
    return {(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode) & 0o077) for found in (path.stat() for path in paths)}


def test_what_root_changes_stays_the_services_own(of_the_service: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, file = tmp_path / "key", of_the_service.file
    monkeypatch.setenv("VAULT_KEY_FILE", str(key))
    monkeypatch.setattr(sys, "stdin", io.StringIO("after"))
    assert cli.main(["vault", "set", "TOKEN", "--from-stdin"]) == 0
    for more in ([], ["--drop-old"]):
        assert cli.main(["vault", "rotate", *more]) == 0
    assert owners(file, key) == {(12345, 23456, 0)}
    assert {(found.st_uid, found.st_gid) for found in (path.stat() for path in (file.with_name("vault.json.lock"), tmp_path / "key.lock"))} == {
        (12345, 23456)
    }
    assert again(of_the_service).get("TOKEN") == Secret("after")


def test_who_may_not_give_a_file_back_changes_nothing(of_the_service: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "not permitted")

    before = of_the_service.file.read_bytes(), (tmp_path / "key").read_bytes()
    with monkeypatch.context() as another_user:
        another_user.setattr(os, "fchown", refuse)
        another_user.setattr(os, "chown", refuse)
        for change in (lambda: of_the_service.set("TOKEN", Secret("after")), of_the_service.rotate):
            assert "belongs to another user (uid 12345)" in str(refused(change))
    assert (of_the_service.file.read_bytes(), (tmp_path / "key").read_bytes()) == before
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.skipif(not KEEPS_OTHERS_OUT, reason="on Windows a folder in the way is another error")
def test_a_lock_that_cannot_be_opened_has_a_cure(vault: Vault) -> None:
    vault.file.with_name("vault.json.lock").mkdir(parents=True)
    assert "cannot be opened" in str(refused(lambda: vault.set("TOKEN", Secret("x"))))


@pytest.mark.parametrize("name", ["", "A=B", "1A", "a", "A B", CANARY, "Ä"])
def test_only_names_of_settings_are_names(vault: Vault, name: str) -> None:
    refused(lambda: vault.set(name, Secret("x")))


def test_neither_nothing_nor_what_is_not_text_is_kept(vault: Vault) -> None:
    refused(lambda: vault.set("TOKEN", Secret("")))
    refused(lambda: vault.set("TOKEN", Secret("CANARY\udcff")))
    assert not vault.file.exists()


# --- keys --------------------------------------------------------------------------------------------------------------------------------


def test_without_its_key_there_is_a_cure(vault: Vault) -> None:
    vault.set("TOKEN", Secret(CANARY))
    other, none = Vault(vault.file, KeysInVariable(Key.new().text)), Vault(vault.file, KeysInVariable(""))
    assert "needs the key" in str(refused(lambda: other.get("TOKEN")))
    assert "VAULT_KEY holds none" in str(refused(lambda: none.get("TOKEN")))
    refused(lambda: none.set("NEW", Secret("x")))
    other.set("TOKEN", Secret("new"))
    assert other.get("TOKEN") == Secret("new"), "a value whose key is lost can be set anew"


GOOD = Key.of(b"k" * 32).text


@pytest.mark.parametrize("text", ["CANARY", "ä", GOOD[:-4], f"{GOOD},CANARY", GOOD * 2])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    refused(lambda: parse_keys(text, "VAULT_KEY"))


def test_a_key_never_shows_itself() -> None:
    key = Key.new()
    assert key.text not in repr(key)
    assert repr(key.content) not in repr(key)
    assert parse_keys(f" {key.text} ,\n{key.text}", "x") == (key,)


@pytest.mark.skipif(not KEEPS_OTHERS_OUT, reason="the mode of a file says nothing on Windows")
def test_a_key_that_others_can_read_is_refused(vault: Vault, tmp_path: Path) -> None:
    vault.set("TOKEN", Secret(CANARY))
    for mode in (0o640, 0o604, 0o620):
        (tmp_path / "key").chmod(mode)
        assert f"chmod 600 {tmp_path / 'key'}" in str(refused(lambda: again(vault).get("TOKEN")))
    (tmp_path / "key").chmod(0o400)
    assert again(vault).get("TOKEN") == Secret(CANARY)
    (tmp_path / "key").unlink()
    assert "is not there" in str(refused(lambda: again(vault).get("TOKEN")))
    refused(lambda: vault_keys.new_key_file(vault.file))


def test_the_keyring_is_given_a_key_with_the_first_value(tmp_path: Path, the_keyring: type[InMemory]) -> None:
    vault = Vault(tmp_path / "vault.json", KeysInKeyring())
    vault.set("TOKEN", Secret(CANARY))
    assert again(vault).get("TOKEN") == Secret(CANARY)
    before = dict(the_keyring.kept)
    vault.rotate()
    with pytest.raises(ConfigurationError, match="25 are the most"):
        vault.keys.write([Key.new() for _ in range(26)])
    assert again(vault).get("TOKEN") == Secret(CANARY)
    assert the_keyring.kept != before
    the_keyring.locked = True
    assert "Unlock it" in str(refused(lambda: again(vault).get("TOKEN")))
    the_keyring.locked, the_keyring.kept = False, {}
    refused(lambda: again(vault).get("TOKEN"))
    refused(lambda: vault.set("NEW", Secret("x")))
    assert not the_keyring.kept, "another key would hide that the right one is lost"


def test_a_keyring_that_keeps_nothing_is_none(tmp_path: Path) -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    try:
        assert "this machine has no keyring" in str(refused(lambda: Vault(tmp_path / "vault.json", KeysInKeyring()).set("TOKEN", Secret("x"))))
    finally:
        keyring.set_keyring(before)


# --- changing keys and values while others read --------------------------------------------------------------------------------------------


def test_rotation_replaces_key_and_cipher_and_keeps_values(vault: Vault) -> None:
    vault.set("ONE", Secret(CANARY))
    vault.set("TWO", Secret("two"))
    before, old = vault.entries(), vault.keys.read()
    done = vault.rotate()
    assert (done.values, done.made, done.kept, done.dropped) == (2, True, (old[0].mark,), ())
    assert vault.keys.read()[1:] == old, "other vaults and backups may need it"
    again(vault).rotate(drop_old=True)
    assert [key.mark for key in vault.keys.read()] == [done.key]
    assert {entry.key for entry in vault.entries().values()} == {done.key}
    assert [entry.changed for entry in vault.entries().values()] == [entry.changed for entry in before.values()]
    assert again(vault).get("ONE") == Secret(CANARY)
    refused(lambda: Vault(vault.file, KeysInVariable(old[0].text)).get("ONE"))


def test_keys_in_a_variable_are_rotated_by_giving_both(vault: Vault) -> None:
    old, new = Key.new(), Key.new()
    only_old = Vault(vault.file, KeysInVariable(old.text))
    only_old.set("TOKEN", Secret(CANARY))
    assert "which only you can change" in str(refused(only_old.rotate))
    both = Vault(vault.file, KeysInVariable(f"{new.text},{old.text}"))
    assert both.get("TOKEN") == Secret(CANARY)
    assert both.rotate().key == new.mark
    assert Vault(vault.file, KeysInVariable(new.text)).get("TOKEN") == Secret(CANARY)
    refused(both.rotate)
    assert "which only you can change" in str(refused(lambda: both.rotate(drop_old=True)))
    refused(Vault(vault.file, KeysInVariable("")).rotate)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_rotation_that_breaks_off_loses_nothing(vault: Vault, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.set("TOKEN", Secret(CANARY))
    writes: list[Path] = []

    def breaking(path: Path, content: bytes) -> None:
        writes.append(path)
        if len(writes) == nth:
            raise KeyboardInterrupt
        write_private(path, content)

    def rotate() -> None:
        again(vault).rotate()
        again(vault).rotate(drop_old=True)

    with monkeypatch.context() as broken:
        broken.setattr(vault_module, "write_private", breaking)
        broken.setattr(vault_keys, "write_private", breaking)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    assert again(vault).get("TOKEN") == Secret(CANARY)
    rotate()
    assert again(vault).get("TOKEN") == Secret(CANARY)
    assert len(vault.keys.read()) == 1


def test_a_rotation_leaves_the_key_of_another_vault_and_of_a_backup(vault: Vault, tmp_path: Path) -> None:
    vault.set("TOKEN", Secret(CANARY))
    other = Vault(tmp_path / "other" / "vault.json", vault.keys)
    other.set("TOKEN", Secret("other"))
    backup = Vault(tmp_path / "backup.json", vault.keys)
    write_private(backup.file, vault.file.read_bytes())
    vault.rotate()
    assert again(other).get("TOKEN") == Secret("other")
    assert again(backup).get("TOKEN") == Secret(CANARY)
    done = other.rotate()
    assert not done.made, "the other vault joins the newest key"
    assert {entry.key for one in (vault, other) for entry in one.entries().values()} == {done.key}
    vault.rotate(drop_old=True)
    assert again(other).get("TOKEN") == Secret("other")
    assert "needs the key" in str(refused(lambda: again(backup).get("TOKEN")))


def test_a_wrong_folder_has_nothing_to_rotate(vault: Vault, tmp_path: Path) -> None:
    vault.set("TOKEN", Secret(CANARY))
    keys = vault.keys.read()
    wrong = Vault(tmp_path / "wrong" / "vault.json", vault.keys)
    for drop_old in (False, True):
        assert f"no vault at {wrong.file}" in str(refused(partial(wrong.rotate, drop_old=drop_old)))
    assert not wrong.file.parent.exists()
    empty = Vault(tmp_path / "empty.json", vault.keys)
    empty.set("TOKEN", Secret("x"))
    empty.remove("TOKEN")
    assert "nothing in the vault" in str(refused(empty.rotate))
    assert vault.keys.read() == keys
    assert again(vault).get("TOKEN") == Secret(CANARY)


def test_vaults_that_share_a_key_rotate_at_the_same_time(vault: Vault, tmp_path: Path) -> None:
    vaults = [vault, *(Vault(tmp_path / f"{number}.json", vault.keys) for number in range(2))]
    for one in vaults:
        one.set("TOKEN", Secret(CANARY))
    program = """
import sys
from functools import partial
from pathlib import Path
from sage300_assets.base.vault import open_vault
for _ in range(8):
    open_vault(Path(sys.argv[1]), "", Path(sys.argv[2])).rotate()
"""
    processes = [subprocess.Popen([sys.executable, "-c", program, str(one.file), str(tmp_path / "key")]) for one in vaults]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert [again(one).get("TOKEN") for one in vaults] == [Secret(CANARY)] * 3


def test_vaults_that_get_their_first_values_at_the_same_time_share_one_key_of_the_keyring(tmp_path: Path, the_keyring: type[InMemory]) -> None:
    first, second = (Vault(tmp_path / f"{number}.json", KeysInKeyring()) for number in (1, 2))
    waits = threading.Thread(target=lambda: second.set("TOKEN", Secret("second")))
    with first.keys.alone():
        waits.start()
        waits.join(0.3)
        assert waits.is_alive(), "the place of the keys is locked"
        first.keys.write([Key.new()])
    waits.join()
    first.set("TOKEN", Secret("first"))
    assert len(first.keys.read()) == 1
    assert again(second).get("TOKEN") == Secret("second")


def test_nothing_is_rotated_if_one_value_cannot_be_read(vault: Vault) -> None:
    vault.set("ONE", Secret("one"))
    Vault(vault.file, KeysInVariable(Key.new().text)).set("TWO", Secret("two"))
    before, keys = vault.file.read_bytes(), vault.keys.read()
    refused(vault.rotate)
    assert (vault.file.read_bytes(), vault.keys.read()) == (before, keys)


def test_readers_go_on_while_keys_and_values_change(vault: Vault) -> None:
    vault.set("TOKEN", Secret("0" * 50))
    over, seen, problems = threading.Event(), set[str](), list[BaseException]()

    def read(fresh: bool) -> None:
        reader = again(vault)
        while not over.is_set():
            try:
                found = (again(vault) if fresh else reader).get("TOKEN")
                assert found is not None
                seen.add(found.reveal())
            except BaseException as problem:  # noqa: BLE001 - told below
                problems.append(problem)
                return

    readers = [threading.Thread(target=read, args=(fresh,)) for fresh in (True, False)]
    for reader in readers:
        reader.start()
    for number in range(1, 30):
        vault.rotate()
        vault.set("TOKEN", Secret(str(number % 10) * 50))
    over.set()
    for reader in readers:
        reader.join()
    assert not problems
    assert seen <= {str(digit) * 50 for digit in range(10)}


def test_many_processes_change_one_value_and_none_is_lost(vault: Vault) -> None:
    vault.set("COUNT", Secret("0"))
    program = f"""
from functools import partial
from pathlib import Path
from sage300_assets.base.secret import Secret
from sage300_assets.base.vault import open_vault
vault = open_vault(Path({str(vault.file)!r}), "", Path({str(vault.file.parent.parent / "key")!r}))
for _ in range(25):
    vault.update("COUNT", lambda before: Secret(str(int(before.reveal()) + 1)))
"""
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    vault.rotate()
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert again(vault).get("COUNT") == Secret("75")


def test_an_update_that_fails_changes_nothing(vault: Vault) -> None:
    vault.set("TOKEN", Secret("before"))

    def fail(before: Secret | None) -> Secret:
        raise OSError("the other system is away")

    with pytest.raises(OSError, match="away"):
        vault.update("TOKEN", fail)
    assert vault.get("TOKEN") == Secret("before")
    assert vault.update("TOKEN", lambda before: Secret("after")) == Secret("after"), "the lock was given back"
    assert vault.update("FRESH", lambda before: Secret(str(before))) == Secret("None")


# --- as a source of settings ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def in_use(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """A vault in its usual place."""
    monkeypatch.setenv("VAULT_KEY_FILE", str(vault.file.parent.parent / "key"))
    vault.set("SAGE300_PASSWORD", Secret("FROM VAULT"))
    vault.set("SAGE300_COMPANIES", Secret("samltd, saminc"))
    return vault


def test_settings_come_from_the_vault_last(in_use: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().password == Secret("FROM VAULT")
    assert load_settings().sage300_companies == ("SAMLTD", "SAMINC")
    monkeypatch.setenv("SAGE300_PASSWORD", "")
    assert load_settings().password == Secret("FROM VAULT"), "an empty variable is none"
    (tmp_path / ".env").write_text("SAGE300_PASSWORD=from file\n", encoding="utf-8")
    assert load_settings().password == Secret("FROM FILE")
    monkeypatch.setenv("SAGE300_PASSWORD", "from environment")
    assert load_settings().password == Secret("FROM ENVIRONMENT")
    assert load_settings(sage300_password="given").password == Secret("GIVEN")


def test_the_file_of_settings_may_say_where_the_vault_is(in_use: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_use.file.rename(tmp_path / "elsewhere.json")
    assert not load_settings().password
    (tmp_path / "other.env").write_text("VAULT_FILE=elsewhere.json\n", encoding="utf-8")
    assert load_settings(_env_file="other.env").password == Secret("FROM VAULT")
    assert not load_settings(_env_file=None).password
    monkeypatch.setenv("VAULT_FILE", "elsewhere.json")
    assert load_settings(_env_file=None).password == Secret("FROM VAULT")


def test_the_file_that_a_command_names_may_say_where_the_vault_is(in_use: Vault, tmp_path: Path) -> None:
    in_use.file.rename(tmp_path / "elsewhere.json")
    (tmp_path / "other.env").write_text("VAULT_FILE=elsewhere.json\n", encoding="utf-8")
    with settings_from("other.env"):
        assert load_vault_settings().vault_file == Path("elsewhere.json")
        assert load_settings().password == Secret("FROM VAULT")
    assert not load_settings().password


def test_a_vault_is_opened_only_for_what_it_alone_has(in_use: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_KEY_FILE", "nowhere")
    assert "is not there" in str(refused(load_settings))
    monkeypatch.setenv("SAGE300_PASSWORD", "plain")
    monkeypatch.setenv("SAGE300_COMPANIES", "SAMLTD")
    assert load_settings().password == Secret("PLAIN")


def test_a_changed_value_is_seen_without_a_new_process(in_use: Vault) -> None:
    assert load_settings().password == Secret("FROM VAULT")
    in_use.set("SAGE300_PASSWORD", Secret("NEW"))
    in_use.rotate()
    assert load_settings().password == Secret("NEW")


def test_a_wrong_value_in_the_vault_is_named_and_not_shown(in_use: Vault) -> None:
    in_use.set("SAGE300_TRIES", Secret("CANARY"))
    assert "SAGE300_TRIES cannot be used" in str(refused(load_settings))


# --- the doctor, and the command line --------------------------------------------------------------------------------------------------------


def found() -> list[Finding]:
    return list(vault_findings(load_vault_settings()))


def test_the_doctor_looks_into_it(in_use: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.level for one in found()] == [Level.OK]
    assert "SAGE300_COMPANIES, SAGE300_PASSWORD" in found()[0].message
    monkeypatch.setenv("SAGE300_PASSWORD", "plain")
    assert "the environment goes first: SAGE300_PASSWORD" in found()[1].message
    monkeypatch.delenv("SAGE300_PASSWORD")
    (tmp_path / ".env").write_text("sage300_password=stale\n", encoding="utf-8")
    assert ".env goes first: SAGE300_PASSWORD" in found()[1].message
    in_use.keys.write([Key.new(), *in_use.keys.read(), Key.new()])
    open_vault.cache_clear()
    assert [one.level for one in found()] == [Level.OK, Level.NOTE, Level.NOTE, Level.NOTE]
    write_private(tmp_path / "key", b"CANARY")
    open_vault.cache_clear()
    assert {one.level for one in found()} == {Level.PROBLEM}
    write_private(in_use.file, b"CANARY")
    (damage,) = found()
    assert damage.level is Level.PROBLEM
    in_use.file.unlink()
    assert [one.level for one in found()] == [Level.OK]


def test_a_vault_that_is_named_and_not_there_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["vault", "check"]) == 0
    assert "There is none" in capsys.readouterr().out
    for file in (".env", "other.env"):
        (tmp_path / file).write_text("VAULT_FILE=gone.json\n", encoding="utf-8")
        assert cli.main(["vault", "check", *(["--env-file", file] if file != ".env" else [])]) == 1
        assert f"VAULT_FILE, which is set in {file}, is gone.json, and that is not there" in capsys.readouterr().out
        (tmp_path / file).unlink()
    monkeypatch.setenv("VAULT_FILE", str(Path("var", "vault.json")))
    assert [one.level for one in found()] == [Level.PROBLEM]
    assert "set in the environment" in found()[0].message


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*args: str, given: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        try:
            code = cli.main(["vault", *args])
        except SystemExit as end:
            code = int(str(end.code))
        said = capsys.readouterr()
        assert "CANARY" not in said.err.upper()
        return code, said.out + said.err

    key = tmp_path / "key"
    assert run("key", "--file", str(key))[0] == 0
    assert key.read_text(encoding="ascii").strip() not in run("list")[1]
    monkeypatch.setenv("VAULT_KEY_FILE", str(key))
    assert run("set", "sage300_password", "--from-stdin", given="canary'\nline\r\n") == (
        0,
        f"SAGE300_PASSWORD is in {Path('var', 'vault.json')}, encrypted with the key in VAULT_KEY_FILE ({key}).\n",
    )
    assert load_settings().sage300_password.get_secret_value() == "CANARY'\nLINE"
    for file in ("other.env", ".env"):
        (tmp_path / file).write_text("SAGE300_PASSWORD=stale\n", encoding="utf-8")
        given = ("--env-file", file) if file != ".env" else ()
        said = run(*given, "set", "SAGE300_PASSWORD", "--from-stdin", given="canary'\nline")
        assert said[0] == 0
        assert f"SAGE300_PASSWORD is set in {file} too, which goes first" in said[1]
        (tmp_path / file).unlink()
    monkeypatch.setenv("SAGE300_KEEP_CASE", "true")
    assert run("set", "SAGE300_USERNAME", "--from-stdin", given="canary")[0] == 0
    assert load_settings().username == "canary"
    assert run("check")[0] == 0
    assert "Older keys stay in" in run("rotate")[1]
    code, told = run("rotate", "--drop-old")
    assert (code, "Other vaults and backups that need them cannot be read" in told) == (0, True)
    assert "There is no older key" in run("rotate", "--drop-old")[1]
    assert "SAGE300_USERNAME" in run("list")[1]
    assert run("remove", "SAGE300_USERNAME")[0] == 0
    assert run("remove", "SAGE300_USERNAME")[0] == 2
    assert run("set", "SAGE300_USERNAME", given="canary")[0] == 2, "nobody is there to be asked"
    assert run("set", "SAGE300_USERNAME=canary", "--from-stdin")[0] == 2
    assert run("set", "SAGE300_USERNAME", "--from-stdin")[0] == 2
    assert run("set", "SAGE300_USERNAME", "canary")[0] == 2
    assert "not written on the command line" in run("set", "SAGE300_USERNAME", "x")[1]
    assert "canary" not in run("list")[1]


def test_the_vault_may_say_itself_that_capitals_are_kept_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_KEY", Key.new().text)
    for name, value in (("SAGE300_KEEP_CASE", "true"), ("SAGE300_PASSWORD", "Canary")):
        monkeypatch.setattr(sys, "stdin", io.StringIO(value))
        assert cli.main(["vault", "set", name, "--from-stdin"]) == 0
    assert load_settings().password == Secret("Canary")


@pytest.mark.skipif(not KEEPS_OTHERS_OUT, reason="a folder cannot be flushed on Windows")
def test_a_new_name_is_on_the_disk_before_anything_that_counts_on_it(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def note(number: int) -> None:
        flushed.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        fsync(number)

    monkeypatch.setattr(os, "fsync", note)
    vault.set("SAGE300_PASSWORD", Secret("CANARY"))
    assert flushed[-2:] == ["file", "folder"]


def test_a_wavy_line_is_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path / "home"))
    assert cli.main(["vault", "key", "--file", str(Path("~", "key"))]) == 0
    assert str(tmp_path / "home" / "key") in capsys.readouterr().out
    (tmp_path / ".env").write_text("VAULT_KEY_FILE=~/key\nVAULT_FILE=~/vault.json\nLAKE_URL=~/lake\nSAGE300_CA_BUNDLE=~/ca.pem\n", encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("canary"))
    assert cli.main(["vault", "set", "SAGE300_PASSWORD", "--from-stdin"]) == 0
    assert load_settings().password == Secret("CANARY")
    assert (load_settings().lake_folder(), load_settings().sage300_ca_bundle) == (tmp_path / "home" / "lake", tmp_path / "home" / "ca.pem")
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["key", "vault.json", "vault.json.lock"]
    assert not (tmp_path / "~").exists()


def test_nothing_is_left_behind_in_a_wrong_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VAULT_KEY", Key.new().text)
    assert cli.main(["vault", "remove", "SAGE300_PASSWORD"]) == 2
    assert cli.main(["vault", "rotate"]) == 2
    assert "There is no vault at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "warned"), [("SAGE300_PASWORD", "Did you mean SAGE300_PASSWORD?"), ("SLACK_URL", "Nothing looks for SLACK_URL"), ("ALERT_URLS", "")]
)
def test_a_name_that_no_setting_has_is_doubted(name: str, warned: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VAULT_KEY", Key.new().text)
    monkeypatch.setattr(sys, "stdin", io.StringIO("canary"))
    assert cli.main(["vault", "set", name, "--from-stdin"]) == 0
    said = capsys.readouterr()
    assert f"{name} is in" in said.out
    assert warned in said.err
    assert bool(said.err) is bool(warned)


def test_a_value_is_asked_for_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VAULT_KEY", Key.new().text)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    answers = iter(["canary", "other", "canary", "canary"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    assert cli.main(["vault", "set", "SAGE300_PASSWORD"]) == 2
    assert not (tmp_path / "var" / "vault.json").exists()
    assert cli.main(["vault", "set", "SAGE300_PASSWORD"]) == 0
    assert load_settings().password == Secret("CANARY")
