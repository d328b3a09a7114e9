"""Private keys in files: who may read them, what is noticed, what is gone."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from protocol.sealing import SealingPrivateKey, SealingSuite
from protocol.statements import LocalSigningKey
from service import keystore
from service.errors import Conflict, Misconfigured, NodeError, NotFound
from service.keystore import FileKeyStore, new_passphrase_file, read_passphrase
from service.random_source import SystemRandomSource

PASSPHRASE = b"correct horse battery staple"
RANDOM = SystemRandomSource()


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FileKeyStore:
    return FileKeyStore.create(
        tmp_path / "keys", PASSPHRASE, clock=FixedClock(), random=RANDOM, scrypt_n=2**4
    )


def reopened(tmp_path: Path, passphrase: bytes = PASSPHRASE) -> FileKeyStore:
    return FileKeyStore(tmp_path / "keys", passphrase, clock=FixedClock(), random=RANDOM)


def key_file(tmp_path: Path, kid: str) -> Path:
    return tmp_path / "keys" / keystore._file_name(kid)


def test_keys_come_back_after_a_restart(store: FileKeyStore, tmp_path: Path) -> None:
    signing = store.add_signing("ro.anitp")
    sealing = store.add_sealing("content")
    again = reopened(tmp_path)
    assert again.signing("ro.anitp").sign(b"x") == signing.sign(b"x")
    opened = again.sealing(sealing.kid)
    assert opened is not None
    assert opened.to_secret() == sealing.to_secret()
    assert again.current_sealing_kid() == sealing.kid
    assert again.kek() == store.kek()
    assert len(store.kek()) == 32


def test_every_owner_has_keys_of_its_own(store: FileKeyStore) -> None:
    owners = (
        "ro",
        "ro.anitp",
        keystore.STATE_ROOT,
        keystore.SNAPSHOT,
        keystore.API_TOKEN,
        keystore.charter_owner(2),
    )
    kids = [store.add_signing(owner).kid for owner in owners]
    assert [store.signing(owner).kid for owner in owners] == kids
    with pytest.raises(NotFound) as refused:
        store.signing("it.servizio-minori")
    assert refused.value.code == "keystore.unknown_owner"


def test_sealing_keys_for_content_and_identity_are_apart(store: FileKeyStore) -> None:
    with pytest.raises(NotFound) as refused:
        store.current_sealing_kid("identity")
    assert refused.value.code == "keystore.no_sealing_key"
    content = store.add_sealing("content")
    identity = store.add_sealing("identity", suite=SealingSuite.HPKE_3_KE)
    assert store.current_sealing_kid("content") == content.kid
    assert store.current_sealing_kid("identity") == identity.kid
    assert [entry.purpose for entry in store.entries()] == [None, "content", "identity"]


def test_after_rotation_the_new_key_is_current_and_the_old_one_still_works(store: FileKeyStore) -> None:
    old, new = store.add_signing("ro"), store.add_signing("ro")
    assert store.signing("ro").kid == new.kid
    assert store.signing_by_kid(old.kid) is not None
    old_seal, new_seal = store.add_sealing("content"), store.add_sealing("content")
    assert store.current_sealing_kid() == new_seal.kid
    assert store.sealing(old_seal.kid) is not None


def test_a_destroyed_key_is_gone_from_disk_and_from_use(store: FileKeyStore, tmp_path: Path) -> None:
    old = store.add_sealing("identity")
    store.add_sealing("identity")
    sealed_form = key_file(tmp_path, old.kid).read_bytes()
    store.destroy(old.kid)
    assert store.sealing(old.kid) is None
    assert reopened(tmp_path).sealing(old.kid) is None
    assert not key_file(tmp_path, old.kid).exists()
    assert all(sealed_form not in path.read_bytes() for path in (tmp_path / "keys").iterdir())
    (entry,) = (entry for entry in store.entries() if entry.kid == old.kid)
    assert entry.destroyed_at == FixedClock().now()
    with pytest.raises(NotFound):
        store.destroy(old.kid)


def test_a_destroyed_key_put_back_from_a_backup_is_erased_at_the_next_start(
    store: FileKeyStore, tmp_path: Path
) -> None:
    old = store.add_sealing("identity")
    store.add_sealing("identity")
    file = key_file(tmp_path, old.kid)
    backup = file.read_bytes()
    store.destroy(old.kid)
    file.write_bytes(backup)
    assert reopened(tmp_path).sealing(old.kid) is None
    assert not file.exists()


def test_a_current_key_is_not_destroyed(store: FileKeyStore) -> None:
    key = store.add_signing("ro")
    with pytest.raises(Conflict) as refused:
        store.destroy(key.kid)
    assert refused.value.code == "keystore.key_current"
    with pytest.raises(Conflict):
        store.destroy("kek-1")
    assert store.signing("ro").kid == key.kid


def test_a_key_id_is_not_used_twice(store: FileKeyStore) -> None:
    store.add_signing("ro", LocalSigningKey.generate("k1"))
    with pytest.raises(Conflict) as refused:
        store.add_sealing("content", key=SealingPrivateKey.generate("k1"))
    assert refused.value.code == "keystore.kid_taken"


def test_key_ids_that_no_file_could_bear_are_kept_apart(store: FileKeyStore, tmp_path: Path) -> None:
    keys = [
        store.add_signing(f"o{kid.encode().hex()}", LocalSigningKey.generate(kid))
        for kid in ("../a", "a/b", "Aa", "aa")
    ]
    again = reopened(tmp_path)
    for key in keys:
        found = again.signing_by_kid(key.kid)
        assert found is not None
        assert found.public.raw == key.public.raw


def test_a_running_node_notices_what_a_command_changed(store: FileKeyStore, tmp_path: Path) -> None:
    first = store.add_sealing("identity")
    command = reopened(tmp_path)
    second = command.add_sealing("identity")
    command.destroy(first.kid)
    assert store.current_sealing_kid("identity") == second.kid
    assert store.sealing(first.kid) is None


def test_no_secret_is_in_any_file_or_in_what_is_shown(store: FileKeyStore, tmp_path: Path) -> None:
    signing, sealing = store.add_signing("ro"), store.add_sealing("content")
    secrets = [signing.seed(), sealing.to_secret(), store.kek(), PASSPHRASE, store._master]
    forms = [form for secret in secrets for form in (secret, secret.hex().encode())]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())
    assert not any(form in everything for form in forms)
    shown = f"{store!r} {store.entries()!r} {signing!r} {sealing!r}".encode()
    assert not any(form in shown for form in forms)


def test_files_are_the_owners_alone(store: FileKeyStore, tmp_path: Path) -> None:
    store.add_signing("ro")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


def test_what_is_open_to_others_is_refused(store: FileKeyStore, tmp_path: Path) -> None:
    key = store.add_signing("ro")
    for path, usual in ((tmp_path / "keys", 0o700), (key_file(tmp_path, key.kid), 0o600)):
        path.chmod(usual | 0o040)
        with pytest.raises(Misconfigured) as refused:
            reopened(tmp_path)
        assert refused.value.code == "keystore.permissions"
        path.chmod(usual)
    assert reopened(tmp_path).signing("ro").kid == key.kid


def test_a_wrong_passphrase_is_refused(store: FileKeyStore, tmp_path: Path) -> None:
    store.add_signing("ro")
    with pytest.raises(Misconfigured) as refused:
        reopened(tmp_path, b"incorrect horse battery")
    assert refused.value.code == "keystore.passphrase"


def _altered(tmp_path: Path, change) -> None:
    path = tmp_path / "keys" / "index.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["keys"][1].update(current=True),
        lambda document: document["keys"][1].update(owner="it"),
        lambda document: document["keys"].pop(),
        lambda document: document.update(mac="00"),
    ],
    ids=["an old key made current", "a key given to another", "an entry removed", "no seal"],
)
def test_an_altered_index_is_refused(store: FileKeyStore, tmp_path: Path, change) -> None:
    store.add_signing("ro")
    store.add_signing("ro")
    _altered(tmp_path, change)
    with pytest.raises(Misconfigured) as refused:
        reopened(tmp_path)
    assert refused.value.code == "keystore.passphrase"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 2, "salt": "00", "scrypt_n": 16}',
        '{"format": 1, "salt": "zz", "scrypt_n": 16}',
        '{"format": 1, "salt": "00", "scrypt_n": "16"}',
        '{"format": 1, "salt": "00", "scrypt_n": 3}',
        '{"format": 1, "salt": "00", "scrypt_n": 1099511627776}',
        '{"format": 1, "salt": "00", "scrypt_n": 100000000000000000000}',
    ],
)
def test_an_index_that_cannot_be_read_is_refused_as_damaged(
    store: FileKeyStore, tmp_path: Path, text: str
) -> None:
    (tmp_path / "keys" / "index.json").write_text(text)
    with pytest.raises(Misconfigured) as refused:
        reopened(tmp_path)
    assert refused.value.code == "keystore.damaged"


def test_two_key_files_exchanged_are_noticed(store: FileKeyStore, tmp_path: Path) -> None:
    first, second = (key_file(tmp_path, store.add_signing(owner).kid) for owner in ("ro", "ro.anitp"))
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    with pytest.raises(Misconfigured) as refused:
        reopened(tmp_path)
    assert refused.value.code == "keystore.damaged"


def test_a_missing_key_file_and_a_missing_store_are_told_apart(store: FileKeyStore, tmp_path: Path) -> None:
    key_file(tmp_path, store.add_signing("ro").kid).unlink()
    with pytest.raises(Misconfigured) as damaged:
        reopened(tmp_path)
    assert damaged.value.code in ("keystore.damaged", "keystore.missing")
    with pytest.raises(Misconfigured) as missing:
        FileKeyStore(tmp_path / "elsewhere", PASSPHRASE, clock=FixedClock(), random=RANDOM)
    assert missing.value.code == "keystore.missing"


def test_a_second_store_does_not_hide_the_first(store: FileKeyStore, tmp_path: Path) -> None:
    with pytest.raises(Conflict) as refused:
        FileKeyStore.create(tmp_path / "keys", PASSPHRASE, clock=FixedClock(), random=RANDOM)
    assert refused.value.code == "keystore.exists"


def test_what_a_crash_left_behind_is_in_nobodys_way(store: FileKeyStore, tmp_path: Path) -> None:
    (tmp_path / "keys" / ".index.json.1a2b3c4d").write_bytes(b"half")
    (tmp_path / "keys" / keystore._file_name("never-listed")).write_bytes(b"half")
    key = store.add_signing("ro")
    assert reopened(tmp_path).signing("ro").kid == key.kid


def test_a_new_passphrase_file_is_private_and_opens_what_it_made(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "passphrase"
    passphrase = new_passphrase_file(path, RANDOM)
    assert read_passphrase(path) == passphrase
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(Conflict):
        new_passphrase_file(path, RANDOM)


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        (b"long enough a passphrase\n", 0o644, "keystore.permissions"),
        (b"short\n", 0o600, "keystore.passphrase_file"),
        (None, 0o600, "keystore.missing"),
    ],
    ids=["open to others", "too short", "not there"],
)
def test_a_passphrase_file_that_cannot_be_relied_on_is_refused(
    tmp_path: Path, content, mode: int, code: str
) -> None:
    path = tmp_path / "passphrase"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(NodeError) as refused:
        read_passphrase(path)
    assert refused.value.code == code


OTHER_PROCESS = """
import sys
from pathlib import Path
from service.clock import SystemClock
from service.keystore import FileKeyStore
from service.random_source import SystemRandomSource
given = {"clock": SystemClock(), "random": SystemRandomSource()}
store = FileKeyStore(Path(sys.argv[1]), sys.argv[2].encode(), **given)
for number in range(5):
    store.add_signing(f"{sys.argv[3]}-{number}")
