"""Two States on real nodes agree on one sequence of bytes, and anybody can verify it afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import uuid
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from protocol.agreement import agreement_bytes, sign
from protocol.base64url import decode
from protocol.bundle import verify_bundle
from protocol.content import Draft, read_content, sign_content
from protocol.conversations import procedure_of
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference, MessageId
from protocol.statements import LocalSigningKey
from protocol.vocabularies import RELEASE
from service import exchange
from service.access.roles import Role
from service.access.tokens import TokenVerifier, mint
from service.api.app import build_api
from service.cli.main import app
from service.errors import Forbidden, NotFound
from service.exchange.accept import Outcome
from service.exchange.letters import Letter, seal
from service.exchange.message_row import stored_statement
from service.exchange.reading import own_message
from service.exchange.views import Accepted, SignedSubmission
from service.store import cases
from tests.protocol.sample_directory import IT_FOCAL_POINT, IT_LOCAL, RO_FOCAL_POINT
from tests.service.api_stand import TOKEN_KEY
from tests.service.exchange_pair import Pair, Side, actor, open_pair
from tests.service.solution_case import Road

type Json = dict[str, Any]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def agreed(pair: Pair) -> tuple[Road, Accepted, str]:
    """Italy proposes, Romania counters, both accept what Romania wrote."""
    road = await Road.to_a_proposal(pair)
    proposal = await road.propose()
    counter = await road.propose("counter", side=pair.ro, in_reply_to=proposal)
    await road.accept(pair.it, counter)
    await road.accept(pair.ro, counter)
    return road, counter, await road.agreement_digest(counter)


async def file_of(side: Side, case: CaseReference, digest: str) -> bytes:
    return await exchange.agreement_file(side.node, side.officer, case, digest)


async def payload_of(side: Side, version: Accepted) -> bytes:
    def look(session: Any) -> bytes:
        row = own_message(session, side.officer, version.id)
        return agreement_bytes(read_content(stored_statement(row), None, None))

    return await side.node.store.read(look)


async def status(side: Side, message: MessageId) -> tuple[str, str | None]:
    (row,) = await side.rows("select status, refusal_code from message where id = :id", id=message)
    return row["status"], row["refusal_code"]


# -- agreed


def test_both_nodes_hold_the_same_bytes_signed_by_both_states(pair: Pair) -> None:
    async def play() -> None:
        road, counter, digest = await agreed(pair)
        assert await road.agreement_digest(counter, pair.ro) == digest
        files = [await file_of(side, road.case, digest) for side in (pair.it, pair.ro)]
        agreements = [json.loads(data)["agreement"] for data in files]
        assert agreements[0] == agreements[1]
        payload = decode(agreements[0]["payload"].encode())
        assert payload == await payload_of(pair.it, counter) == await payload_of(pair.ro, counter)
        for data in files:
            report = verify_bundle(data, pair.world.charter_digest, procedure_of=procedure_of)
            assert report.findings == ()
            (proven,) = report.agreements
            assert proven.agreement.payload == payload
            assert report.exported == proven.agreement.digest == digest
            assert [(one.by, one.kid) for one in proven.cosignatures] == [
                (party, pair.world.signing[party].kid) for party in (IT_FOCAL_POINT, RO_FOCAL_POINT)
            ]
            assert {one.type for one in proven.rests_on} == {
                "social-inquiry.report",
                "risk-assessment.final",
                "child-views.record",
                "guardian.notice",
                "best-interests.summary",
            }

    run(play())


def test_the_file_holds_what_the_agreement_needs_and_nothing_else_of_the_case(pair: Pair) -> None:
    async def play() -> None:
        road, _, digest = await agreed(pair)
        data = await file_of(pair.it, road.case, digest)
        held = {message["id"] for message in json.loads(data)["messages"]}
        needed = {
            one.id
            for name, one in road.said.items()
            if name in ("social_inquiry", "final", "child_views", "guardian_notice", "best_interests")
            or name in ("proposal", "counter")
        }
        acceptances = await pair.it.rows("select id from message where type = 'durable-solution.acceptance'")
        assert held == needed | {row["id"] for row in acceptances}
        assert len(acceptances) == 2
        for written in (b"Example Guardian", b"Maria", "Școala".encode()):
            assert written not in data

    run(play())


def test_every_document_that_it_rests_on_is_guarded_to_the_last_byte(pair: Pair) -> None:
    async def play() -> None:
        road, _, digest = await agreed(pair)
        data = await file_of(pair.it, road.case, digest)
        report = verify_bundle(data, pair.world.charter_digest)
        statements = {one["id"]: one["statement"] for one in json.loads(data)["messages"]}
        (proven,) = report.agreements
        for document in proven.rests_on:
            token = statements[document.message].encode()
            position = data.index(token) + len(token) // 2
            altered = data[:position] + (b"A" if data[position] != ord("A") else b"B") + data[position + 1 :]
            found = verify_bundle(altered, pair.world.charter_digest).findings
            assert ("agreement.document_altered", f"agreement/{document.name}") in {
                (one.code, one.where) for one in found
            }

    run(play())


def test_an_amended_agreement_names_the_one_before_and_brings_it_along(pair: Pair) -> None:
    async def play() -> None:
        road, counter, digest = await agreed(pair)
        pair.clock.pass_by(hours=1)
        amendment = await road.propose("amendment", in_reply_to=counter, amends=digest)
        await road.accept(pair.ro, amendment)
        await road.accept(pair.it, amendment)
        amended = await road.agreement_digest(amendment)
        for wanted in (digest, amended):
            report = verify_bundle(await file_of(pair.ro, road.case, wanted), pair.world.charter_digest)
            assert report.findings == ()
            assert report.exported == wanted
            assert {one.agreement.digest: one.agreement.amends for one in report.agreements} == {
                digest: None,
                amended: digest,
            }

    run(play())


def test_what_both_have_not_signed_is_no_agreement_to_export(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        proposal = await road.propose()
        await road.accept(pair.ro, proposal)
        digest = await road.agreement_digest(proposal)
        stranger = actor("it.tribunale-minori")
        for asking in (pair.it.officer, pair.it.supervisor, stranger):
            with pytest.raises(NotFound):
                await exchange.agreement_file(pair.it.node, asking, road.case, digest)
        await road.accept(pair.it, proposal)
        assert await exchange.agreement_file(pair.it.node, pair.it.officer, road.case, digest)
        with pytest.raises(NotFound):
            await exchange.agreement_file(pair.it.node, stranger, road.case, digest)

    run(play())


# -- who signs, and what


@pytest.mark.parametrize("role", [Role.INTERMEDIARY_OFFICER, Role.AGENCY_SYSTEM])
def test_only_people_of_the_state_propose_to_sign_for_it(pair: Pair, role: Role) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        proposal = await road.propose()
        acceptance = await road.acceptance(pair.ro, proposal)
        asking = actor(pair.ro.office, role=role)
        with pytest.raises(Forbidden) as caught:
            await exchange.send(pair.ro.node, asking, acceptance)
        assert caught.value.code == "access.scope"
        presigned = await signed_by_agency(road, pair.ro, proposal, key=pair.world.signing[RO_FOCAL_POINT])
        with pytest.raises(Forbidden):
            await exchange.send(pair.ro.node, asking, presigned)
        with pytest.raises(Forbidden):
            await exchange.validate(pair.ro.node, asking, acceptance)
        assert await pair.ro.rows("select id from message where type like '%acceptance'") == []
        assert (await exchange.validate(pair.ro.node, pair.ro.supervisor, acceptance)).acceptable

    run(play())


def test_a_node_signs_no_other_bytes_than_the_officer_saw(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        proposal = await road.propose()
        counter = await road.propose("counter", side=pair.ro, in_reply_to=proposal)
        seen = await road.agreement_digest(proposal)
        acceptance = await road.acceptance(pair.it, counter, agreement=seen)
        with pytest.raises(NotAcceptable) as caught:
            await exchange.send(pair.it.node, pair.it.supervisor, acceptance)
        assert (caught.value.code, caught.value.field) == ("agreement.other_bytes", "/coded/agreement")
        to_a_document = dataclasses.replace(
            acceptance, in_reply_to=road.said["child_views"].id, coded={"agreement": seen}
        )
        with pytest.raises(NotAcceptable):
            await exchange.send(pair.it.node, pair.it.supervisor, to_a_document)
        assert await pair.it.rows("select id from message where type like '%acceptance'") == []

    run(play())


class WatchedKey:
    """An authority's key that remembers what it signed."""

    def __init__(self, key: LocalSigningKey) -> None:
        self._key = key
        self.kid = key.kid
        self.public = key.public
        self.signed: list[bytes] = []

    def sign(self, data: bytes) -> bytes:
        self.signed.append(data)
        return self._key.sign(data)


