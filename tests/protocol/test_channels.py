"""Nothing that was sent between two nodes can be suppressed, swapped or repeated unnoticed."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.base64url import decode
from protocol.channels import (
    Channel,
    Numbered,
    Span,
    advance,
    advance_over,
    chain_marks,
    mark_sequences,
    missing,
    open_channel,
)
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import NodeCode
from protocol.reconciliation import (
    MAX_GAPS,
    ChannelReport,
    Difference,
    compare,
    issue_reconciliation,
    report_on,
    verify_reconciliation,
)
from protocol.statements import StatementType, digest, sign
from tests.protocol.sample_case import message_id
from tests.protocol.sample_directory import IT, RO, World, sample_directory

START = open_channel(IT, RO, "2026-11-24")


def numbered(sequence: int, *, content: str = "") -> Numbered:
    name = f"{sequence}{content}"
    return Numbered(sequence=sequence, id=message_id(name), statement_digest=digest(name.encode()))


def sent(count: int, *, swapped_at: int | None = None) -> list[Numbered]:
    return [numbered(one, content="!" if one == swapped_at else "") for one in range(1, count + 1)]


def after(count: int, *, swapped_at: int | None = None) -> Channel:
    return advance_over(START, sent(count, swapped_at=swapped_at))[0]


def numbers(spans: tuple[Span, ...]) -> set[int]:
    return {one for first, last in spans for one in range(first, last + 1)}


def test_the_running_digest_is_what_its_definition_says() -> None:
    chain = hashlib.sha256(b"focalpoint channel\0it\0ro\x002026-11-24").digest()
    one = numbered(1)
    id_bytes = bytes.fromhex(one.id.replace("-", ""))
    chain = hashlib.sha256(chain + bytes(7) + b"\x01" + id_bytes + hashlib.sha256(b"1").digest()).digest()
    channel = advance(START, 1, one.id, one.statement_digest)
    assert decode(channel.chain.encode()) == chain
    assert (channel.count, channel.last) == (1, 1)


def test_each_direction_and_epoch_has_a_running_digest_of_its_own() -> None:
    others = [
        open_channel(RO, IT, "2026-11-24"),
        open_channel(IT, RO, "2026-11-25"),
        open_channel(IT, NodeCode("fr"), "2026-11-24"),
    ]
    assert len({START.chain, *(other.chain for other in others)}) == 4


def test_a_gap_is_refused_and_changes_nothing() -> None:
    channel = after(3)
    for sequence, code in (
        (5, "channel.gap"),
        (3, "channel.already_counted"),
        (0, "channel.already_counted"),
    ):
        one = numbered(sequence)
        with pytest.raises(NotAcceptable) as refused:
            advance(channel, sequence, one.id, one.statement_digest)
        assert refused.value.code == code
    assert channel == after(3)


@given(count=st.integers(0, 30), data=st.data())
def test_whatever_the_order_of_arrival_the_channel_ends_the_same(count: int, data: st.DataObject) -> None:
    arrived = data.draw(st.permutations(sent(count)))
    channel, waiting = START, ()
    for one in arrived:
        channel, waiting = advance_over(channel, (*waiting, one))
        assert channel.count == channel.last
    assert channel == after(count)
    assert waiting == ()


@given(count=st.integers(1, 30), lost=st.sets(st.integers(1, 30)), data=st.data())
def test_every_suppressed_number_is_named_and_no_other(
    count: int, lost: set[int], data: st.DataObject
) -> None:
    arrived = data.draw(st.permutations([one for one in sent(count) if one.sequence not in lost]))
    channel, waiting = advance_over(START, arrived)
    gaps = missing((one.sequence for one in arrived), count)
    assert numbers(gaps) == {one for one in lost if one <= count}
    assert channel.last + 1 == min([one for one in lost if one <= count], default=count + 1)
    assert {one.sequence for one in waiting} == {
        one.sequence for one in arrived if one.sequence > channel.last
    }


@given(swapped=st.integers(1, 20), count=st.integers(1, 20))
def test_another_message_under_one_number_gives_another_digest_for_ever(swapped: int, count: int) -> None:
    assert (after(count).chain == after(count, swapped_at=swapped).chain) == (swapped > count)


def test_a_peer_that_claims_a_huge_number_costs_nothing() -> None:
    assert missing([1, 2, 2**53 - 1], 2**53 - 1) == ((3, 2**53 - 2),)


@given(st.integers(0, 5000))
def test_marks_are_few_and_end_with_the_last(last: int) -> None:
    marks = mark_sequences(last)
    assert list(marks) == sorted(set(marks))
    assert marks[-1:] == ((last,) if last else ())
    assert all(one >= 1 for one in marks)
    assert len(marks) <= 2 * last.bit_length() + 1


# --- reconciliation -----------------------------------------------------------------------------------------


def marked(count: int, *, swapped_at: int | None = None) -> ChannelReport:
    channel = after(count, swapped_at=swapped_at)
    marks = chain_marks(START, sent(count, swapped_at=swapped_at), mark_sequences(count))
    return report_on(channel, marks=marks)


def received(count: int, lost: set[int]) -> ChannelReport:
    """The receiver's report when some of `count` did not come."""
    arrived = [one for one in sent(count) if one.sequence not in lost]
    channel, waiting = advance_over(START, arrived)
    highest = max((one.sequence for one in waiting), default=channel.last)
    return report_on(channel, highest=highest, gaps=missing((one.sequence for one in arrived), highest))