"""


def test_a_store_opens_in_another_process_and_two_of_them_lose_no_key(tmp_path: Path) -> None:
    FileKeyStore.create(tmp_path / "keys", PASSPHRASE, clock=FixedClock(), random=RANDOM)
    root = str(Path(__file__).parents[2])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER_PROCESS, str(tmp_path / "keys"), PASSPHRASE.decode(), name], cwd=root
        )
        for name in ("first", "second")
    ]
    assert [process.wait(30) for process in running] == [0, 0]
    owners = {entry.owner for entry in reopened(tmp_path).entries()}
    assert owners >= {f"{name}-{number}" for name in ("first", "second") for number in range(5)}


class MovedClock(FixedClock):
    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


def test_what_a_former_key_signed_is_honoured_until_its_moment_and_no_longer(tmp_path: Path) -> None:
    clock = MovedClock()
    store = FileKeyStore.create(tmp_path / "keys", PASSPHRASE, clock=clock, random=RANDOM, scrypt_n=2**4)
    former = store.add_signing(keystore.API_TOKEN)
    current = store.add_signing(keystore.API_TOKEN, former_until=clock.now() + timedelta(hours=8))
    for ahead, counts in ((timedelta(hours=8, microseconds=-1), True), (timedelta(hours=8), False)):
        clock.ahead = ahead
        honoured = store.honoured(keystore.API_TOKEN, former.kid)
        assert honoured == (former.public if counts else None)
        assert store.honoured(keystore.API_TOKEN, current.kid) == current.public


def test_a_former_key_without_a_moment_is_not_honoured(store: FileKeyStore) -> None:
    former = store.add_signing(keystore.API_TOKEN)
    store.add_signing(keystore.API_TOKEN)
    assert store.honoured(keystore.API_TOKEN, former.kid) is None


def test_a_key_is_honoured_for_its_own_owner_alone(store: FileKeyStore) -> None:
    key = store.add_signing("ro.anitp")
    store.add_signing(keystore.API_TOKEN)
    assert store.honoured("ro.anitp", key.kid) == key.public
    assert store.honoured(keystore.API_TOKEN, key.kid) is None


def test_no_key_that_signs_nothing_is_honoured(store: FileKeyStore) -> None:
    sealing = store.add_sealing("content")
    assert store.honoured("node", sealing.kid) is None
    assert store.honoured("ro.anitp", "a key that was never here") is None
    waiting = store.add_signing("ro.anitp", waiting=True)
    assert store.honoured("ro.anitp", waiting.kid) is None
    retired = store.add_signing(keystore.API_TOKEN)
    store.retire(retired.kid)
    store.destroy(retired.kid)
    assert store.honoured(keystore.API_TOKEN, retired.kid) is None


def test_a_destroyed_key_is_not_honoured_although_its_moment_has_not_come(store: FileKeyStore) -> None:
    former = store.add_signing(keystore.API_TOKEN)
    store.add_signing(keystore.API_TOKEN, former_until=FixedClock().now() + timedelta(hours=8))
    store.destroy(former.kid)
    assert store.honoured(keystore.API_TOKEN, former.kid) is None
