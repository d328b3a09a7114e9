"""Signing keys in a hardware module, tried with SoftHSM2: they sign, are found again, and never leave it."""

from __future__ import annotations

import os
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.statements import LocalSigningKey, StatementType, issue, read, verify
from service.errors import Conflict, Misconfigured
from service.keystore import FileKeyStore
from service.keystore_pkcs11 import Pkcs11KeyStore, Token
from service.open_keystore import open_keystore
from service.random_source import SystemRandomSource
from service.settings import settings_from

LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
LIBRARY = next((Path(path) for path in LIBRARIES if Path(path).exists()), None)
WHY = "NOT TESTED: the keystore in a hardware module. Install SoftHSM2 (on Debian: apt-get install softhsm2)"
PASSPHRASE, PIN, LABEL = b"correct horse battery staple", "4711", "focalpoint-test"

pytestmark = pytest.mark.skipif(LIBRARY is None, reason=WHY)


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One token for all: the library reads its configuration once a process."""
    home = tmp_path_factory.mktemp("softhsm")
    (home / "tokens").mkdir()
    configuration = home / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {home / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    words = [
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        LABEL,
        "--pin",
        PIN,
        "--so-pin",
        "12345678",
    ]
    subprocess.run(words, check=True, capture_output=True)
    return home


@pytest.fixture
def token(module: Path) -> Token:
    assert module
    assert LIBRARY is not None
    return Token(LIBRARY, LABEL, PIN)


@pytest.fixture
def store(tmp_path: Path, token: Token) -> Pkcs11KeyStore:
    FileKeyStore.create(
        tmp_path / "keys", PASSPHRASE, clock=FixedClock(), random=SystemRandomSource(), scrypt_n=2**4
    )
    return reopened(tmp_path, token)


def reopened(tmp_path: Path, token: Token) -> Pkcs11KeyStore:
    return Pkcs11KeyStore(
        tmp_path / "keys", PASSPHRASE, clock=FixedClock(), random=SystemRandomSource(), token=token
    )


def test_a_statement_signed_in_the_module_verifies_like_any_other(store: Pkcs11KeyStore) -> None:
    key = store.add_signing("ro.anpdca")
    token = issue(StatementType.EVIDENCE, {"iss": "ro.anpdca"}, key).token
    unverified = read(token, typ=StatementType.EVIDENCE)
    assert verify(unverified, key.public).claims == {"iss": "ro.anpdca"}
    # Ed25519 has one signature for a key and a text: a module's is not another kind.
    assert key.sign(b"x") == store.signing("ro.anpdca").sign(b"x")


def test_keys_are_found_again_after_a_restart_and_sealing_keys_stay_in_files(
    store: Pkcs11KeyStore, tmp_path: Path, token: Token
) -> None:
    signing, sealing = store.add_signing("ro"), store.add_sealing("identity")
    again = reopened(tmp_path, token)
    assert again.signing("ro").sign(b"x") == signing.sign(b"x")
    found = again.sealing(sealing.kid)
    assert found is not None
    assert found.to_secret() == sealing.to_secret()


def test_the_private_half_is_in_no_file_of_the_keystore(store: Pkcs11KeyStore, tmp_path: Path) -> None:
    key = store.add_signing("ro")
    (entry,) = (entry for entry in store.entries() if entry.owner == "ro")
    kept = store._secret(entry)
    assert kept == key.public.raw
    assert LocalSigningKey.from_seed(None, kept).public.raw != key.public.raw
    assert not hasattr(key, "seed")
    assert PIN not in f"{key!r} {store!r}"
    assert (tmp_path / "keys").is_dir()


def test_rotation_waiting_and_destroying_are_as_in_files(store: Pkcs11KeyStore, token: Token) -> None:
    old, new = store.add_signing("ro"), store.add_signing("ro", waiting=True)
    assert store.signing("ro").kid == old.kid
    store.promote(new.kid)
    assert store.signing("ro").kid == new.kid
    store.destroy(old.kid)
    assert store.signing_by_kid(old.kid) is None
    with pytest.raises(Exception, match="module"):
        token.sign(old.kid, b"x")
    assert len(token.sign(new.kid, b"x")) == 64


def test_a_key_that_was_elsewhere_is_not_taken_in(store: Pkcs11KeyStore) -> None:
    with pytest.raises(Conflict) as refused:
        store.add_signing("ro", LocalSigningKey.generate())
    assert refused.value.code == "keystore.made_in_module"


def test_keys_made_in_files_before_go_on_there_and_no_seed_is_shown_as_a_public_key(
    tmp_path: Path, token: Token
) -> None:
    files = FileKeyStore.create(
        tmp_path / "keys", PASSPHRASE, clock=FixedClock(), random=SystemRandomSource(), scrypt_n=16
    )
    old = files.add_signing("ro")
    assert isinstance(old, LocalSigningKey)
    changed = reopened(tmp_path, token)
    assert [one.owner for one in changed.outside_module()] == ["ro"]
    assert changed.signing("ro").public.raw == old.public.raw != old.seed()
    assert changed.signing("ro").sign(b"x") == old.sign(b"x")
    new = changed.add_signing("ro", waiting=True)
    changed.promote(new.kid)
    changed.destroy(old.kid)
    assert changed.outside_module() == ()
    assert reopened(tmp_path, token).signing("ro").sign(b"x") == token.sign(new.kid, b"x")


def test_a_key_in_the_module_is_not_taken_for_a_seed_that_everybody_knows(
    store: Pkcs11KeyStore, tmp_path: Path
) -> None:
    store.add_signing("ro")
    with pytest.raises(Misconfigured) as refused:
        FileKeyStore(tmp_path / "keys", PASSPHRASE, clock=FixedClock(), random=SystemRandomSource()).signing(
            "ro"
        )
    assert refused.value.code == "keystore.in_module"


def test_several_threads_sign_at_once(store: Pkcs11KeyStore) -> None:
    key, wanted, got = store.add_signing("ro"), store.signing("ro").sign(b"x"), []
    threads = [
        threading.Thread(target=lambda: got.extend(key.sign(b"x") for _ in range(20))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [wanted] * 80


@pytest.mark.parametrize(
    ("label", "pin"), [("another token", PIN), (LABEL, "0000")], ids=["no such token", "wrong PIN"]
)
def test_a_module_that_cannot_be_used_is_said_at_the_start(module: Path, label: str, pin: str) -> None:
    assert module
    assert LIBRARY is not None
    with pytest.raises(Misconfigured) as refused:
        Token(LIBRARY, label, pin)
    assert refused.value.code == "keystore.module"
    assert pin not in str(refused.value)


def test_the_settings_choose_it(store: Pkcs11KeyStore, tmp_path: Path) -> None:
    key = store.add_signing("ro")
    for name, secret in (("passphrase", PASSPHRASE), ("pin", PIN.encode())):
        (tmp_path / name).write_bytes(secret)
        (tmp_path / name).chmod(0o600)
    settings = settings_from(
        {
            "node": "ro",
            "state": "ro",
            "charter_digest": "A" * 43,
            "data_dir": ".",
            "hub_url": "nats://127.0.0.1:1",
            "keystore": "pkcs11",
            "pkcs11_library": str(LIBRARY),
            "pkcs11_token": LABEL,
            "pkcs11_pin_file": "pin",
        },
        base=tmp_path,
    )
    opened = open_keystore(settings, clock=FixedClock(), random=SystemRandomSource())
    assert opened.signing("ro").sign(b"x") == key.sign(b"x")