def test_the_key_is_not_even_asked_to_sign_other_bytes(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        proposal = await road.propose()
        watched = WatchedKey(pair.world.signing[IT_FOCAL_POINT])
        pair.world.signing[IT_FOCAL_POINT] = watched  # type: ignore[assignment]
        wrong = await road.acceptance(pair.it, proposal, agreement="A" * 43)
        with pytest.raises(NotAcceptable):
            await exchange.send(pair.it.node, pair.it.supervisor, wrong)
        assert watched.signed == []
        await road.accept(pair.it, proposal)
        payload = await payload_of(pair.it, proposal)
        assert [one for one in watched.signed if one.endswith(payload)]

    run(play())


def test_an_authority_of_the_case_exports_no_agreement_between_others(pair: Pair) -> None:
    async def play() -> None:
        road, _, digest = await agreed(pair)
        await pair.it.node.store.write(
            lambda session: cases.add_parties(session.connection(), road.case, {IT_LOCAL})
        )
        other = actor(IT_LOCAL)
        assert await exchange.case_bundle(pair.it.node, other, road.case)
        with pytest.raises(NotFound):
            await exchange.agreement_file(pair.it.node, other, road.case, digest)
        with pytest.raises(NotFound):
            await exchange.render_agreement(pair.it.node, other, road.case, digest, "en", "text")

    run(play())


def test_the_same_acceptance_again_gets_the_same_answer(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        proposal = await road.propose()
        acceptance = await road.acceptance(pair.ro, proposal)
        waits = await exchange.send(pair.ro.node, pair.ro.officer, acceptance)
        assert await exchange.send(pair.ro.node, pair.ro.officer, acceptance) == waits
        first = await pair.ro.sign(acceptance)
        await pair.settle()
        assert await exchange.send(pair.ro.node, pair.ro.officer, acceptance) == first

    run(play())


# -- other bytes, other keys


async def draft_of(
    road: Road, side: Side, version: Accepted, *, key: LocalSigningKey, payload: bytes | None = None
) -> Draft:
    """An acceptance that `key` co-signed, whatever it signed."""
    other = road.pair.ro if side is road.pair.it else road.pair.it
    return Draft(
        id=MessageId(str(uuid.uuid4())),
        type="durable-solution.acceptance",
        case=road.case,
        thread=version.thread,
        in_reply_to=version.id,
        sender=side.office,
        recipient=other.office,
        coded={
            "agreement": await road.agreement_digest(version, side),
            "signature": sign(payload or await payload_of(side, version), key),
        },
        declares_no_danger=True,
        vocabulary=RELEASE,
        recipient_entry=road.pair.world.directory.authority(other.office).digest,
    )


async def signed_by_agency(
    road: Road, side: Side, version: Accepted, *, key: LocalSigningKey, payload: bytes | None = None
) -> SignedSubmission:
    signed = sign_content(
        await draft_of(road, side, version, key=key, payload=payload),
        key=road.pair.world.signing[side.office],
        issued_at=road.pair.clock.now(),
        random_bytes=os.urandom,
    )
    return SignedSubmission(statement=signed.statement.token, narrative=None, identity=None)


async def put_on_the_wire(
    road: Road, version: Accepted, *, key: LocalSigningKey, payload: bytes | None = None
) -> Outcome:
    """Italy's node, which checks nothing today, sends its acceptance to Romania's."""
    pair = road.pair
    draft = await draft_of(road, pair.it, version, key=key, payload=payload)
    signed = sign_content(
        draft,
        key=pair.world.signing[IT_FOCAL_POINT],
        issued_at=pair.clock.now(),
        random_bytes=os.urandom,
    )
    letter = Letter(
        row=1,
        kind="content",
        peer=pair.ro.node.code,
        message_id=draft.id,
        attempts=0,
        token=signed.statement.token,
        sender=draft.sender,
        recipient=draft.recipient,
    ).numbered(draft.id, "1", 1)
    envelope = seal(
        pair.it.node, pair.ro.node.code, [letter], directory=pair.world.directory, now=pair.clock.now()
    )
    (outcome,) = await pair.ro.receive(envelope.data)
    assert isinstance(outcome, Outcome)
    return outcome


def retired(pair: Pair) -> LocalSigningKey:
    """Italy's key until two days ago; it has another one now."""
    old = pair.world.signing[IT_FOCAL_POINT]
    pair.world.rotate(IT_FOCAL_POINT, "it.servizio-minori-2")
    for _ in range(2):
        pair.world.wait(days=1)
        pair.world.refresh()
    pair.clock.pass_by(days=2)
    return old


WRONG = {
    "over other bytes": "agreement.signature",
    "by the other State": "statement.unknown_key",
    "by another authority of the same State": "statement.unknown_key",
    "by a retired key": "statement.key_not_valid",
}


async def wrong_signature(road: Road, how: str) -> Json:
    pair = road.pair
    match how:
        case "over other bytes":
            other = await payload_of(pair.it, road.said["proposal"])
            return {"key": pair.world.signing[IT_FOCAL_POINT], "payload": other}
        case "by the other State":
            return {"key": pair.world.signing[RO_FOCAL_POINT]}
        case "by another authority of the same State":
            return {"key": pair.world.signing[IT_LOCAL]}
        case _:
            return {"key": retired(pair)}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_cosignature_is_refused_before_it_is_sent_and_again_when_it_came(
    pair: Pair, how: str
) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        proposal = await road.propose()
        counter = await road.propose("counter", side=pair.ro, in_reply_to=proposal)
        wrong = await wrong_signature(road, how)
        with pytest.raises(NotAcceptable) as caught:
            await exchange.send(
                pair.it.node, pair.it.supervisor, await signed_by_agency(road, pair.it, counter, **wrong)
            )
        assert caught.value.code == WRONG[how]
        outcome = await put_on_the_wire(road, counter, **wrong)
        assert (outcome.disposition, outcome.code) == ("refused", WRONG[how])
        for side in (pair.it, pair.ro):
            assert await side.rows("select id from message where type like '%acceptance'") == []
        right = await put_on_the_wire(road, counter, key=pair.world.signing[IT_FOCAL_POINT])
        assert right.disposition == "consigned"

    run(play())


def test_an_agencys_own_acceptance_brings_its_own_cosignature(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        proposal = await road.propose()
        key = pair.world.signing[IT_FOCAL_POINT]
        draft = await draft_of(road, pair.it, proposal, key=key)
        bare = dataclasses.replace(draft, coded={"agreement": draft.coded["agreement"]})
        signed = sign_content(bare, key=key, issued_at=pair.clock.now(), random_bytes=os.urandom)
        with pytest.raises(NotAcceptable) as caught:
            await exchange.send(
                pair.it.node,
                pair.it.supervisor,
                SignedSubmission(statement=signed.statement.token, narrative=None, identity=None),
            )
        assert (caught.value.code, caught.value.field) == ("message.field", "/coded/signature")
        own = await signed_by_agency(road, pair.it, proposal, key=key)
        accepted = await pair.it.sign(own)
        await pair.settle()
        assert await status(pair.it, accepted.id) == ("consigned", None)

    run(play())


# -- in words, over the API, on the command line


@pytest.mark.parametrize("language", ["en", "fr", "es", "pt", "ru", "ar", "zh"])
def test_an_agreement_is_read_in_every_language(pair: Pair, language: str) -> None:
    async def play() -> None:
        road, _, digest = await agreed(pair)
        asking = (pair.ro.node, pair.ro.officer, road.case, digest, language)
        rendering = await exchange.render_agreement(*asking, "text")
        text = rendering.content.decode()
        assert rendering.language == language
        assert digest in text
        for party in (IT_FOCAL_POINT, RO_FOCAL_POINT):
            assert party in text
            assert pair.world.signing[party].kid in text
        for code in ("return/to-other-family", "kinship-care", "risk_assessment", "both-states"):
            assert code not in text
        html = (await exchange.render_agreement(*asking, "html")).content.decode()
        assert f'lang="{language}"' in html
        pdf = await exchange.render_agreement(*asking, "pdf")
        assert pdf.content.startswith(b"%PDF-")

    run(play())


def test_the_api_serves_the_file_and_its_words_and_the_command_line_verifies_it(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> tuple[bytes, str]:
        road, _, digest = await agreed(pair)
        node = pair.it.node
        token = mint(
            TOKEN_KEY,
            node=node.code,
            person="officer-1",
            role=Role.CASE_OFFICER,
            authorities=[pair.it.office],
            now=node.clock.now(),
            random_bytes=os.urandom,
        )
        served = build_api(
            node,
            exchange=exchange,
            tokens=TokenVerifier(node=node.code, keys={TOKEN_KEY.kid: TOKEN_KEY.public}),
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(served),
            base_url="http://node.example",
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            where = f"/v1/cases/{road.case}/agreements/{digest}"
            file = await client.get(where)
            assert file.status_code == 200
            assert file.headers["content-type"] == "application/vnd.focalpoint.evidence+json"
            words = await client.get(f"{where}/rendering", params={"lang": "fr", "format": "html"})
            assert words.status_code == 200
            assert words.headers["content-language"] == "fr"
            unknown = await client.get(f"/v1/cases/{road.case}/agreements/{'A' * 43}")
            assert unknown.status_code == 404
            version = await client.get(f"/v1/messages/{road.said['counter'].id}")
            assert version.json()["agreement_digest"] == digest
            document = await client.get(f"/v1/messages/{road.said['child_views'].id}")
            assert "agreement_digest" not in document.json()
        return file.content, digest

    data, digest = asyncio.run(play())
    whole, altered = tmp_path / "agreement.json", tmp_path / "altered.json"
    whole.write_bytes(data)
    document = json.loads(data)
    document["agreement"]["signatures"].reverse()
    altered.write_bytes(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())
    arguments = ["--charter-digest", pair.world.charter_digest]
    good = CliRunner().invoke(app, ["agreement", "verify", str(whole), *arguments])
    assert good.exit_code == 0, good.output
    assert digest in good.output
    for party in (IT_FOCAL_POINT, RO_FOCAL_POINT):
        assert party in good.output
    assert "rests_on/child_views" in good.output
    bad = CliRunner().invoke(app, ["agreement", "verify", str(altered), *arguments])
    assert bad.exit_code == 1
    assert "agreement/signatures/0" in bad.output