def test_equal_pasts_agree() -> None:
    assert compare(marked(9), marked(9)).agrees
    assert compare(report_on(START), report_on(START)).agrees


@given(count=st.integers(0, 40), lost=st.sets(st.integers(1, 40)))
def test_both_sides_name_what_was_suppressed(count: int, lost: set[int]) -> None:
    wanted = {one for one in lost if one <= count}
    senders, receivers = report_on(after(count)), received(count, lost)
    seen_by_sender, seen_by_receiver = compare(senders, receivers), compare(receivers, senders)
    assert numbers(seen_by_sender.they_lack) == numbers(seen_by_receiver.we_lack) == wanted
    assert seen_by_sender.we_lack == seen_by_receiver.they_lack == ()
    assert seen_by_sender.agrees == (not wanted)


@given(ours=st.integers(1, 60), theirs=st.integers(1, 60), swapped=st.integers(1, 60))
def test_a_parting_is_placed_between_two_marks(ours: int, theirs: int, swapped: int) -> None:
    other = marked(theirs, swapped_at=swapped)
    mine = chain_marks(START, sent(ours), other.marks)
    difference = compare(marked(ours), other, chain_at=mine)
    if swapped > min(ours, theirs):
        assert difference.parted is None
    elif difference.parted is None:  # noticed when the next mark that both know lies beyond it
        assert not any(number >= swapped for number in mine)
    else:
        first, last = difference.parted
        assert first <= swapped <= last


def test_a_parting_close_to_the_end_is_placed_exactly() -> None:
    assert compare(marked(50), marked(50, swapped_at=50)).parted == (50, 50)
    assert compare(marked(50), marked(50, swapped_at=49)).parted == (49, 49)


def test_a_restored_node_is_seen_by_its_epoch() -> None:
    other = report_on(dataclasses.replace(after(3), epoch="2026-12-01"))
    assert compare(marked(3), other) == Difference(other_epoch=True)


def test_reports_on_two_channels_are_not_compared() -> None:
    with pytest.raises(NotAcceptable, match=r"channel\.not_a_party"):
        compare(report_on(open_channel(RO, IT, "e")), report_on(open_channel(IT, RO, "e")))


def test_more_gaps_than_fit_claim_nothing_beyond_the_last_named() -> None:
    count = 4 * MAX_GAPS
    report = received(count, set(range(2, count, 2)))
    assert len(report.gaps) == MAX_GAPS
    assert report.highest == report.gaps[-1][1]
    lacking = numbers(compare(report_on(after(count)), report).they_lack)
    assert set(range(2, count, 2)) <= lacking


@pytest.fixture(scope="module")
def world() -> World:
    return sample_directory()


