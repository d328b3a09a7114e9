"""Setting a real node up from the command line: its directory, its entries, a token; and a key's rotation."""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import time
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from typer.testing import CliRunner

from protocol.claims import Claims
from protocol.directory import AuthorityEntry, KeyRecord, NodeEntry, sign_admission, sign_charter
from protocol.directory.entries import read_keys
from protocol.directory.trust import verify_admission, verify_charter, verify_entry
from protocol.identifiers import NodeCode
from protocol.statements import LocalSigningKey
from service.access.roles import Role
from service.access.tokens import TokenVerifier
from service.cli.main import app
from service.clock import SystemClock
from service.directory.publish import read_entries
from service.errors import Misconfigured
from service.keystore import API_TOKEN, FileKeyStore, read_passphrase
from service.random_source import SystemRandomSource
from service.root_key_file import read_root_key
from service.routing.hub import public_user_key
from service.settings import load
from tests.journeys.local_network import (
    IT,
    RO,
    LocalNetwork,
    await_status,
    local_network,
    message,
    send,
)

FACTS = Path(__file__).parents[2] / "deploy" / "authorities.example.toml"
OFFICE = "ro.anpdca"
DIGEST = "A" * 43
NODE_ENTRY, OFFICE_ENTRY = "ro/node/ro", "ro/authority/anpdca"


def run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=typed)


def init(
    directory: Path,
    *more: str,
    code: str = "ro",
    hub: str = "tls://hub.example:4222",
    typed: str | None = None,
) -> Result:
    return run(
        *("node", "init", str(directory), "--code", code, "--state", "ro", "--hub-url", hub),
        *("--charter-digest", DIGEST, "--authority", OFFICE, *more),
        typed=typed,
    )


