"""Opening: each step refuses what it is there for, with the right consequence, and nothing slips between."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import base64url, opening
from protocol.content import SignedContent
from protocol.directory import Directory
from protocol.envelope import Envelope, Outgoing, SealedHeader
from protocol.errors import CannotOpen, NotAcceptable, Refused, Unauthenticated
from protocol.identifiers import Address, MessageId, NodeCode
from protocol.json_strict import dumps
from protocol.limits import Limits
from protocol.opening import Opened
from protocol.sealing import SealingPrivateKey, seal
from protocol.statements import LocalSigningKey, StatementType, digest, issue, read, sign
from tests.protocol.sample_directory import (
    IT,
    IT_FOCAL_POINT,
    IT_LOCAL,
    NOW,
    RO,
    RO_FOCAL_POINT,
    World,
    node_facts,
    sample_directory,
    seeded_key,
)
from tests.protocol.sample_envelopes import (
    AUTHORITY_KEY,
    DRAFT,
    IT_KEY,
    MESSAGE,
    RO_CONTENT,
    RO_IDENTITY,
    HeldKeys,
    clear_header,
    envelope,
    outgoing_content,
    receipt,
    signed_content,
)

OTHER = MessageId("00000000-0000-4000-8000-000000000001")
DIRECTORY = sample_directory().directory
ENVELOPE = envelope()


def procedure_of(message_type: str) -> str | None:
    return None if message_type == "accept" else message_type.partition(".")[0]


def opened(
    made: Envelope | bytes = ENVELOPE,
    *,
    me: NodeCode = RO,
    now: datetime = NOW,
    directory: Directory = DIRECTORY,
    keys: HeldKeys = HeldKeys(),  # noqa: B008 - frozen
) -> Opened:
    data = made if isinstance(made, bytes) else made.data
    authentic = opening.authenticate(data, directory=directory, me=me, now=now)
    return opening.open_envelope(
        authentic, keys=keys, directory=directory, now=now, procedure_of=procedure_of
    )


def refusal_of(made: Envelope | bytes, kind: type[Refused], **more: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        opened(made, **more)
    assert type(refusal.value) is kind, refusal.value
    return refusal.value


def test_what_an_authority_said_is_opened() -> None:
    found = opened()
    assert found.kind == "content"
    assert found.content is not None
    assert found.signed == signed_content()
    for name in DRAFT.__dataclass_fields__:
        assert getattr(found.content, name) == getattr(DRAFT, name), name
    assert found.header == ENVELOPE.header
    assert found.manifest == ENVELOPE.manifest
    assert found.identity_key_kid == RO_IDENTITY.kid


def test_the_same_statement_enveloped_afresh_is_the_same_statement() -> None:
    later = NOW + timedelta(days=3)
    again = opened(envelope(clear=clear_header(sent_at=later, sequence=9)), now=later)
    assert again.signed == opened().signed
    assert again.manifest.digest != opened().manifest.digest


def test_receipts_share_an_envelope() -> None:
    tokens = (
        receipt(),
        receipt(number=2),
        receipt(IT_FOCAL_POINT, AUTHORITY_KEY, kind="content-retrieved"),
    )
    found = opened(envelope(outgoing=Outgoing(kind="evidence", id=MESSAGE, statements=tokens)))
    assert found.kind == "evidence"
    assert tuple(one.token for one in found.evidence) == tokens
    assert (found.content, found.signed, found.reconciliation, found.identity_key_kid) == (None,) * 4


def test_a_reconciliation_is_opened() -> None:
    token = sign(StatementType.RECONCILIATION, {"iss": "it", "iat": int(NOW.timestamp())}, IT_KEY)
    unnumbered = clear_header(sequence=0)
    made = Outgoing(kind="reconciliation", id=MESSAGE, statements=(token,))
    found = opened(envelope(outgoing=made, clear=unnumbered))
    assert found.reconciliation is not None
    assert found.reconciliation.token == token
    assert refusal_of(envelope(outgoing=made), CannotOpen).code == "opening.header_mismatch"


def test_content_without_a_number_is_not_opened() -> None:
    unnumbered = clear_header(sequence=0)
    assert refusal_of(envelope(clear=unnumbered), CannotOpen).code == "opening.header_mismatch"


# Steps 1 to 6: who sent these bytes? Nobody is answered.


def test_step_3_an_envelope_for_another_node_is_not_ours() -> None:
    assert refusal_of(ENVELOPE, Unauthenticated, me=IT).code == "opening.not_for_us"


@pytest.mark.parametrize(
    ("age", "code"),
    [
        pytest.param(timedelta(minutes=-5), None, id="five minutes ahead"),
        pytest.param(timedelta(minutes=-5, seconds=-1), "opening.from_the_future", id="further ahead"),
        pytest.param(timedelta(days=15), None, id="fifteen days old"),
        pytest.param(timedelta(days=15, seconds=1), "opening.too_old", id="older"),
    ],
)
def test_step_4_an_envelope_is_fresh(age: timedelta, code: str | None) -> None:
    authenticate = lambda: opening.authenticate(  # noqa: E731
        ENVELOPE.data, directory=DIRECTORY, me=RO, now=NOW + age
    )
    if code is None:
        assert authenticate().header == ENVELOPE.header
        return
    with pytest.raises(Unauthenticated) as refusal:
        authenticate()
    assert refusal.value.code == code


def test_step_5_a_node_that_the_directory_does_not_know_is_nobody() -> None:
    stranger = seeded_key("fr-node-1")
    made = envelope(clear=clear_header(sender=NodeCode("fr")), node_key=stranger)
    assert refusal_of(made, Unauthenticated).code == "statement.unknown_key"


def test_step_5_one_nodes_key_is_not_anothers() -> None:
    made = envelope(node_key=seeded_key("ro-node-1"))
    assert refusal_of(made, Unauthenticated).code == "statement.unknown_key"


def test_step_5_an_authoritys_key_signs_no_manifest() -> None:
    assert refusal_of(envelope(node_key=AUTHORITY_KEY), Unauthenticated).code == "statement.unknown_key"


def test_step_5_a_suspended_members_node_is_nobody() -> None:
    world = sample_directory()
    world.wait(hours=1)
    world.admit("it", nodes=("it",), suspended=True)
    world.refresh()
    refusal = refusal_of(ENVELOPE, Unauthenticated, directory=world.directory, now=world.now)
    assert refusal.code == "directory.suspended"


def test_step_5_mail_queued_across_a_rotation_still_opens() -> None:
    world = sample_directory()
    world.wait(days=1)
    world.rotate("it", "it-node-2")
    world.rotate(IT_FOCAL_POINT, f"{IT_FOCAL_POINT}-2")
    world.refresh()
    assert opened(directory=world.directory, now=world.now).kind == "content"
    late = envelope(clear=clear_header(sent_at=world.now + timedelta(hours=1)))
    refusal = refusal_of(late, Unauthenticated, directory=world.directory, now=world.now + timedelta(hours=1))
    assert refusal.code == "statement.key_not_valid"


def test_step_6_a_manifest_that_another_key_signed_is_refused() -> None:
    forged = envelope(node_key=LocalSigningKey.from_seed(IT_KEY.kid, bytes(32)))
    assert refusal_of(forged, Unauthenticated).code == "statement.signature"


def test_step_6_parts_of_another_envelope_do_not_fit() -> None:
    other = json.loads(envelope().data)
    for name in ENVELOPE.parts:
        body = json.loads(ENVELOPE.data)
        body["parts"][name] = other["parts"][name]
        assert refusal_of(dumps(body), Unauthenticated).code == "opening.part_digest"


def test_step_6_parts_that_changed_places_are_refused() -> None:
    body = json.loads(ENVELOPE.data)
    parts = body["parts"]
    parts["header"], parts["statement"] = parts["statement"], parts["header"]
    assert refusal_of(dumps(body), Unauthenticated).code == "opening.part_digest"


# Steps 7 to 12: what is in it? The peer learns `cannot_open`.


def altered(
    *, header_digest: bytes = ENVELOPE.header_digest, key: SealingPrivateKey = RO_CONTENT, **plain: bytes
) -> Envelope:
    """What a dishonest node can do: seal what it likes and sign a manifest over it."""
    parts = dict(ENVELOPE.parts)
    for name, part in plain.items():
        parts[name] = seal(part, to=key.public, header_digest=header_digest)
    return signed_again(parts)


def signed_again(parts: dict[str, bytes], header: bytes | None = None) -> Envelope:
    claims = dict(ENVELOPE.manifest.claims)
    if header is not None:
        claims["header"] = base64url.encode(header).decode()
    claims["parts"] = {name: {"sha256": digest(part), "size": len(part)} for name, part in parts.items()}
    manifest = issue(StatementType.MANIFEST, claims, IT_KEY)
    text = {name: part.decode() for name, part in parts.items()}
    return replace(
        ENVELOPE, data=dumps({"manifest": manifest.token, "parts": text}), manifest=manifest, parts=parts
    )


def sealed_header(**changes: Any) -> bytes:
    header = SealedHeader(
        kind="content",
        id=MESSAGE,
        sender=DRAFT.sender,
        recipient=DRAFT.recipient,
        statements=(signed_content().statement.digest,),
    )
    return replace(header, **changes).to_bytes()


def test_a_node_that_seals_the_same_again_is_understood() -> None:
    assert opened(altered(header=sealed_header())).content == opened().content


@pytest.mark.parametrize("purpose", ["content", "identity"])
def test_step_7_a_key_that_was_destroyed_is_answered_with_the_current_one(purpose: str) -> None:
    kept = {"content": RO_IDENTITY, "identity": RO_CONTENT}[purpose]
    refusal = refusal_of(ENVELOPE, CannotOpen, keys=HeldKeys(keys={kept.kid: kept}))
    assert refusal.code == "sealing.unknown_key"
    assert refusal.facts == {"current_kid": f"ro-{purpose}-2", "purpose": purpose}


def test_step_7_the_suite_in_clear_is_the_keys() -> None:
    header = json.loads(ENVELOPE.header.to_bytes()) | {"suite": "HPKE-3-KE"}
    made = signed_again(dict(ENVELOPE.parts), dumps(header))
    assert refusal_of(made, CannotOpen).code == "sealing.suite"


@pytest.mark.parametrize("part", ["header", "statement", "narrative"])
def test_step_7_only_identity_has_a_key_of_its_own(part: str) -> None:
    made = altered(key=RO_IDENTITY, **{part: b"x"})
    assert refusal_of(made, CannotOpen).code == "sealing.wrong_key"


def test_step_7_a_part_sealed_for_another_clear_header_does_not_open() -> None:
    made = altered(header_digest=bytes(32), header=sealed_header())
    assert refusal_of(made, CannotOpen).code == "sealing.not_opened"


def test_step_7_parts_put_under_another_clear_header_do_not_open() -> None:
    header = json.loads(ENVELOPE.header.to_bytes()) | {"id": OTHER}
    assert (
        refusal_of(signed_again(dict(ENVELOPE.parts), dumps(header)), CannotOpen).code == "sealing.not_opened"
    )


@pytest.mark.parametrize(
    ("plain", "code"),
    [
        pytest.param({"header": b"x"}, "json.malformed", id="no header"),
        pytest.param({"header": b"x" * 5000}, "content.too_large", id="an endless header"),
        pytest.param({"header": b"{}"}, "envelope.sealed_header", id="an empty header"),
        pytest.param({"header": sealed_header(id=OTHER)}, "opening.header_mismatch", id="another message id"),
        pytest.param(
            {"header": sealed_header(kind="evidence", sender=None, recipient=None)},
            "opening.unexpected_part",
            id="receipts with a narrative",
        ),
        pytest.param(
            {"header": sealed_header(statements=("d" * 43,))}, "opening.statement_digest", id="unlisted"
        ),
        pytest.param({"statement": b"a.b.c"}, "opening.statement_digest", id="another statement"),
        pytest.param(
            {"statement": signed_content().statement.token.encode() + b"\n"},
            "opening.statement_digest",
            id="a line more",
        ),
        pytest.param(
            {"header": sealed_header(sender=IT_LOCAL)}, "opening.header_mismatch", id="another sender named"
        ),
        pytest.param(
            {"header": sealed_header(recipient=RO_FOCAL_POINT)},
            "opening.header_mismatch",
            id="another recipient named",
        ),
        pytest.param(
            {"narrative": b'{"salt":"x","blocks":[]}'}, "content.part_digest", id="another narrative"
        ),
    ],
)
def test_steps_8_to_12_what_the_parts_say_fits_together(plain: dict[str, bytes], code: str) -> None:
    assert refusal_of(altered(**plain), CannotOpen).code == code


def test_step_8_a_receipt_has_one_id_in_clear_and_sealed() -> None:
    # For content step 10 would notice as well; a receipt has nothing else that names the envelope.
    digests = (digest(receipt().encode()),)
    plain = {
        "header": sealed_header(kind="evidence", id=OTHER, sender=None, recipient=None, statements=digests),
        "statement": receipt().encode(),
    }
    parts = {
        name: seal(part, to=RO_CONTENT.public, header_digest=ENVELOPE.header_digest)
        for name, part in plain.items()
    }
    assert refusal_of(signed_again(parts), CannotOpen).code == "opening.header_mismatch"


def test_step_8_everything_but_a_reconciliation_is_numbered() -> None:
    token = sign(StatementType.RECONCILIATION, {"iss": "it", "iat": int(NOW.timestamp())}, IT_KEY)
    for made in (
        envelope(clear=clear_header(sequence=0)),
        envelope(
            outgoing=Outgoing(kind="evidence", id=MESSAGE, statements=(receipt(),)),
            clear=clear_header(sequence=0),
        ),
        envelope(outgoing=Outgoing(kind="reconciliation", id=MESSAGE, statements=(token,))),
    ):
        assert refusal_of(made, CannotOpen).code == "opening.header_mismatch"


def test_step_9_a_statement_of_another_kind_is_no_content() -> None:
    token = sign(StatementType.EVIDENCE, signed_content().statement.claims, AUTHORITY_KEY)
    made = envelope(outgoing=outgoing_content(statements=(token,)))
    assert refusal_of(made, CannotOpen).code == "statement.wrong_type"


def content_with(key: LocalSigningKey = AUTHORITY_KEY, **claims: Any) -> Envelope:
    """Content whose signed claims are changed and whose envelope is as honest as it can be."""
    written = signed_content()
    statement = issue(StatementType.CONTENT, {**written.statement.claims, **claims}, key)
    signed = SignedContent(statement=statement, narrative=written.narrative, identity=written.identity)
    draft = replace(
        DRAFT,
        sender=claims.get("iss", DRAFT.sender),
        recipient=claims.get("aud", DRAFT.recipient),
    )
    return envelope(outgoing=outgoing_content(draft, signed=signed))


def test_step_10_a_statement_to_somebody_else_is_not_forwarded_in_secret() -> None:
    # The recipient of a genuine statement envelopes it for a third party as if it were addressed there.
    made = envelope(outgoing=outgoing_content(recipient=RO_FOCAL_POINT))
    assert refusal_of(made, CannotOpen).code == "opening.header_mismatch"


def test_step_10_an_old_statement_is_not_replayed_under_a_new_id() -> None:
    made = envelope(outgoing=outgoing_content(id=OTHER), clear=clear_header(id=OTHER))
    assert refusal_of(made, CannotOpen).code == "opening.header_mismatch"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        pytest.param(
            seeded_key(f"{IT_LOCAL}-1"), "statement.unknown_key", id="another authority of the State"
        ),
        pytest.param(seeded_key(f"{RO_FOCAL_POINT}-1"), "statement.unknown_key", id="another State"),
        pytest.param(IT_KEY, "statement.unknown_key", id="its own node"),
        pytest.param(
            LocalSigningKey.from_seed(AUTHORITY_KEY.kid, bytes(32)), "statement.signature", id="a forger"
        ),
    ],
)
def test_step_11_nobody_signs_for_an_authority_but_itself(key: LocalSigningKey, code: str) -> None:
    assert refusal_of(content_with(key), CannotOpen).code == code


def test_step_11_content_is_an_authoritys_alone() -> None:
    made = content_with(IT_KEY, iss="it")
    # `it` is no address: the sealed header does not even read.
    assert refusal_of(made, CannotOpen).code == "envelope.sealed_header"


def test_step_11_a_key_from_before_its_time_does_not_count() -> None:
    made = content_with(iat=int((NOW - timedelta(days=31)).timestamp()))
    assert refusal_of(made, CannotOpen).code == "statement.key_not_valid"


@pytest.mark.parametrize("part", ["narrative", "identity"])
def test_step_12_a_bound_part_that_did_not_come_is_missed(part: str) -> None:
    made = envelope(outgoing=outgoing_content(**{part: None}))
    assert refusal_of(made, CannotOpen).code == "content.part_missing"


# Steps 13 to 16: may it be said? The peer learns the code.


def test_step_13_an_unknown_claim_is_kept() -> None:
    found = opened(content_with(carrier="air"))
    assert found.content is not None
    assert found.content.unknown == {"carrier": "air"}


def test_step_13_an_unknown_critical_claim_is_refused() -> None:
    refusal = refusal_of(content_with(crit=["carrier"], carrier="air"), NotAcceptable)
    assert refusal.code == "content.critical"


@pytest.mark.parametrize("kind", ["content", "evidence"])
def test_step_13_an_unknown_critical_member_of_the_clear_header_is_refused(kind: str) -> None:
    clear = clear_header(version="1.1", unknown={"lane": "fast"}, critical=("lane",))
    outgoing = None if kind == "content" else Outgoing(kind="evidence", id=MESSAGE, statements=(receipt(),))
    made = envelope(clear=clear, outgoing=outgoing)
    assert refusal_of(made, NotAcceptable).code == "envelope.critical"
    assert opened(envelope(clear=replace(clear, critical=()), outgoing=outgoing)).header.unknown == {
        "lane": "fast"
    }


def test_step_13_a_claim_of_another_shape_is_named() -> None:
    refusal = refusal_of(content_with(urgency="whenever"), NotAcceptable)
    assert (refusal.code, refusal.field) == ("content.malformed", "/urgency")


def test_step_14_content_is_not_dated_ahead() -> None:
    refusal = refusal_of(content_with(iat=int((NOW + timedelta(minutes=6)).timestamp())), NotAcceptable)
    assert refusal.code == "opening.from_the_future"


def test_step_15_a_recipient_whom_we_do_not_serve_is_refused() -> None:
    # Romania's node is the addressee; the authority is Italy's own.
    made = content_with(aud=IT_LOCAL)
    assert refusal_of(made, NotAcceptable).code == "opening.not_served_here"


def test_step_15_an_unknown_recipient_is_refused() -> None:
    made = content_with(aud=Address("ro.nobody"))
    assert refusal_of(made, NotAcceptable).code == "directory.unknown_authority"


def world_with(change: Callable[[World], None]) -> Directory:
    world = sample_directory()
    change(world)
    return world.refresh()


def with_france(world: World) -> None:
    world.admit("fr", nodes=("fr",))
    world.publish(node_facts(world, "fr", "fr"))


def with_second_italian_node(world: World) -> None:
    world.admit("it", nodes=("it", "it-new"))
    world.publish(node_facts(world, "it-new", "it"))


def with_two_bodies(world: World) -> None:
    for member in ("int-alpha", "int-beta"):
        world.admit(member, nodes=(member,), authorities=(member.replace("-", "."),))
        world.publish(node_facts(world, member, "int"), member=member)
    key = world.signing["int.alpha"] = seeded_key("int.alpha-1")
    focal_point = world.authority(IT_FOCAL_POINT)
    world.publish(
        replace(
            focal_point,
            address=Address("int.alpha"),
            state=node_facts(world, "int-alpha", "int").state,
            jurisdiction=("INT",),
            node=NodeCode("int-alpha"),
            signing_keys=(world.record(key),),
        ),
        member="int-alpha",
    )


def test_step_15_a_node_of_another_state_does_not_speak_for_an_authority() -> None:
    made = envelope(clear=clear_header(sender=NodeCode("fr")), node_key=seeded_key("fr-node-1"))
    assert refusal_of(made, NotAcceptable, directory=world_with(with_france)).code == "opening.wrong_node"


def test_step_15_another_node_of_the_same_state_may_carry_its_mail() -> None:
    made = envelope(clear=clear_header(sender=NodeCode("it-new")), node_key=seeded_key("it-new-node-1"))
    assert opened(made, directory=world_with(with_second_italian_node)).kind == "content"


def test_step_15_international_bodies_do_not_speak_for_one_another() -> None:
    directory = world_with(with_two_bodies)
    draft = replace(DRAFT, sender=Address("int.alpha"))
    outgoing = outgoing_content(draft, signed=signed_content(draft, key=seeded_key("int.alpha-1")))
    own = clear_header(sender=NodeCode("int-alpha"))
    assert opened(
        envelope(outgoing=outgoing, clear=own, node_key=seeded_key("int-alpha-node-1")), directory=directory
    )
    others = clear_header(sender=NodeCode("int-beta"))
    made = envelope(outgoing=outgoing, clear=others, node_key=seeded_key("int-beta-node-1"))
    assert refusal_of(made, NotAcceptable, directory=directory).code == "opening.wrong_node"


def from_local_office(message_type: str) -> Envelope:
    draft = replace(DRAFT, sender=IT_LOCAL, type=message_type)
    key = seeded_key(f"{IT_LOCAL}-1")
    return envelope(outgoing=outgoing_content(draft, signed=signed_content(draft, key=key)))


def test_step_16_a_local_office_cannot_bind_its_state_beyond_its_competence() -> None:
    assert opened(from_local_office("guardian.notice")).kind == "content"
    assert opened(from_local_office("accept")).kind == "content"
    refusal = refusal_of(from_local_office("social-inquiry.request"), NotAcceptable)
    assert refusal.code == "opening.not_competent"


# Evidence and reconciliation.


@pytest.mark.parametrize(
    ("token", "kind", "code"),
    [
        pytest.param(
            receipt("ro", seeded_key("ro-node-1")), CannotOpen, "opening.signer", id="another node's receipt"
        ),
        pytest.param(
            receipt("it", AUTHORITY_KEY), CannotOpen, "statement.unknown_key", id="an authority's key"
        ),
        pytest.param(
            receipt(RO_FOCAL_POINT, seeded_key(f"{RO_FOCAL_POINT}-1")),
            NotAcceptable,
            "opening.wrong_node",
            id="another State's authority",
        ),
        pytest.param(receipt(iat="now"), CannotOpen, "opening.signer", id="no date"),
        pytest.param(receipt(iss=1), CannotOpen, "opening.signer", id="no signer"),
    ],
)
def test_a_receipt_by_somebody_else_is_refused(token: str, kind: type[Refused], code: str) -> None:
    made = envelope(outgoing=Outgoing(kind="evidence", id=MESSAGE, statements=(receipt(), token)))
    assert refusal_of(made, kind).code == code


def test_an_authority_does_not_reconcile() -> None:
    claims = {"iss": IT_FOCAL_POINT, "iat": int(NOW.timestamp())}
    token = sign(StatementType.RECONCILIATION, claims, AUTHORITY_KEY)
    made = envelope(
        outgoing=Outgoing(kind="reconciliation", id=MESSAGE, statements=(token,)),
        clear=clear_header(sequence=0),
    )
    assert refusal_of(made, CannotOpen).code == "opening.signer"


# A statement that an agency has signed itself.


def check(token: str) -> str:
    unverified = read(token, typ=StatementType.CONTENT)
    return opening.check_content(unverified, directory=DIRECTORY, now=NOW, procedure_of=procedure_of).digest


def test_a_finished_statement_is_checked_before_it_is_sent() -> None:
    assert check(signed_content().statement.token) == signed_content().statement.digest


@pytest.mark.parametrize(
    ("key", "claims", "code"),
    [
        pytest.param(IT_KEY, {}, "statement.unknown_key", id="signed by its node"),
        pytest.param(IT_KEY, {"iss": "it"}, "content.malformed", id="a node's own"),
        pytest.param(
            AUTHORITY_KEY, {"iat": int(NOW.timestamp()) + 301}, "opening.from_the_future", id="ahead"
        ),
        pytest.param(AUTHORITY_KEY, {"type": 7}, "content.malformed", id="no type"),
        pytest.param(
            seeded_key(f"{IT_LOCAL}-1"), {"iss": IT_LOCAL}, "opening.not_competent", id="competence"
        ),
    ],
)
def test_a_finished_statement_is_refused(key: LocalSigningKey, claims: dict[str, Any], code: str) -> None:
    token = sign(StatementType.CONTENT, {**signed_content().statement.claims, **claims}, key)
    with pytest.raises(NotAcceptable) as refusal:
        check(token)
    assert refusal.value.code == code


# Anything else.


def test_every_changed_byte_is_refused() -> None:
    data = ENVELOPE.data
    manifest = range(data.index(b'"parts":'))
    structure = {at + step for at in range(len(data)) if data[at] in b'{}",:\\' for step in (0, 1)}
    for position in sorted({*manifest, *range(0, len(data), 5), *structure, len(data) - 1} - {len(data)}):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(Unauthenticated):
            opening.authenticate(bytes(changed), directory=DIRECTORY, me=RO, now=NOW)


@settings(max_examples=150)
@given(st.integers(0, len(ENVELOPE.data) - 1), st.integers(0, 40), st.binary(max_size=20))
def test_arbitrary_mutations_raise_nothing_but_refused(at: int, length: int, instead: bytes) -> None:
    with contextlib.suppress(Refused):
        opened(ENVELOPE.data[:at] + instead + ENVELOPE.data[at + length :])


@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_are_quarantined(data: bytes) -> None:
    with pytest.raises(Unauthenticated):
        opening.authenticate(data, directory=DIRECTORY, me=RO, now=NOW)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=60)
@given(st.sampled_from(["header", "statement", "narrative"]), st.binary(max_size=200) | anything.map(dumps))
def test_an_authentic_node_can_seal_anything_and_raises_nothing_but_refused(part: str, plain: bytes) -> None:
    with pytest.raises(CannotOpen):
        opened(altered(**{part: plain}))


@settings(max_examples=60)
@given(st.sampled_from(sorted(signed_content().statement.claims)), anything)
def test_an_authentic_authority_can_sign_anything_and_raises_nothing_but_refused(
    claim: str, value: Any
) -> None:
    if claim in ("iss", "aud", "jti"):
        return
    with contextlib.suppress(Refused):
        opened(content_with(**{claim: value}))


def test_limits_are_those_of_the_node() -> None:
    authentic = opening.authenticate(ENVELOPE.data, directory=DIRECTORY, me=RO, now=NOW)
    with pytest.raises(CannotOpen) as refusal:
        opening.open_envelope(
            authentic,
            keys=HeldKeys(),
            directory=DIRECTORY,
            now=NOW,
            procedure_of=procedure_of,
            limits=Limits(narrative=10),
        )
    assert refusal.value.code == "content.too_large"
