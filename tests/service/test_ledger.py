"""The ledger of erasures: on disk before a key goes, readable by its own node alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocol.identifiers import CaseReference
from service.errors import Misconfigured
from service.store.ledger import Ledger, Position, Since

KEK, SALT = bytes(range(32)), b"s" * 32
CASE, OTHER = CaseReference("K7QM-3XPT-9V2D-6"), CaseReference("0000-0000-0000-0")
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def ledger(path: Path, kek: bytes = KEK) -> Ledger:
    return Ledger(path / "ledger", kek, salt=SALT)


def refused(path: Path, kek: bytes = KEK) -> str:
    with pytest.raises(Misconfigured) as reason:
        ledger(path, kek)
    return reason.value.code


def test_what_was_erased_is_known_after_a_restart_and_nothing_else(tmp_path: Path) -> None:
    ledger(tmp_path).append(CASE, "identity", NOW)
    again = ledger(tmp_path)
    assert again.names(CASE, "identity")
    assert not again.names(CASE, "narrative")
    assert not again.names(OTHER, "identity")


def test_the_file_names_no_case_not_even_to_who_tries_references(tmp_path: Path) -> None:

    ledger(tmp_path).append(CASE, "identity", NOW)
    text = (tmp_path / "ledger" / "erasures.jsonl").read_text()
    assert CASE not in text
    salt = json.loads(text.splitlines()[0])["salt"]
    tried = [
        hashlib.sha256(CASE.encode()).hexdigest(),
        hashlib.sha256(bytes.fromhex(salt) + CASE.encode()).hexdigest(),
        hmac.digest(bytes.fromhex(salt), CASE.encode(), "sha256").hex(),
    ]
    assert [one for one in tried if one in text] == []


def test_a_case_is_written_once(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    for _ in range(2):
        one.append(CASE, "identity", NOW)
    assert len(one.erased()) == 1


def test_a_line_changed_or_taken_out_is_noticed(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    for case in (CASE, OTHER):
        one.append(case, "identity", NOW)
    path = tmp_path / "ledger" / "erasures.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(whole[0] + whole[2])
    assert refused(tmp_path) == "ledger.damaged"
    path.write_bytes(whole[0] + whole[1].replace(b"identity", b"narrative") + whole[2])
    assert refused(tmp_path) == "ledger.damaged"


def test_lines_taken_from_the_end_are_noticed_by_the_position(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    one.append(CASE, "identity", NOW)
    one.keep_position(Position(erasures=1))
    path = tmp_path / "ledger" / "erasures.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert refused(tmp_path) == "ledger.damaged"


def test_half_a_line_after_a_power_cut_is_no_damage_and_is_written_over(tmp_path: Path) -> None:
    ledger(tmp_path).append(CASE, "identity", NOW)
    path = tmp_path / "ledger" / "erasures.jsonl"
    with path.open("ab") as file:
        file.write(b'{"at":"2026')
    again = ledger(tmp_path)
    again.append(OTHER, "identity", NOW)
    assert ledger(tmp_path).names(OTHER, "identity")


def test_the_ledger_of_another_keystore_is_refused_and_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    ledger(tmp_path).append(CASE, "identity", NOW)
    assert refused(tmp_path, bytes(32)) == "ledger.wrong_key"


def test_others_cannot_read_it(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    one.keep_position(Position(starts=1))
    for path in (tmp_path / "ledger").iterdir():
        assert path.stat().st_mode & 0o077 == 0
    (tmp_path / "ledger" / "erasures.jsonl").chmod(0o644)
    assert refused(tmp_path) == "ledger.permissions"


@pytest.mark.parametrize("field", ["starts", "outbox", "evidence"])
def test_a_database_that_lacks_anything_is_behind(field: str) -> None:
    assert Position().is_behind(Position(**{field: 1}))
    assert not Position(**{field: 1}).is_behind(Position(**{field: 1}))


def test_a_restraint_stands_until_it_is_ended_and_is_written_once(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    for _ in range(2):
        one.restrain("hold", CASE, NOW, "complaint")
        one.restrain("person-disabled", "person-1", NOW)
    again = ledger(tmp_path)
    assert again.length() == 2
    assert again.restraints("hold") == {again.named(CASE): Since(at=NOW, reason="complaint")}
    assert again.restraints("block") == {}
    for _ in range(2):
        again.release("hold", CASE, NOW)
        again.release("block", CASE, NOW)
    assert again.length() == 3
    assert ledger(tmp_path).restraints("hold") == {}
    assert ledger(tmp_path).restraints("person-disabled").keys() == {again.named("person-1")}
    again.restrain("hold", CASE, NOW, "court-proceedings")
    assert ledger(tmp_path).restraints("hold")[again.named(CASE)].reason == "court-proceedings"


def test_a_restraint_is_no_erasure_and_counts_as_a_line(tmp_path: Path) -> None:
    one = ledger(tmp_path)
    one.append(CASE, "identity", NOW)
    one.restrain("hold", CASE, NOW)
    assert [line.part for line in one.erased()] == ["identity"]
    one.keep_position(Position(erasures=one.length()))
    assert not ledger(tmp_path).names(CASE, "narrative")
    path = tmp_path / "ledger" / "erasures.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    # A hold that somebody took from the end.
    path.write_bytes(b"".join(whole[:-1]))
    assert refused(tmp_path) == "ledger.damaged"
    path.write_bytes(b"".join(whole).replace(b'"hold"', b'"hint"'))
    assert refused(tmp_path) == "ledger.damaged"
