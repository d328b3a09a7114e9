"""What a node had itself sent since the backup that it was put back from comes back from its peers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.bundle import verify_bundle
from protocol.envelope import ClearHeader, Outgoing, assemble
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference, MessageId, NodeCode, new_message_id
from protocol.limits import Limits
from protocol.reconciliation import (
    MAX_KNOWN_EPOCHS,
    Restored,
    issue_reconciliation,
    read_reconciliation,
)
from protocol.returned import NOT_OURS, that_fit
from protocol.statements import StatementType, issue, read
from service import exchange
from service.errors import Conflict
from service.exchange.accept import Outcome
from service.exchange.erasure import erase, forget
from service.exchange.running import take_up_restored
from service.exchange.views import Accepted, Submission
from service.routing.reconciler import Reconciler
from service.store import retention
from tests.protocol.sample_directory import NOW, seeded_key
from tests.service.exchange_pair import Pair, Side, message, open_pair
from tests.service.test_restoration import copied, put_back
from tests.service.test_restraints import settle_protection

DESTROYED = b""


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def restored(pair: Pair, code: str, copy: Path) -> Side:
    pair.clock.pass_by(minutes=1)
    side = put_back(pair, code, copy)
    await asyncio.to_thread(take_up_restored, side.node)
    pair.clock.pass_by(minutes=1)
    return side


async def rounds(pair: Pair, count: int = 3) -> None:
    """Reconciliations, and what they lead to; attempts that were put off come due."""
    for _ in range(count):
        for code in ("it", "ro"):
            await pair.reconcile(code)
            await pair.settle()
        pair.clock.pass_by(minutes=5)


async def threads(side: Side) -> dict[str, Any]:
    """Conversations as each side keeps them, less what each keeps of when."""
    rows = await side.rows("select id, state, due_at, snapshot from thread")
    return {
        row["id"]: (row["state"], str(row["due_at"]), _entries(json.loads(row["snapshot"]))) for row in rows
    }


def _entries(snapshot: dict[str, Any]) -> list[Any]:
    return sorted(json.dumps(entry, sort_keys=True) for entry in snapshot["entries"])


async def said(side: Side) -> dict[str, str]:
    return {
        row["id"]: row["statement_digest"]
        for row in await side.rows("select id, statement_digest from message where status <> 'refused'")
    }


async def message_row(side: Side, id_: str) -> Any:
    (row,) = await side.rows("select * from message where id = :id", id=id_)
    return row


async def verifies(pair: Pair, side: Side, case: CaseReference) -> None:
    bundle = await exchange.case_bundle(side.node, side.officer, case)
    assert verify_bundle(bundle, pair.world.charter_digest).findings == ()


async def lose_a_request(pair: Pair, tmp_path: Path) -> tuple[Side, CaseReference, Accepted, Submission]:
    """`it` asked after its backup, was answered by evidence, and was put back."""
    case = await pair.open_case()
    await pair.notify(case)
    copy = copied(pair.it, tmp_path / "copy.db")
    asked = message("social-inquiry.request", case, pair.it.office, pair.ro.office)
    accepted = await pair.it.send(asked)
    await pair.settle()
    return await restored(pair, "it", copy), case, accepted, asked


def test_what_was_said_and_answered_since_the_backup_is_there_again_on_both_sides(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        copy = copied(pair.it, tmp_path / "copy.db")
        asked = await pair.request(case)
        await pair.ro.send(message("accept", case, pair.ro.office, pair.it.office, in_reply_to=asked.id))
        await pair.settle()
        query = await pair.ro.send(
            message("query", case, pair.ro.office, pair.it.office, in_reply_to=asked.id)
        )
        await pair.settle()
        answer = await pair.it.send(
            message("answer", case, pair.it.office, pair.ro.office, in_reply_to=query.id)
        )
        notice = await pair.it.send(
            message("guardian.notice", case, pair.it.office, pair.ro.office, in_reply_to=notified.id)
        )
        await pair.settle()
        for one in (asked, answer):
            await exchange.collect(pair.ro.node, pair.ro.officer, one.id)
        await pair.settle()
        before = await threads(pair.it)
        lost = {id_: await message_row(pair.it, id_) for id_ in (asked.id, answer.id, notice.id)}

        side = await restored(pair, "it", copy)
        assert await said(side) == {notified.id: notified.statement_digest}
        await rounds(pair)

        assert await said(side) == await said(pair.ro)
        assert await threads(side) == await threads(pair.ro) == before
        for id_, was in lost.items():
            row = await message_row(side, id_)
            assert row["statement"] == was["statement"]
            assert row["direction"] == "out"
            assert row["status"] == was["status"]
            assert row["collected_at"] == was["collected_at"]
            assert row["issued_at"] == was["issued_at"]
        assert (await message_row(side, asked.id))["due_at"] is not None
        shown = await exchange.read_message(side.node, side.officer, asked.id, False, None)
        assert shown.content is not None
        assert shown.content.narrative
        assert shown.content.identity_state == "sealed"
        await side.release(asked.id, "case-work")
        shown = await exchange.read_message(side.node, side.officer, asked.id, True, "case-work")
        assert shown.content is not None
        assert shown.content.identity is not None
        for one in (side, pair.ro):
            await verifies(pair, one, case)
        # Nothing waits any more, and both go on.
        for one in (side, pair.ro):
            assert await one.rows("select * from outbox where state in ('queued', 'released')") == []
        more = await pair.ro.send(message("query", case, pair.ro.office, side.office, in_reply_to=asked.id))
        await pair.settle()
        await settle_protection(side, case)
        await side.send(message("answer", case, side.office, pair.ro.office, in_reply_to=more.id))
        await pair.settle()
        assert await threads(side) == await threads(pair.ro)

    run(play())


def test_a_case_opened_after_the_backup_comes_back_and_nothing_leaves_it_until_two_people_say_so(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        await pair.notify(await pair.open_case())
        copy = copied(pair.it, tmp_path / "copy.db")
        case = await pair.open_case()
        notified, asked = await pair.notify(case), await pair.request(case)
        side = await restored(pair, "it", copy)
        await rounds(pair)
        assert await said(side) == await said(pair.ro)
        (row,) = await side.rows("select * from case_file where reference = :case", case=case)
        assert (row["role"], row["protection"], row["opened_by"]) == ("destination", "unknown", side.office)
        parties = await side.rows("select address from case_party where reference = :case", case=case)
        assert {one["address"] for one in parties} == {side.office, pair.ro.office}
        owed = await side.rows(
            "select obligation from deadline where case_reference = :case and kind = 'duty'", case=case
        )
        assert owed == [{"obligation": "guardian-notice"}]
        assert await threads(side) == await threads(pair.ro)
        with pytest.raises(Exception, match="protection"):
            await side.send(message("nudge", case, side.office, pair.ro.office, in_reply_to=asked.id))
        assert notified.id in await said(side)

    run(play())


def test_a_node_that_was_not_restored_is_given_nothing_back(pair: Pair) -> None:
    async def play() -> None:
        await pair.request(await _notified(pair))
        await rounds(pair)
        assert await pair.ro.rows("select * from outbox where kind = 'returned'") == []

    run(play())


async def _notified(pair: Pair) -> CaseReference:
    case = await pair.open_case()
    await pair.notify(case)
    return case


def test_a_repeated_request_is_known_again_and_another_under_its_id_is_refused(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        side, _, accepted, asked = await lose_a_request(pair, tmp_path)
        await rounds(pair)
        again = await side.send(asked)
        assert again.statement_digest == accepted.statement_digest
        assert (again.issued_at, again.due) == (accepted.issued_at, accepted.due)
        other_text = replace(asked.narrative[0], text="Something else.")
        assert asked.identity is not None
        changes: tuple[dict[str, Any], ...] = (
            {"coded": {**asked.coded, "questions": ["carer-willing"]}},
            {"narrative": (other_text, *asked.narrative[1:])},
            {"narrative": ()},
            {"urgency": "urgent"},
            {"identity": {**asked.identity, "persons": asked.identity["persons"][:1]}},
        )
        refused = 0
        for change in changes:
            if replace(asked, **change) == asked:
                continue
            with pytest.raises(Exception) as reason:  # noqa: PT011
                await side.send(replace(asked, **change))
            refused += isinstance(reason.value, Conflict) and reason.value.code == "id_reused"
        assert refused >= 2
        assert (await message_row(side, asked.id))["statement_digest"] == accepted.statement_digest

    run(play())


def test_what_was_said_again_before_the_first_came_back_becomes_the_first(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        side, case, accepted, asked = await lose_a_request(pair, tmp_path)
        await settle_protection(side, case)
        second = await side.send(asked)
        assert second.statement_digest != accepted.statement_digest
        await pair.settle()
        assert (await message_row(side, asked.id))["refusal_code"] == "id_reused"
        await rounds(pair)
        row = await message_row(side, asked.id)
        assert (row["statement_digest"], row["status"], row["refusal_code"]) == (
            accepted.statement_digest,
            "consigned",
            None,
        )
        assert await threads(side) == await threads(pair.ro)
        await verifies(pair, side, case)
        assert (await side.send(asked)).statement_digest == accepted.statement_digest

    run(play())


def test_what_was_returned_twice_is_there_once(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        side, case, accepted, _ = await lose_a_request(pair, tmp_path)
        await pair.reconcile("it")
        await pair.release(pair.ro)
        came = pair.hub.waiting["it"]
        pair.hub.waiting["it"] = [*came, *came]
        await pair.settle()
        # And under another number: the peer was itself put back, and returns it as if for the first time.
        await pair.ro.node.store.write(
            lambda session: session.connection().exec_driver_sql("delete from outbox where kind = 'returned'")
        )
        await rounds(pair, 12)
        assert len(await side.rows("select * from message where id = :id", id=accepted.id)) == 1
        proofs = await side.rows("select kind from evidence where id = :id", id=accepted.id)
        assert sorted(row["kind"] for row in proofs) == ["content-consigned", "submission-accepted"]
        await verifies(pair, side, case)

    run(play())


def test_a_second_restore_before_the_first_was_answered_loses_nothing(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        first = await pair.request(case)
        side = await restored(pair, "it", copy)
        pair.hub.away = True
        copy = copied(side, tmp_path / "second.db")
        pair.hub.away = False
        await settle_protection(side, case)
        second = await side.send(message("social-inquiry.request", case, side.office, pair.ro.office))
        await pair.settle()
        side = await restored(pair, "it", copy)
        await rounds(pair)
        assert {first.id, second.id} <= set(await said(side))
        assert await said(side) == await said(pair.ro)
        assert await threads(side) == await threads(pair.ro)

    run(play())


def test_what_was_given_back_and_lost_again_comes_again(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        asked = await pair.request(case)
        await restored(pair, "it", copy)
        await rounds(pair)
        side = await restored(pair, "it", copy)
        await rounds(pair)
        assert asked.id in await said(side)
        assert await threads(side) == await threads(pair.ro)

    run(play())


@pytest.mark.parametrize(
    "step", ["before the peer queued", "before it left", "before it was stored", "after"]
)
def test_a_crash_between_two_steps_repeats_nothing_and_loses_nothing(
    pair: Pair, tmp_path: Path, step: str
) -> None:
    async def play() -> None:
        side, case, accepted, _ = await lose_a_request(pair, tmp_path)
        if step == "before the peer queued":
            await _only_tells(pair)
            pair.hub.lose_everything()
        else:
            await pair.reconcile("it")
            if step != "before it left":
                await pair.release(pair.ro)
            if step == "before it was stored":
                pair.hub.lose_everything()
            if step == "after":
                came = list(pair.hub.waiting["it"])
                await pair.deliver("it")
                # Stored, and not acknowledged to the hub.
                pair.hub.waiting["it"] = came
        pair.clock.pass_by(hours=2)
        await rounds(pair, 12)
        proofs = await side.rows("select kind from evidence where id = :id", id=accepted.id)
        assert sorted(row["kind"] for row in proofs) == ["content-consigned", "submission-accepted"]
        assert await said(side) == await said(pair.ro)
        assert await threads(side) == await threads(pair.ro)
        await verifies(pair, side, case)
        assert await pair.ro.rows("select * from outbox where state = 'released'") == []

    run(play())


async def _only_tells(pair: Pair) -> None:
    await Reconciler(pair.it.node, pair.it.link).tell_all()


def test_an_answer_to_what_was_lost_waits_for_it(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        asked = await pair.request(case)
        side = await restored(pair, "it", copy)
        accepted = await pair.ro.send(
            message("accept", case, pair.ro.office, side.office, in_reply_to=asked.id)
        )
        await pair.release(pair.ro)
        (outcome,) = await pair.deliver("it")
        assert isinstance(outcome, Outcome)
        assert outcome.disposition == "wait"
        await rounds(pair)
        assert {asked.id, accepted.id} <= set(await said(side))
        assert await threads(side) == await threads(pair.ro)

    run(play())


# What was erased, here or there.


def test_what_was_erased_here_is_not_taken_back(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        asked = await pair.request(case)
        new = await pair.open_case()
        notified = await pair.notify(new)
        node = pair.it.node
        for one in (case, new):
            await node.store.write(
                lambda session, one=one: erase(
                    node, session, one, ("identity", "narrative"), pair.clock.now()
                )
            )
        await forget(node)
        side = await restored(pair, "it", copy)
        await rounds(pair)
        for id_, of in ((asked.id, case), (notified.id, new)):
            row = await message_row(side, id_)
            assert (row["narrative_sealed"], row["identity_sealed"]) == (DESTROYED, DESTROYED)
            keys = await side.rows("select * from case_key where reference = :case", case=of)
            assert {key["purpose"] for key in keys} == {"identity", "narrative"}
            assert all(key["wrapped"] is None and key["destroyed_at"] is not None for key in keys)
        await verifies(pair, side, case)

    run(play())


@pytest.mark.parametrize("how", ["erased", "blocked"])
def test_what_the_peer_may_not_read_any_more_comes_back_without_its_parts(
    pair: Pair, tmp_path: Path, how: str
) -> None:
    async def play() -> None:
        side, case, accepted, asked = await lose_a_request(pair, tmp_path)
        peer = pair.ro.node
        if how == "erased":
            await peer.store.write(
                lambda session: erase(peer, session, case, ("identity", "narrative"), pair.clock.now())
            )
        else:
            await peer.store.write(
                lambda session: retention.change(session.connection(), case, blocked_at=pair.clock.now())
            )
        await rounds(pair)
        row = await message_row(side, accepted.id)
        assert row["statement_digest"] == accepted.statement_digest
        assert (row["narrative_sealed"], row["identity_sealed"]) == (DESTROYED, DESTROYED)
        await verifies(pair, side, case)
        # What is gone cannot be compared, and what is there must agree.
        assert (await side.send(asked)).statement_digest == accepted.statement_digest
        with pytest.raises(Conflict):
            await side.send(replace(asked, urgency="urgent"))

    run(play())


# A peer that gives back what it should not.


async def returned_by_ro(
    pair: Pair,
    *tokens: str,
    narrative: bytes | None = None,
    identity: bytes | None = None,
    sequence: int = 900,
) -> Outcome:
    """An envelope of `ro`'s node, as a peer without scruples would make it."""
    world, now = pair.world, pair.clock.now()
    content = world.directory.sealing_key(NodeCode("it"), "content", now)
    sealed_identity = world.directory.sealing_key(NodeCode("it"), "identity", now)
    id_ = new_message_id(pair.ro.node.random.bytes)
    envelope = assemble(
        Outgoing(kind="returned", id=id_, statements=tokens, narrative=narrative, identity=identity),
        clear=ClearHeader(
            sender=NodeCode("ro"),
            recipient=NodeCode("it"),
            id=id_,
            sent_at=now,
            epoch="999999999999",
            sequence=sequence,
            suite=content.suite,
            key=content.kid,
        ),
        node_key=pair.ro.node.keys.signing("ro"),
        sealing_key=content,
        identity_key=sealed_identity,
    )
    (outcome,) = await pair.it.receive(envelope.data)
    assert isinstance(outcome, Outcome), outcome
    return outcome


