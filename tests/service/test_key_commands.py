"""The life of a key, one command a step: what each previews, what it changes, and what it leaves alone."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from protocol.identifiers import NodeCode
from protocol.statements import Statement, StatementType
from service.clock import SimulatedClock, SystemClock
from service.directory.key_acts import notes
from service.directory.laid_out import lay_out, read_entries
from service.directory.machine_proposals import MachineProposal, proposals
from service.directory.publishing import digest_of
from service.keystore import API_TOKEN
from service.settings import load
from service.store.checkpoints import keep
from service.store.engine import open_engine
from service.store.migrate import upgrade
from tests.service.test_cli_setup import FACTS, NODE_ENTRY, OFFICE, OFFICE_ENTRY, Desk, init, run


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "ro")
    assert desk.entry("--facts", str(FACTS)).exit_code == 0
    return desk


def keys(desk: Desk, *words: str):
    result = run("keys", *words, "--config", desk.config)
    assert result.exit_code == 0, result.output
    return result


def proposed(desk: Desk, *words: str) -> MachineProposal:
    """What a command has left for the running node, taken away as the node would."""
    keys(desk, *words, "--as", "staff-17")
    ((proposal, take_away),) = proposals(desk.directory)
    take_away()
    return proposal


def approve(desk: Desk, proposal: MachineProposal) -> None:
    """As the node does with the approval: it lays out what was signed."""
    for path, token in proposal.act.get("entries", {}).items():
        lay_out(desk.directory, path, token)


def everything(desk: Desk) -> dict[str, bytes]:
    return {
        str(path.relative_to(desk.directory)): path.read_bytes()
        for path in desk.directory.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


ACTS = [
    ("generate", OFFICE, "--replace"),
    ("publish", OFFICE),
    ("rotate", OFFICE),
    ("rotate", "ro"),
    ("rotate", "content"),
    ("rotate", "identity"),
    ("rotate", API_TOKEN),
    ("retire", OFFICE),
    ("revoke", OFFICE),
    ("compromised", OFFICE, "--since", "2026-01-31T12:00Z"),
]


@pytest.mark.parametrize("words", ACTS, ids=" ".join)
def test_a_preview_changes_no_byte(desk: Desk, words: tuple[str, ...]) -> None:
    before = everything(desk)
    keys(desk, *words, "--dry-run")
    assert everything(desk) == before


@pytest.mark.parametrize("words", ACTS, ids=" ".join)
def test_each_step_is_one_command_and_leaves_a_note_for_the_journal(
    desk: Desk, words: tuple[str, ...]
) -> None:
    keys(desk, *words)
    ((act, _),) = notes(desk.directory)
    assert (act.act, act.subject.split(" ")[0]) == (words[0], words[1])


def test_a_rotated_key_is_listed_beside_the_old_and_waits(desk: Desk) -> None:
    old = desk.keys.signing(OFFICE).kid
    previewed = keys(desk, "rotate", OFFICE, "--dry-run").stdout
    assert "key (new) (sign): new" in previewed
    assert f"key {old} (sign): until" in previewed
    keys(desk, "rotate", OFFICE)
    assert desk.keys.signing(OFFICE).kid == old
    (waiting,) = (entry for entry in desk.keys.entries() if entry.waiting)
    listed, now = desk.signing_keys(OFFICE_ENTRY), SystemClock().now()
    assert listed.keys() == {old, waiting.kid}
    assert all(record.in_use(now) for record in listed.values())
    assert listed[old].verify_until < now + timedelta(days=38)


def test_a_retired_key_signs_no_more_and_still_verifies(desk: Desk) -> None:
    old = desk.keys.signing(OFFICE).kid
    made = SystemClock().now() + timedelta(seconds=2)
    assert "can send nothing more" in keys(desk, "retire", OFFICE).stdout
    record = desk.signing_keys(OFFICE_ENTRY)[old]
    assert not record.in_use(made)
    assert record.vouches(record.not_before, made + timedelta(days=29))
    keys(desk, "publish", OFFICE)
    assert desk.signing_keys(OFFICE_ENTRY)[old] == record
    refused = run("keys", "rotate", OFFICE, "--config", desk.config)
    assert "keystore.unknown_owner" in refused.stderr


def test_a_revoked_key_has_a_successor_at_once_and_no_checkpoints(desk: Desk) -> None:
    old = desk.keys.signing("ro").kid
    keys(desk, "revoke", "ro")
    new = desk.keys.signing("ro").kid
    listed, now = desk.signing_keys(NODE_ENTRY), SystemClock().now()
    assert listed.keys() == {old, new}
    assert listed[old].revoked_at is not None
    assert listed[old].checkpoints is None
    assert listed[new].in_use(now)


def told(desk: Desk, issuer: str, at: datetime) -> str:
    """A peer's checkpoint, as the node keeps it."""
    settings = load(Path(desk.config), {})
    upgrade(settings.database)
    engine = open_engine(settings.database)
    token = f"told by {issuer} at {at.isoformat()}"
    statement = Statement(
        typ=StatementType.RECONCILIATION, kid="k", claims={}, token=token, digest=f"digest of {token}"
    )
    with engine.begin() as connection:
        keep(connection, statement, issuer=NodeCode(issuer), peer=NodeCode("ro"), issued_at=at)
    engine.dispose()
    return statement.digest


