"""The journal's chain: whatever is done to it afterwards is found, and the entry named."""

import dataclasses
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import NotAcceptable
from protocol.journal import ORIGIN, Entry, Fault, chained, read_entry, verify, written

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def journal(count: int = 6, *, actor: str = "officer-1") -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, count + 1):
        entries.append(
            chained(
                position=number,
                at=START + timedelta(minutes=number),
                actor=actor,
                role="case-officer",
                via="session",
                action="identity-released",
                subject=f"3f1d9a52-6c4e-4f0a-9b7d-{number:012x}",
                reason="court-hearing",
                previous=entries[-1].digest if entries else ORIGIN,
            )
        )
    return entries


def rechained(entries: list[Entry]) -> list[Entry]:
    """What somebody could do who may write the table: every digest made anew."""
    made: list[Entry] = []
    for entry in entries:
        members = {
            name: getattr(entry, name) for name in ("actor", "role", "via", "action", "subject", "reason")
        }
        previous = made[-1].digest if made else ORIGIN
        at = datetime.fromisoformat(entry.at)
        made.append(chained(position=entry.position, at=at, previous=previous, **members))
    return made


def test_an_untouched_journal_verifies_and_says_where_it_ends() -> None:
    entries = journal()
    report = verify(entries)
    assert (report.entries, report.last, report.fault) == (6, entries[-1].checkpoint, None)
    assert verify([]).last == (0, ORIGIN)


@pytest.mark.parametrize(
    "member", [field.name for field in dataclasses.fields(Entry) if field.name not in ("position", "via")]
)
def test_a_changed_entry_is_named(member: str) -> None:
    entries = journal()
    entries[2] = dataclasses.replace(entries[2], **{member: "somebody-else"})
    assert verify(entries).fault == Fault(position=3, kind="changed")


def test_a_changed_entry_with_a_digest_made_for_it_shows_in_the_one_behind_it() -> None:
    entries = journal()
    forged = rechained([*entries[:2], dataclasses.replace(entries[2], actor="somebody-else")])
    assert verify([*forged, *entries[3:]]).fault == Fault(position=4, kind="unlinked")


@pytest.mark.parametrize("removed", range(5))
def test_a_removed_entry_is_noticed_at_the_one_behind_it(removed: int) -> None:
    entries = journal()
    del entries[removed]
    assert verify(entries).fault == Fault(position=removed + 2, kind="unlinked")


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(range(6), 2)))
def test_entries_in_another_order_are_noticed(first: int, second: int) -> None:
    entries = journal()
    entries[first], entries[second] = entries[second], entries[first]
    fault = verify(entries).fault
    assert fault is not None
    assert fault.position == second + 1


def test_an_entry_told_twice_is_noticed() -> None:
    entries = journal()
    assert verify([*entries[:3], *entries[2:]]).fault == Fault(position=3, kind="out-of-order")


def test_an_entry_put_in_is_noticed() -> None:
    entries = journal()
    put_in = chained(
        position=7,
        at=START,
        actor="x",
        role="auditor",
        via=None,
        action="a",
        subject="s",
        reason=None,
        previous=ORIGIN,
    )
    assert verify([*entries, put_in]).fault == Fault(position=7, kind="unlinked")


def test_what_was_appended_behind_a_known_end_is_named() -> None:
    entries = journal()
    assert verify(entries, end=5).fault == Fault(position=6, kind="appended")
    assert verify(entries, end=6).fault is None


def test_an_end_cut_off_shows_against_what_somebody_else_holds_and_only_there() -> None:
    entries = journal()
    assert verify(entries[:4]).fault is None
    position, digest = entries[-1].checkpoint
    assert verify(entries[:4], known={position: digest}).fault == Fault(position=6, kind="missing")
    assert verify(entries[:4], end=6).fault == Fault(position=6, kind="missing")


def test_a_journal_made_anew_in_full_shows_against_what_somebody_else_holds() -> None:
    entries = journal()
    anew = rechained([dataclasses.replace(entry, actor="somebody-else") for entry in entries])
    assert verify(anew).fault is None
    assert verify(anew, known={4: entries[3].digest}).fault == Fault(position=4, kind="differs")


def test_a_part_verifies_from_where_the_part_before_ended() -> None:
    entries = journal()
    assert verify(entries[3:], start=entries[2].checkpoint).fault is None
    assert verify(entries[3:], start=entries[1].checkpoint).fault == Fault(position=4, kind="unlinked")


def test_an_excerpt_holds_each_entry_and_its_neighbours_to_the_chain() -> None:
    entries = journal()
    assert verify(entries[::2], excerpt=True).fault is None
    assert verify(entries[::2]).fault is not None
    changed = [entries[0], dataclasses.replace(entries[2], actor="x")]
    assert verify(changed, excerpt=True).fault == Fault(position=3, kind="changed")
    swapped = rechained([dataclasses.replace(entries[0], actor="x")])
    assert verify([*swapped, entries[1]], excerpt=True).fault == Fault(position=2, kind="unlinked")


def test_a_line_says_the_entry_and_nothing_else_is_read() -> None:
    for entry in journal():
        assert read_entry(written(entry)) == entry
    members = json.loads(written(journal(1)[0]))
    for other in (
        members | {"remark": "x"},
        members | {"position": True},
        members | {"position": "1"},
        members | {"actor": None},
        {name: value for name, value in members.items() if name != "via"},
    ):
        with pytest.raises(NotAcceptable) as refused:
            read_entry(json.dumps(other).encode())
        assert refused.value.code == "journal.malformed"
    for line in (b"", b"[]", b"{", b'"x"', b"\xff"):
        with pytest.raises(NotAcceptable):
            read_entry(line)


@given(st.integers(0, 5), st.sampled_from(["actor", "role", "action", "subject", "at"]), st.text(max_size=8))
def test_no_single_change_goes_unnoticed(position: int, member: str, value: str) -> None:
    entries = journal()
    changed = dataclasses.replace(entries[position], **{member: value})
    if changed != entries[position]:
        assert verify([*entries[:position], changed, *entries[position + 1 :]]).fault is not None