def told(world: World, *reports: ChannelReport, issuer: NodeCode = RO, peer: NodeCode = IT) -> str:
    return issue_reconciliation(
        issuer=issuer,
        peer=peer,
        channels=reports,
        directory=world.directory.snapshot.digest,
        issued_at=world.now,
        key=world.signing[RO],
        checkpoint=digest(b"journal"),
    ).token


def test_a_peer_reads_what_was_told(world: World) -> None:
    reports = (received(9, {3, 4, 7}), report_on(open_channel(RO, IT, "2026-11-24")))
    said = verify_reconciliation(told(world, *reports), world.directory, world.now, me=IT)
    assert said.channels == reports
    assert (said.issuer, said.peer, said.issued_at) == (RO, IT, world.now)
    assert said.directory == world.directory.snapshot.digest
    assert said.checkpoint == digest(b"journal")
    assert compare(report_on(after(9)), said.channels[0]).they_lack == ((3, 4), (7, 7))


def test_a_node_speaks_of_its_own_channels_to_the_peer_concerned(world: World) -> None:
    elsewhere = report_on(open_channel(IT, NodeCode("fr"), "e"))
    for token, me in ((told(world, elsewhere), IT), (told(world, report_on(START)), NodeCode("fr"))):
        with pytest.raises(NotAcceptable, match=r"channel\.not_a_party"):
            verify_reconciliation(token, world.directory, world.now, me=me)
    forged = told(world, report_on(START), issuer=IT, peer=RO)
    with pytest.raises(NotAcceptable, match=r"statement\.unknown_key"):
        verify_reconciliation(forged, world.directory, world.now, me=RO)
    token, early = told(world, report_on(START)), world.now - timedelta(minutes=6)
    with pytest.raises(NotAcceptable, match=r"channel\.from_the_future"):
        verify_reconciliation(token, world.directory, early, me=IT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(
    name=st.sampled_from(["last", "count", "highest", "gaps", "marks", "chain", "epoch", "sender"]),
    value=JSON | st.lists(st.lists(st.integers(0, 12), min_size=2, max_size=2), max_size=4),
)
def test_whatever_a_peer_tells_can_be_compared_or_is_refused(world: World, name: str, value: object) -> None:
    honest = received(9, {3, 4, 7})
    statement = issue_reconciliation(
        issuer=RO,
        peer=IT,
        channels=[honest],
        directory=world.directory.snapshot.digest,
        issued_at=world.now,
        key=world.signing[RO],
    )
    claims = {**statement.claims, "channels": [{**statement.claims["channels"][0], name: value}]}
    token = sign(StatementType.RECONCILIATION, claims, world.signing[RO])
    try:
        said = verify_reconciliation(token, world.directory, world.now, me=IT)
    except Refused:
        return
    difference = compare(report_on(after(9)), said.channels[0])
    assert all(first <= last for first, last in (*difference.they_lack, *difference.we_lack))


TALES = {
    "a count that is not last": {"count": 3},
    "less sent than counted": {"highest": 1},
    "a gap in what has no gap": {"gaps": [[1, 1]]},
    "gaps out of order": {"gaps": [[7, 7], [3, 4]]},
    "gaps that touch": {"gaps": [[3, 3], [4, 4]]},
    "a gap beyond the highest": {"gaps": [[3, 99]]},
    "more gaps than may be named": {"highest": 9999, "gaps": [[one, one] for one in range(3, 1200, 4)]},
    "gaps that are no pairs": {"gaps": [3]},
    "a mark that is no number": {"marks": [["3", "x"]]},
    "no epoch": {"epoch": ""},
}


@pytest.mark.parametrize("changes", TALES.values(), ids=TALES.keys())
def test_a_report_that_contradicts_itself_is_refused(world: World, changes: dict[str, object]) -> None:
    statement = issue_reconciliation(
        issuer=RO,
        peer=IT,
        channels=[received(9, {3, 4, 7})],
        directory=world.directory.snapshot.digest,
        issued_at=world.now,
        key=world.signing[RO],
    )
    claims = {**statement.claims, "channels": [{**statement.claims["channels"][0], **changes}]}
    token = sign(StatementType.RECONCILIATION, claims, world.signing[RO])
    with pytest.raises(NotAcceptable, match=r"channel\.malformed"):
        verify_reconciliation(token, world.directory, world.now, me=IT)