def test_a_stolen_key_names_the_checkpoints_from_before_the_theft_and_no_later_one(desk: Desk) -> None:
    stolen = desk.keys.signing(OFFICE).kid
    theft = SystemClock().now().replace(microsecond=0) - timedelta(days=2)
    named = {told(desk, peer, theft - timedelta(hours=hours)) for peer in ("it", "fr") for hours in (1, 30)}
    told(desk, "it", theft + timedelta(hours=1))
    waits = proposed(desk, "compromised", OFFICE, "--since", theft.isoformat())
    record = desk.signing_keys(OFFICE_ENTRY)[stolen]
    assert record.revoked_at > theft, "one person cuts off from now on"
    assert record.checkpoints is None
    assert waits.in_force
    approve(desk, waits)
    record = desk.signing_keys(OFFICE_ENTRY)[stolen]
    assert record.revoked_at == theft
    assert set(record.checkpoints or ()) == named
    assert desk.keys.signing(OFFICE).kid != stolen


def test_an_earlier_moment_of_a_theft_may_follow_and_a_later_one_gives_no_time_back(desk: Desk) -> None:
    stolen = desk.keys.signing(OFFICE).kid
    theft = SystemClock().now().replace(microsecond=0) - timedelta(days=2)
    early, late = (told(desk, "it", theft - timedelta(hours=hours)) for hours in (30, 1))
    for since, counts, named in (
        (theft, theft, {early, late}),
        (theft + timedelta(days=1), theft, {early, late}),
        (theft - timedelta(hours=2), theft - timedelta(hours=2), {early}),
    ):
        approve(desk, proposed(desk, "compromised", OFFICE, "--kid", stolen, "--since", since.isoformat()))
        record = desk.signing_keys(OFFICE_ENTRY)[stolen]
        assert (record.revoked_at, set(record.checkpoints or ())) == (counts, named)
    # Revoked as well: it stays stolen.
    proposed(desk, "revoke", OFFICE, "--kid", stolen)
    record = desk.signing_keys(OFFICE_ENTRY)[stolen]
    assert (record.revoked_at, record.checkpoints) == (theft - timedelta(hours=2), (early,))


def start_once(desk: Desk) -> None:
    """The node has run: its database is there."""
    upgrade(load(Path(desk.config), {}).database)


TWO_PEOPLE = [words for words in ACTS if words[0] not in ("revoke", "compromised")]


@pytest.mark.parametrize("words", TWO_PEOPLE, ids=" ".join)
def test_once_a_node_has_run_nobody_at_the_machine_lists_or_ends_a_key_alone(
    desk: Desk, words: tuple[str, ...]
) -> None:
    start_once(desk)
    signs, entries = desk.keys.signing(OFFICE).kid, desk.laid_out()
    nameless = run("keys", *words, "--config", desk.config)
    assert nameless.exit_code == 2
    assert "--as" in nameless.stderr
    waits = proposed(desk, *words)
    assert (waits.by, waits.kind, waits.in_force) == ("staff-17", "key-action", False)
    assert desk.laid_out() == entries
    assert desk.keys.signing(OFFICE).kid == signs
    assert list(notes(desk.directory)) == []


def test_entries_of_a_node_that_has_run_wait_for_a_second_administrator(desk: Desk) -> None:
    keys(desk, "generate", OFFICE, "--replace")
    start_once(desk)
    before = desk.laid_out()
    assert desk.entry().exit_code == 2
    assert desk.entry("--as", "staff-17").exit_code == 0
    assert desk.laid_out() == before
    ((waits, _),) = proposals(desk.directory)
    assert (waits.kind, waits.subject) == ("directory-action", OFFICE_ENTRY)
    approve(desk, waits)
    assert desk.keys.signing(OFFICE).kid in desk.signing_keys(OFFICE_ENTRY)