class Desk:
    """The operator's, with a node that was just made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        made = init(directory)
        assert made.exit_code == 0, made.output
        self.request: dict[str, Any] = json.loads(made.stdout)

    @property
    def config(self) -> str:
        return str(self.directory / "node.toml")

    @property
    def keys(self) -> FileKeyStore:
        return FileKeyStore(
            self.directory / "keys",
            read_passphrase(self.directory / "passphrase"),
            clock=SystemClock(),
            random=SystemRandomSource(),
        )

    def entry(self, *more: str) -> Result:
        return run("directory", "entry", "--config", self.config, *more)

    def says(self, changes: dict[str, str]) -> Path:
        """The example with lines replaced."""
        text = FACTS.read_text()
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        file = self.directory.parent / "facts.toml"
        file.write_text(text)
        return file

    def laid_out(self) -> dict[str, str]:
        return read_entries(self.directory)

    def believed(self, path: str) -> AuthorityEntry | NodeEntry:
        """The entry, as a network believes it that admitted this State on what `node init` printed."""
        now = SystemClock().now()
        keepers = [LocalSigningKey.from_seed(None, letter * 32) for letter in (b"a", b"b")]
        (root,) = read_keys(Claims({"keys": [self.request["root_key"]]}, code="directory.malformed"))
        charter = sign_charter(
            network="focalpoint",
            keys=[key.public for key in keepers],
            threshold=2,
            snapshot_keys=[root],
            issued_at=now,
            expires_at=now + timedelta(days=1),
            signers=keepers,
        )
        rules = verify_charter(charter, charter.digest)
        admission = sign_admission(
            charter=charter,
            member=self.request["member"],
            root_keys=[root],
            nodes=[NodeCode(self.request["node"])],
            sequence=1,
            issued_at=now,
            expires_at=now + timedelta(days=1),
            signers=keepers,
        )
        entry, _ = verify_entry(path, self.laid_out()[path], rules, verify_admission(admission, rules))
        assert isinstance(entry, AuthorityEntry | NodeEntry)
        return entry

    def signing_keys(self, path: str) -> dict[str, KeyRecord]:
        return {record.kid: record for record in self.believed(path).signing_keys}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "ro")


# -- node init


def test_a_new_node_has_all_that_it_starts_with_and_nobody_else_reads_it(desk: Desk) -> None:
    settings = load(desk.directory / "node.toml", {})
    assert (settings.node, settings.charter_digest) == ("ro", DIGEST)
    assert settings.keystore_dir == desk.directory / "keys"
    signs = {entry.owner for entry in desk.keys.entries() if entry.kind == "sign"}
    assert signs == {"ro", API_TOKEN, "state-root", OFFICE}
    assert desk.keys.current_sealing_kid("content") != desk.keys.current_sealing_kid("identity")
    for path in (desk.directory, *desk.directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_what_is_printed_is_what_the_keepers_admit_by_and_holds_no_secret(desk: Desk) -> None:
    root = desk.keys.signing("state-root")
    assert desk.request["root_key"].items() >= root.public.jwk().items()
    assert desk.request["hub_key"] == public_user_key((desk.directory / "hub.nk").read_text())
    assert (desk.request["member"], desk.request["node"]) == ("ro", "ro")
    assert "d" not in desk.request["root_key"]


def test_a_root_key_in_the_keystore_is_said_to_belong_offline(tmp_path: Path) -> None:
    assert "belongs offline" in init(tmp_path / "ro").stderr


def test_a_bodys_authorities_are_named_to_those_who_admit_it(tmp_path: Path) -> None:
    made = run(
        *("node", "init", str(tmp_path / "iom"), "--code", "int-iom", "--state", "int"),
        *("--hub-url", "tls://hub.example:4222", "--charter-digest", DIGEST, "--authority", "int.iom"),
    )
    request = json.loads(made.stdout)
    assert (request["member"], request["authorities"]) == ("int-iom", ["int.iom"])


def test_nothing_is_overwritten(desk: Desk) -> None:
    before = {path: path.read_bytes() for path in desk.directory.rglob("*") if path.is_file()}
    again = init(desk.directory)
    assert again.exit_code == 1
    assert "keystore.exists" in again.stderr
    assert before == {path: path.read_bytes() for path in desk.directory.rglob("*") if path.is_file()}


def test_settings_that_a_node_would_refuse_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    refused = init(tmp_path / "ro", hub="nats://hub.example:4222")
    assert (refused.exit_code, "settings.invalid" in refused.stderr) == (1, True)
    assert init(tmp_path / "ro", code="it").exit_code == 1
    assert init(tmp_path / "ro", "--authority", "it.office").exit_code == 2
    assert not (tmp_path / "ro").exists()


def test_a_root_key_kept_elsewhere_is_not_in_the_keystore_and_still_signs(tmp_path: Path) -> None:
    file, passphrase = tmp_path / "root.pem", "correct horse battery"
    made = init(tmp_path / "ro", "--root-key", str(file), typed=f"{passphrase}\n{passphrase}\n")
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    load_pem_private_key(file.read_bytes(), passphrase.encode())
    # What the library says of a wrong passphrase depends on the bytes that come out of it; ours is one code.
    with pytest.raises(Misconfigured) as refused:
        read_root_key(file, b"another passphrase")
    assert refused.value.code == "keystore.passphrase"

    config = ("--config", str(tmp_path / "ro" / "node.toml"))
    assert "state-root" not in run("keys", "list", *config).output
    entry = ("directory", "entry", *config, "--facts", str(FACTS))
    assert "keystore.unknown_owner" in run(*entry).stderr
    wrong = run(*entry, "--root-key", str(file), typed="another passphrase\n")
    assert "keystore.passphrase" in wrong.stderr
    assert read_entries(tmp_path / "ro") == {}
    signed = run(*entry, "--root-key", str(file), typed=f"{passphrase}\n")
    assert signed.exit_code == 0, signed.output
    assert set(read_entries(tmp_path / "ro")) == {NODE_ENTRY, OFFICE_ENTRY}


def test_a_root_key_file_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    file.write_text("somebody's")
    refused = init(tmp_path / "ro", "--root-key", str(file), typed="correct horse\ncorrect horse\n")
    assert "keystore.exists" in refused.stderr
    assert file.read_text() == "somebody's"
    assert not (tmp_path / "ro").exists()


# -- directory entry


def test_the_first_entries_are_believed_by_a_network_that_admitted_the_state(desk: Desk) -> None:
    assert desk.entry("--facts", str(FACTS)).exit_code == 0
    office, node = desk.believed(OFFICE_ENTRY), desk.believed(NODE_ENTRY)
    assert isinstance(office, AuthorityEntry)
    said = tomllib.loads(FACTS.read_text())["authority"][0]
    assert office.competences == tuple(said["competences"])
    assert list(office.holidays) == said["holidays"]
    assert office.node == "ro"
    assert [record.kid for record in office.signing_keys] == [desk.keys.signing(OFFICE).kid]
    assert isinstance(node, NodeEntry)
    assert {record.purpose.value for record in node.sealing_keys} == {"seal-content", "seal-identity"}


def test_a_dry_run_says_what_would_change_and_changes_nothing(desk: Desk) -> None:
    assert "Nothing was signed" in desk.entry("--facts", str(FACTS), "--dry-run").stderr
    assert desk.laid_out() == {}
    desk.entry("--facts", str(FACTS))
    before = desk.laid_out()
    changed = desk.says({'["case", "social-inquiry"]': '["case"]'})
    shown = desk.entry("--facts", str(changed), "--dry-run").stdout
    assert 'competences: ["case", "social-inquiry"] -> ["case"]' in shown
    assert f"{NODE_ENTRY}: unchanged" in shown
    assert desk.laid_out() == before


def test_what_did_not_change_is_not_signed_again(desk: Desk) -> None:
    desk.entry("--facts", str(FACTS))
    before = desk.laid_out()
    assert "Nothing to sign" in desk.entry("--facts", str(FACTS)).stderr
    assert "Nothing to sign" in desk.entry().stderr
    assert desk.laid_out() == before


def test_an_authority_that_the_facts_leave_out_is_said_to_stay(desk: Desk) -> None:
    desk.entry("--facts", str(FACTS))
    run("keys", "generate", "ro.other", "--config", desk.config)
    other = desk.says({OFFICE: "ro.other"})
    assert f"{OFFICE_ENTRY}: left as it is" in desk.entry("--facts", str(other)).stdout
    assert set(desk.laid_out()) == {NODE_ENTRY, OFFICE_ENTRY, "ro/authority/other"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({'office = "Front desk"': 'office = "Front desk", person = "Somebody"'}, "directory.malformed"),
        ({'role = "focal-point"': 'role = "focal-point"\nhead = "Somebody"'}, "directory.malformed"),
        ({"weekend = [6, 7]": "# no weekend"}, "directory.malformed"),
        ({"Europe/Bucharest": "Europe/Nowhere"}, "directory.malformed"),
        ({"network =": "netwrok ="}, "directory.malformed"),
        ({OFFICE: "it.servizio-minori"}, "directory.wrong_state"),
        ({OFFICE: "ro.unknown"}, "keystore.unknown_owner"),
        ({"[[authority]]": "[[authority"}, "settings.unreadable"),
    ],
)
def test_facts_that_an_entry_cannot_or_should_not_hold_are_refused(
    desk: Desk, changes: dict[str, str], code: str
) -> None:
    refused = desk.entry("--facts", str(desk.says(changes)))
    assert refused.exit_code == 1
    assert code in refused.stderr
    assert "Somebody" not in refused.stderr
    assert desk.laid_out() == {}


def test_without_facts_or_an_entry_there_is_nothing_to_say(desk: Desk) -> None:
    assert desk.entry().exit_code == 2


def test_facts_in_json_say_the_same(desk: Desk) -> None:
    file = desk.directory.parent / "facts.json"
    file.write_text(json.dumps(tomllib.loads(FACTS.read_text()), default=lambda day: day.isoformat()))
    assert desk.entry("--facts", str(file)).exit_code == 0
    assert "Nothing to sign" in desk.entry("--facts", str(FACTS)).stderr


def test_a_replaced_key_stays_listed_beside_its_successor_and_soon_signs_no_more(desk: Desk) -> None:
    desk.entry("--facts", str(FACTS))
    first = desk.keys.signing(OFFICE).kid
    assert desk.signing_keys(OFFICE_ENTRY)[first].signing_until > SystemClock().now() + timedelta(days=700)
    assert run("keys", "generate", OFFICE, "--replace", "--config", desk.config).exit_code == 0
    second = desk.keys.signing(OFFICE).kid
    shown = desk.entry().stdout
    assert f"key {second} (sign): new" in shown
    assert f"key {first} (sign): until" in shown

    listed, now = desk.signing_keys(OFFICE_ENTRY), SystemClock().now()
    assert listed.keys() == {second, first}
    assert listed[second].vouches(now, now)
    assert listed[first].vouches(now, now + timedelta(days=15))
    assert listed[first].vouches(now + timedelta(days=6), now + timedelta(days=30))
    assert not listed[first].vouches(now + timedelta(days=8), now + timedelta(days=8))
    assert not listed[first].vouches(now, now + timedelta(days=38))


def test_three_rotations_before_one_entry_lose_no_key(desk: Desk) -> None:
    desk.entry("--facts", str(FACTS))
    made = [desk.keys.signing(OFFICE).kid]
    for _ in range(3):
        run("keys", "generate", OFFICE, "--replace", "--config", desk.config)
        made.append(desk.keys.signing(OFFICE).kid)
    desk.entry()
    assert set(desk.signing_keys(OFFICE_ENTRY)) == set(made)


def test_a_new_sealing_key_takes_the_place_of_the_old(desk: Desk) -> None:
    desk.entry("--facts", str(FACTS))
    former = desk.keys.current_sealing_kid("identity")
    run("keys", "generate", "--seal", "identity", "--replace", "--config", desk.config)
    assert "no longer listed" in desk.entry().stdout
    node, now = desk.believed(NODE_ENTRY), SystemClock().now()
    listed = {record.kid for record in node.sealing_keys}
    assert desk.keys.current_sealing_kid("identity") in listed
    assert former not in listed
    in_use = [record for record in node.sealing_keys if record.in_use(now)]
    assert sorted(record.purpose.value for record in in_use) == ["seal-content", "seal-identity"]


def test_a_stolen_key_is_cut_off_once_it_has_a_successor_and_stays_so(desk: Desk) -> None:
    desk.entry("--facts", str(FACTS))
    stolen = desk.keys.signing(OFFICE).kid
    now = SystemClock().now().replace(microsecond=0)
    revoke = ("--revoke", f"{stolen}={now.isoformat()}")
    assert "keystore.key_current" in desk.entry(*revoke).stderr
    run("keys", "generate", OFFICE, "--replace", "--config", desk.config)
    assert desk.entry("--revoke", f"{stolen}=2027-01-31T12:00").exit_code == 2
    assert desk.entry("--revoke", f"nobody={now.isoformat()}").exit_code == 2
    assert "revoked from" in desk.entry(*revoke).stdout
    run("keys", "generate", OFFICE, "--replace", "--config", desk.config)
    desk.entry()
    record = desk.signing_keys(OFFICE_ENTRY)[stolen]
    assert record.revoked_at == now
    assert not record.vouches(now, now)


def test_of_two_cut_offs_the_earlier_counts_whichever_is_said_last(desk: Desk) -> None:
    desk.entry("--facts", str(FACTS))
    stolen = desk.keys.signing(OFFICE).kid
    run("keys", "generate", OFFICE, "--replace", "--config", desk.config)
    now = SystemClock().now().replace(microsecond=0)

    def revoke(*hours: int) -> list[str]:
        moments = [(now + timedelta(hours=one)).isoformat() for one in hours]
        return [word for moment in moments for word in ("--revoke", f"{stolen}={moment}")]

    # Twice in one command, then a later one, then an earlier one.
    for hours, counts in (((3, 2, 4), 2), ((5,), 2), ((1,), 1)):
        assert desk.entry(*revoke(*hours)).exit_code == 0
        assert desk.signing_keys(OFFICE_ENTRY)[stolen].revoked_at == now + timedelta(hours=counts)


# -- token mint


def mint(desk: Desk, *more: str, role: str = "case-officer", person: str = "staff-4711") -> Result:
    words = ("token", "mint", "--config", desk.config, "--role", role, "--person", person)
    return run(*words, *more)


def test_a_token_opens_the_nodes_api_for_its_person_until_it_ends(desk: Desk) -> None:
    desk.entry("--facts", str(FACTS))
    minted = mint(desk, "--authority", OFFICE, "--minutes", "30")
    assert minted.exit_code == 0, minted.output
    now = SystemClock().now()
    key = desk.keys.signing(API_TOKEN).public
    actor = TokenVerifier(keys={key.kid: key}, node=NodeCode("ro")).verify(minted.stdout.strip(), now)
    assert (actor.person, actor.role, actor.authorities) == ("staff-4711", Role.CASE_OFFICER, {OFFICE})
    assert timedelta(minutes=29) < actor.expires_at - now <= timedelta(minutes=30)
    assert f"Good until {actor.expires_at:%Y-%m-%d %H:%M}" in minted.stderr
    assert "no journal" in minted.stderr


def test_without_minutes_a_token_lives_as_long_as_the_settings_say(desk: Desk) -> None:
    claims = mint(desk, role="operator").stdout.split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert said["exp"] - said["iat"] == 600


@pytest.mark.parametrize(
    ("more", "role"),
    [
        (("--authority", OFFICE, "--minutes", "481"), "case-officer"),
        (("--authority", OFFICE, "--minutes", "0"), "case-officer"),
        (("--authority", "ro.nobody"), "case-officer"),
        (("--authority", "it.servizio-minori"), "case-officer"),
        ((), "case-officer"),
        ((), "emperor"),
    ],
)
def test_a_token_too_long_or_for_nobody_is_not_made(desk: Desk, more: tuple[str, ...], role: str) -> None:
    desk.entry("--facts", str(FACTS))
    refused = mint(desk, *more, role=role)
    assert refused.exit_code == 2
    assert not refused.stdout


# -- rotation while the network runs


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    with local_network(tmp_path_factory.mktemp("rotation") / "net") as running:
        yield running


def approved(network: LocalNetwork, done: Result) -> None:
    """What the command has proposed at the machine, approved by an administrator who signed in."""
    assert done.exit_code == 0, done.output
    proposed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("proposed ")]
    assert proposed, done.output
    at_it = ("--network", str(network.directory), "--node", "it", "--role", "administrator")
    for one in proposed:
        deadline = time.monotonic() + 30
        while run("approvals", "--show", one, *at_it).exit_code:
            assert time.monotonic() < deadline, "the node did not take it in"
        decided = run("approve", one, *at_it)
        assert decided.exit_code == 0, decided.output


@pytest.mark.network
def test_an_authoritys_and_its_nodes_keys_are_rotated_while_messages_flow(network: LocalNetwork) -> None:
    at_it = ("--network", str(network.directory), "--node", "it")
    it, cases = network.officer("it"), [network.settled_case() for _ in range(3)]
    old = network.keys("it").signing(IT).kid

    # Without the hub all that is sent is queued: the one signed with the old key, the other with one that
    # nobody has heard of yet.
    os.kill(network.description["hub"]["pid"], signal.SIGKILL)
    queued = send(it, message("case.notification", cases[0], IT, RO))
    for owner in (IT, "it"):
        approved(network, run("keys", "generate", owner, "--replace", "--as", "staff-17", *at_it))
    early = send(it, message("case.notification", cases[1], IT, RO))
    assert run("network", "restart-hub", "--dir", str(network.directory)).exit_code == 0
    approved(network, run("directory", "entry", "--as", "staff-17", *at_it))
    late = send(it, message("case.notification", cases[2], IT, RO))

    new = network.keys("it").signing(IT).kid
    for sent, signer in ((queued, old), (early, new), (late, new)):
        await_status(it, sent["id"], "consigned")
        (row,) = network.rows("ro", "select statement from message where id = ?", sent["id"])
        header = row["statement"].split(".")[0]
        assert json.loads(base64.urlsafe_b64decode(header + "=="))["kid"] == signer