def forged(pair: Pair, statement: str, signer: str, **changes: Any) -> str:
    """The statement with other claims, under that owner's key."""
    claims = {**read(statement, typ=StatementType.CONTENT).claims, **changes}
    return issue(StatementType.CONTENT, claims, pair.world.signing[signer]).token


def signed_by_nobody(token: str) -> str:
    return token[:-8] + ("A" * 8 if token[-8:] != "A" * 8 else "B" * 8)


FORGERIES: dict[str, tuple[Callable[[Pair, str], str], str]] = {
    "signed by the peer's authority": (
        lambda pair, token: forged(pair, token, "ro.anpdca"),
        "statement.unknown_key",
    ),
    "the peer's own message": (
        lambda pair, token: forged(pair, token, "ro.anpdca", iss="ro.anpdca", aud="it.servizio-minori"),
        NOT_OURS,
    ),
    "said after the restore": (
        lambda pair, token: forged(
            pair,
            token,
            "it.servizio-minori",
            iat=int((pair.clock.now() + timedelta(minutes=6)).timestamp()),
        ),
        NOT_OURS,
    ),
    "said to whom the peer does not serve": (
        lambda pair, token: forged(pair, token, "it.servizio-minori", aud="it.tribunale-minori"),
        NOT_OURS,
    ),
    "with other bytes under the signature": (
        lambda _, token: signed_by_nobody(token),
        "statement.signature",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_peer_cannot_put_words_into_our_mouth(pair: Pair, tmp_path: Path, forgery: str) -> None:
    async def play() -> None:
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        asked = await pair.request(case)
        statement = (await message_row(pair.ro, asked.id))["statement"]
        side = await restored(pair, "it", copy)
        before = await said(side)
        make, code = FORGERIES[forgery]
        outcome = await returned_by_ro(pair, make(pair, statement))
        assert (outcome.disposition, outcome.code) == ("refused", code)
        # Counted, so that it is not asked for again.
        assert outcome.numbered is not None
        assert await said(side) == before

    run(play())


def test_a_statement_under_a_key_that_was_revoked_since_is_not_taken_back(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        _, _, asked, _ = await lose_a_request(pair, tmp_path)
        statement = (await message_row(pair.ro, asked.id))["statement"]
        archive = type(pair.world.directory.archive)
        found = archive.revoked_key
        monkeypatch.setattr(
            archive,
            "revoked_key",
            lambda self, owner, kid: object() if owner == pair.it.office else found(self, owner, kid),
        )
        outcome = await returned_by_ro(pair, statement)
        assert (outcome.disposition, outcome.code) == ("refused", "statement.key_revoked")

    run(play())


def test_a_part_that_the_statement_does_not_bind_is_refused_with_all_of_it(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        side, _, asked, _ = await lose_a_request(pair, tmp_path)
        statement = (await message_row(pair.ro, asked.id))["statement"]
        for parts in ({"narrative": b'{"salt":"x"}'}, {"identity": b'{"salt":"x"}'}):
            outcome = await returned_by_ro(pair, statement, **parts)  # type: ignore[arg-type]
            assert (outcome.disposition, outcome.code) == ("refused", "content.part_digest")
        assert asked.id not in await said(side)

    run(play())


def test_a_node_that_lost_nothing_takes_nothing_back(pair: Pair) -> None:
    async def play() -> None:
        case = await _notified(pair)
        asked = await pair.request(case)
        row = await message_row(pair.ro, asked.id)
        other = forged(pair, row["statement"], "it.servizio-minori", jti=asked.id, urgency="urgent")
        for token in (row["statement"], other):
            outcome = await returned_by_ro(pair, token)
            assert (outcome.disposition, outcome.code) == ("refused", NOT_OURS)
        assert (await message_row(pair.it, asked.id))["statement"] == row["statement"]

    run(play())


def test_a_second_statement_under_an_id_that_was_answered_for_is_not_taken(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        side, _, asked, _ = await lose_a_request(pair, tmp_path)
        await rounds(pair)
        statement = (await message_row(pair.ro, asked.id))["statement"]
        # Ours, and never sent: a validation signs and throws away.
        other = forged(pair, statement, "it.servizio-minori", urgency="urgent")
        outcome = await returned_by_ro(pair, other)
        assert (outcome.disposition, outcome.code) == ("refused", NOT_OURS)
        assert (await message_row(side, asked.id))["statement"] == statement

    run(play())


def test_proofs_that_are_not_of_this_message_are_left_out(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        asked, other = await pair.request(case), await pair.open_case()
        foreign = await pair.notify(other)
        statement = (await message_row(pair.ro, asked.id))["statement"]
        strange = await pair.ro.rows("select token from evidence where id = :id", id=foreign.id)
        own = await pair.ro.rows("select token from evidence where id = :id", id=asked.id)
        manifest = await pair.ro.rows("select manifest from inbox where id = :id", id=foreign.id)
        side = await restored(pair, "it", copy)
        came = await pair.ro.rows("select manifest from inbox where id = :id", id=asked.id)
        collected = issue(
            StatementType.EVIDENCE,
            {**read(own[0]["token"], typ=StatementType.EVIDENCE).claims, "kind": "content-retrieved"},
            pair.world.signing["ro"],
        )
        outcome = await returned_by_ro(
            pair,
            statement,
            manifest[0]["manifest"],
            strange[0]["token"],
            own[0]["token"],
            "a.b.c",
            statement,
            # Of this message, and signed by nobody; or by whom it is not for to say.
            signed_by_nobody(came[0]["manifest"]),
            signed_by_nobody(collected.token),
            collected.token,
        )
        assert outcome.disposition == "noted"
        kept = await side.rows("select kind, token from evidence where id = :id", id=asked.id)
        assert {row["token"] for row in kept if row["kind"] == "content-consigned"} == {own[0]["token"]}
        assert {row["kind"] for row in kept} == {"content-consigned", "submission-accepted"}
        assert await side.rows("select * from sent_manifest where id = :id", id=asked.id) == []
        assert (await message_row(side, asked.id))["status"] == "consigned"

    run(play())


def test_what_is_given_back_is_sealed_and_goes_to_its_author_alone(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        _, _, asked, submission = await lose_a_request(pair, tmp_path)
        carried = len(pair.hub.carried)
        await rounds(pair)
        fresh = pair.hub.carried[carried:]
        rows = await pair.ro.rows("select * from outbox where kind = 'returned'")
        assert {(row["recipient_node"], row["sender_node"], row["message_id"]) for row in rows} == {
            ("it", "it", asked.id)
        }
        assert submission.narrative
        for _, data in fresh:
            assert asked.id.encode() not in data
            assert submission.narrative[0].text.encode() not in data

    run(play())


# What is said of it.


@pytest.mark.parametrize(
    ("epoch", "sequence", "lost"),
    [
        ("000000000009", 99, False),  # older than all that it names
        ("000000000010", 5, False),
        ("000000000010", 6, True),
        ("000000000015", 1, True),  # begun after the backup
        ("000000000020", 3, False),
        ("000000000020", 4, True),
        ("000000000030", 1, False),  # since it was restored
    ],
)
def test_what_is_lost_is_what_it_does_not_know_of_its_former_epochs(
    epoch: str, sequence: int, lost: bool
) -> None:
    told = Restored(epoch="000000000030", known=(("000000000010", 5), ("000000000020", 3)))
    assert told.lost(epoch, sequence) is lost


def test_a_node_that_knows_no_former_epoch_lost_all_of_them() -> None:
    assert Restored(epoch="000000000030", known=()).lost("000000000001", 1)


def told(**restored: Any) -> dict[str, Any]:
    """Claims of a reconciliation that says this of a restoration."""
    said = issue_reconciliation(
        issuer=NodeCode("it"),
        peer=NodeCode("ro"),
        channels=(),
        directory="d" * 43,
        issued_at=NOW,
        key=seeded_key("it-node-1"),
    )
    return {**said.claims, "restored": restored}


def read_told(claims: dict[str, Any]) -> Restored | None:
    statement = issue(StatementType.RECONCILIATION, claims, seeded_key("it-node-1"))
    return read_reconciliation(statement).restored


def test_a_reconciliation_says_how_far_a_restored_node_knows_itself() -> None:
    restored = Restored(epoch="30", known=tuple((f"{number:02}", number) for number in range(1, 29)))
    said = issue_reconciliation(
        issuer=NodeCode("it"),
        peer=NodeCode("ro"),
        channels=(),
        directory="d" * 43,
        issued_at=NOW,
        key=seeded_key("it-node-1"),
        restored=restored,
    )
    assert read_reconciliation(said).restored == restored
    plain = {name: value for name, value in told().items() if name != "restored"}
    assert read_told(plain) is None


def test_of_very_many_former_epochs_the_newest_are_named() -> None:
    many = tuple((f"{number:012d}", 1) for number in range(500))
    said = issue_reconciliation(
        issuer=NodeCode("it"),
        peer=NodeCode("ro"),
        channels=(),
        directory="d" * 43,
        issued_at=NOW,
        key=seeded_key("it-node-1"),
        restored=Restored(epoch=f"{500:012d}", known=many),
    )
    found = read_reconciliation(said).restored
    assert found is not None
    assert found.known == many[-MAX_KNOWN_EPOCHS:]


@pytest.mark.parametrize(
    "known",
    [
        [["2", 1], ["1", 1]],
        [["1", 1], ["1", 2]],
        [["3", 1]],
        [["1", -1]],
        [["1", True]],
        [["1"]],
        [[1, 1]],
        [[f"{number:03}", 1] for number in range(MAX_KNOWN_EPOCHS + 1)],
    ],
)
def test_a_malformed_restoration_is_refused(known: list[Any]) -> None:
    with pytest.raises(NotAcceptable) as reason:
        read_told(told(epoch="3", known=known))
    assert reason.value.code == "channel.malformed"


def test_proofs_that_do_not_fit_stay_behind_in_order() -> None:
    limits = Limits()
    room = limits.statement - 100
    assert that_fit("s" * room, ["a" * 49, "b" * 49, "c"], 63, limits) == ("a" * 49, "b" * 49)
    assert that_fit("s" * room, ["a" * 100, "b"], 63, limits) == ()
    assert that_fit("s", ["a"] * 99, 63, limits) == ("a",) * 63


def test_evidence_for_which_there_is_no_room_follows_behind(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play() -> None:
        monkeypatch.setattr("service.exchange.letters.MAX_STATEMENTS", 2)
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        asked = await pair.request(case)
        await exchange.collect(pair.ro.node, pair.ro.officer, asked.id)
        await pair.settle()
        side = await restored(pair, "it", copy)
        await rounds(pair)
        assert (await message_row(side, asked.id))["status"] == "retrieved"
        assert await threads(side) == await threads(pair.ro)
        await verifies(pair, side, case)

    run(play())


def test_what_was_still_at_the_hub_comes_back_once_the_peer_has_it(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        asked = await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        at_the_hub, pair.hub.waiting["ro"] = pair.hub.waiting["ro"], []
        side = await restored(pair, "it", copy)
        await rounds(pair, 1)
        assert asked.id not in await said(side)
        pair.hub.waiting["ro"] = at_the_hub
        await pair.settle()
        pair.clock.pass_by(hours=1)
        await rounds(pair)
        assert await said(side) == await said(pair.ro)
        assert asked.id in await said(side)
        assert await threads(side) == await threads(pair.ro)

    run(play())


def test_what_had_not_left_before_the_restore_does_not_come_back(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await _notified(pair)
        copy = copied(pair.it, tmp_path / "copy.db")
        unsent = await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        side = await restored(pair, "it", copy)
        await rounds(pair)
        assert unsent.id not in await said(side)
        # Its agency may say it again, under its id.
        again = message("social-inquiry.request", case, side.office, pair.ro.office, id=MessageId(unsent.id))
        with pytest.raises(NotAcceptable) as refused:
            await side.send(again)
        assert refused.value.code == "safeguard.international_protection"
        await settle_protection(side, case)
        await side.send(again)
        await pair.settle()
        assert (await message_row(pair.ro, unsent.id))["status"] == "consigned"

    run(play())