def test_the_root_keys_signature_goes_with_the_proposal_where_the_root_key_is_elsewhere(
    tmp_path: Path,
) -> None:
    secret, key = tmp_path / "secret", tmp_path / "root.pem"
    secret.write_text("a passphrase that is long enough\n")
    secret.chmod(0o600)
    root = ("--root-key", str(key), "--root-passphrase-file", str(secret))
    directory = tmp_path / "ro"
    assert init(directory, *root).exit_code == 0
    config = str(directory / "node.toml")
    assert run("directory", "entry", "--config", config, "--facts", str(FACTS), *root).exit_code == 0
    upgrade(load(Path(config), {}).database)
    before = read_entries(directory)
    done = run("keys", "rotate", OFFICE, "--config", config, "--as", "staff-17", *root)
    assert done.exit_code == 0, done.output
    ((waits, _),) = proposals(directory)
    assert read_entries(directory) == before
    assert set(waits.act["entries"]) == set(waits.act["bases"]) == {OFFICE_ENTRY}
    assert waits.act["bases"][OFFICE_ENTRY] == digest_of(before[OFFICE_ENTRY])


def test_a_theft_needs_a_moment_with_its_time_zone_that_has_passed(desk: Desk) -> None:
    for since in ("2026-01-31T12:00", "yesterday"):
        refused = run("keys", "compromised", OFFICE, "--since", since, "--config", desk.config)
        assert refused.exit_code == 2
    ahead = (SystemClock().now() + timedelta(hours=1)).isoformat()
    refused = run("keys", "compromised", OFFICE, "--since", ahead, "--config", desk.config)
    assert "keystore.cut_off_ahead" in refused.stderr


def test_the_first_entry_of_a_new_node_lists_identity_keys_ahead_one_after_the_other(desk: Desk) -> None:
    node, now = desk.believed(NODE_ENTRY), SystemClock().now()
    series = sorted(
        (record for record in node.sealing_keys if record.purpose == "seal-identity"),
        key=lambda record: record.not_before,
    )
    assert len(series) == 9
    for one, following in itertools.pairwise(series):
        assert one.signing_until == following.not_before
        assert one.verify_until == following.not_before + timedelta(days=2)
    for weeks in range(12):
        assert sum(record.in_use(now + timedelta(weeks=weeks)) for record in series) == 1
    assert "enough identity keys" in keys(desk, "rotate", "identity").stdout


def test_a_new_token_key_is_used_at_once_and_a_revoked_one_ends_every_token(desk: Desk) -> None:
    first = desk.keys.signing(API_TOKEN).kid
    keys(desk, "rotate", API_TOKEN)
    second = desk.keys.signing(API_TOKEN).kid
    assert second != first
    assert desk.keys.honoured(API_TOKEN, first) is not None
    keys(desk, "revoke", API_TOKEN)
    assert desk.keys.honoured(API_TOKEN, second) is None
    assert desk.keys.honoured("ro", desk.keys.signing(API_TOKEN).kid) is None


def test_an_entry_without_its_root_key_changes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "ro")
    assert desk.entry("--facts", str(FACTS)).exit_code == 0
    root = next(entry for entry in desk.keys.entries() if entry.owner == "state-root")
    desk.keys.retire(root.kid)
    before = everything(desk)
    refused = run("keys", "rotate", OFFICE, "--config", desk.config)
    assert "keystore.unknown_owner" in refused.stderr
    assert everything(desk) == before


def test_identity_keys_are_filled_up_and_listed_when_some_have_begun(desk: Desk) -> None:
    settings = Path(desk.config)
    text = settings.read_text().replace("tls://hub.example:4222", "tls://127.0.0.1:4222")
    settings.write_text(text + 'simulated_clock_file = "clock.json"\n')
    clock = SimulatedClock(desk.directory / "clock.json")
    clock.move_to(clock.now() + timedelta(days=22))
    shown = keys(desk, "rotate", "identity").stdout
    assert shown.count("identity key (new)") == 3
    now = clock.now()
    series = [one for one in desk.believed(NODE_ENTRY).sealing_keys if one.purpose == "seal-identity"]
    assert sum(one.not_before > now for one in series) == 8
    for weeks in range(9):
        assert sum(one.in_use(now + timedelta(weeks=weeks)) for one in series) == 1
    before = desk.laid_out()
    keys(desk, "rotate", "identity")
    assert desk.laid_out() == before


def test_the_list_says_which_keys_lie_ahead(desk: Desk) -> None:
    keys(desk, "rotate", OFFICE)
    shown = keys(desk, "list").stdout.splitlines()
    assert sum("ahead" in line for line in shown) == 9
    assert json.loads(keys(desk, "show", desk.keys.signing(OFFICE).kid).stdout)["standing"] == "current"
