"""An intermediary speaks for a State within its mandate, under its own name, and binds nobody.

Claims about bytes: an envelope is made as the intermediary's node (or a liar at it) would make it, and opened
as the counterpart's node does.
"""

from __future__ import annotations

import dataclasses
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from protocol import conversations, opening
from protocol.attachments import AttachmentClaim
from protocol.bundle import BundleMessage, export_bundle, verify_bundle
from protocol.content import Content, Draft, NarrativeBlock, sign_content
from protocol.directory import Directory, MandateFacts
from protocol.directory.mandates import carried_by, represented, require_mandate
from protocol.envelope import ClearHeader, Outgoing, assemble
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.identifiers import Address, MessageId, NodeCode, StateCode, ThreadId, new_case_reference
from protocol.intermediary import attestation_of, check_relayed, require_may_say, require_same_original
from protocol.messages import FORMS
from protocol.sealing import SealingPrivateKey
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import IT_FOCAL_POINT, RO_FOCAL_POINT, World
from tests.protocol.sample_intermediary import (
    INT_IOM,
    IOM,
    MD,
    MD_OFFICE,
    give,
    intermediary_directory,
    mandate,
    revoke,
    take_own_node,
)

MESSAGE = MessageId("6f7b3a52-04a2-4d4c-9d0c-7a3f0e1d2c3b")
IT_STATE = StateCode("it")


@dataclasses.dataclass(frozen=True)
class Held:
    world: World
    node: str

    def sealing(self, kid: str, /) -> SealingPrivateKey | None:
        return next(
            (key for (owner, _), key in self.world.sealing.items() if owner == self.node and key.kid == kid),
            None,
        )

    def current_sealing_kid(self, purpose: str, /) -> str:
        return self.world.sealing[self.node, purpose].kid


def draft(type_: str = "social-inquiry.report", **changes: Any) -> Draft:
    given: dict[str, Any] = {
        "id": MESSAGE,
        "type": type_,
        "case": new_case_reference(lambda count: bytes(range(count))),
        "thread": ThreadId(MESSAGE),
        "sender": MD_OFFICE,
        "recipient": IT_FOCAL_POINT,
        "via": IOM,
        "coded": dict(sample(type_).coded),
        "narrative": (NarrativeBlock(field="report", language="ro", text="Bunica o primește."),),
        "declares_no_danger": True,
        "vocabulary": "2026.11",
    }
    return Draft(**(given | changes))


def open_at_it(
    world: World,
    said: Draft,
    *,
    key: str = IOM,
    node: str = INT_IOM,
    issued_at: datetime | None = None,
    to: str = "it",
    directory: Directory | None = None,
) -> opening.Opened:
    now, directory = world.now, directory or world.directory
    signed = sign_content(said, key=world.signing[key], issued_at=issued_at or now, random_bytes=bytes)
    content_key = directory.sealing_key(NodeCode(to), "content", now)
    envelope = assemble(
        Outgoing(
            kind="content",
            id=said.id,
            sender=said.sender,
            recipient=said.recipient,
            statements=(signed.statement.token,),
            narrative=signed.narrative,
            identity=signed.identity,
        ),
        clear=ClearHeader(
            version="1.0",
            sender=NodeCode(node),
            recipient=NodeCode(to),
            id=said.id,
            sent_at=now,
            epoch="000000000001",
            sequence=1,
            suite=content_key.suite,
            key=content_key.kid,
        ),
        node_key=world.signing[node],
        sealing_key=content_key,
        identity_key=None
        if signed.identity is None
        else directory.sealing_key(NodeCode(to), "identity", now),
    )
    authentic = opening.authenticate(envelope.data, directory=directory, me=NodeCode(to), now=now)
    return opening.open_envelope(
        authentic,
        keys=Held(world, to),
        directory=directory,
        now=now,
        procedure_of=conversations.procedure_of,
    )


def refusal_of(world: World, said: Draft, kind: type[Refused] = NotAcceptable, **more: Any) -> str:
    with pytest.raises(Refused) as refused:
        open_at_it(world, said, **more)
    assert type(refused.value) is kind, refused.value
    return refused.value.code


# --- under its own name -------------------------------------------------------------------------------------


def test_what_an_intermediary_types_names_both_and_is_signed_with_its_own_key() -> None:
    world = intermediary_directory()
    opened = open_at_it(world, draft())
    assert opened.content is not None
    assert opened.signed is not None
    assert (opened.content.sender, opened.content.via) == (MD_OFFICE, IOM)
    assert opened.signed.statement.kid == world.signing[IOM].kid
    assert "via" not in opened.content.unknown


def test_without_its_name_its_signature_counts_for_nobody() -> None:
    world = intermediary_directory()
    assert refusal_of(world, draft(via=None), CannotOpen) == "statement.unknown_key"


def test_a_state_that_lists_the_intermediarys_key_as_its_own_lets_nobody_speak_unnamed() -> None:
    world = intermediary_directory()
    stolen = world.record(world.signing[IOM])
    world.publish(dataclasses.replace(world.authority(MD_OFFICE), signing_keys=(stolen,)))
    world.refresh()
    assert refusal_of(world, draft(via=None), CannotOpen) == "intermediary.unnamed"


def test_nobody_names_an_intermediary_and_signs_with_another_key() -> None:
    world = intermediary_directory()
    for key in (MD_OFFICE, RO_FOCAL_POINT, INT_IOM):
        assert refusal_of(world, draft(), CannotOpen, key=key) == "statement.unknown_key"


def test_a_states_own_signature_is_its_own_word_and_only_carried() -> None:
    world = intermediary_directory()
    opened = open_at_it(world, draft(via=None), key=MD_OFFICE)
    assert opened.content is not None
    assert opened.content.via is None
    revoke(world)
    assert refusal_of(world, draft(via=None), key=MD_OFFICE) == "mandate.revoked"


def test_a_state_with_a_node_is_spoken_for_by_nobody() -> None:
    world = intermediary_directory()
    assert refusal_of(world, draft(sender=RO_FOCAL_POINT)) == "opening.wrong_node"
    said = draft(sender=RO_FOCAL_POINT)
    assert refusal_of(world, said, node="ro") == "intermediary.own_node"


def test_another_body_at_another_node_is_no_intermediary_for_it() -> None:
    world = intermediary_directory()
    said = draft(via=RO_FOCAL_POINT)
    assert refusal_of(world, said, key=RO_FOCAL_POINT) == "intermediary.unknown"


# --- within a mandate ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"procedures": ("case",)}, "mandate.procedure"),
        ({"states": ("ro",)}, "mandate.state"),
        ({"intermediary": Address("int.iss")}, "mandate.none"),
        ({"parts": ("coded",)}, "mandate.part"),
    ],
)
def test_outside_the_mandate_nothing_is_said(changes: dict[str, Any], code: str) -> None:
    world = intermediary_directory()
    world.wait(hours=1)
    give(world, **changes)
    assert refusal_of(world, draft()) == code


def test_identity_is_not_typed_unless_the_state_gave_it() -> None:
    world = intermediary_directory()
    said = draft(identity={"persons": []})
    assert refusal_of(world, said) == "mandate.part"
    world.wait(hours=1)
    give(world, parts=("coded", "narrative", "identity"))
    assert open_at_it(world, said).content is not None


def test_a_mandate_counts_within_its_time_alone() -> None:
    for changes, code in (
        ({"since": timedelta(days=1), "until": timedelta(days=2)}, "mandate.not_begun"),
        ({"since": timedelta(days=-3), "until": timedelta(days=-1)}, "mandate.ended"),
    ):
        world = intermediary_directory()
        world.wait(hours=1)
        give(world, **{name: world.now + span for name, span in changes.items()})
        assert refusal_of(world, draft()) == code


def test_revoking_a_mandate_stops_also_what_was_typed_before() -> None:
    world = intermediary_directory()
    typed = world.now
    world.wait(hours=1)
    revoke(world)
    assert refusal_of(world, draft()) == "mandate.revoked"
    assert refusal_of(world, draft(), issued_at=typed) == "mandate.revoked"


def test_what_is_dated_before_the_mandate_was_given_is_refused_afterwards() -> None:
    world = intermediary_directory()
    long_ago = world.now - timedelta(days=2)
    assert refusal_of(world, draft(), issued_at=long_ago) == "mandate.not_covered"


def test_a_mandate_that_was_renewed_covers_what_was_typed_under_the_last_one() -> None:
    world = intermediary_directory()
    typed = world.now
    world.wait(hours=1)
    give(world, since=world.now, until=world.now + timedelta(days=10))
    assert open_at_it(world, draft(), issued_at=typed).content is not None


def test_what_is_dated_between_a_revocation_and_a_new_mandate_is_not_covered() -> None:
    world = intermediary_directory()
    world.wait(hours=1)
    revoke(world)
    between = world.wait(hours=1)
    world.wait(hours=1)
    give(world, since=world.now)
    assert refusal_of(world, draft(), issued_at=between) == "mandate.not_covered"


def test_a_message_to_the_state_is_opened_at_the_intermediary_within_the_mandate_alone() -> None:
    world = intermediary_directory()
    to_md = draft(
        "social-inquiry.request", sender=IT_FOCAL_POINT, recipient=MD_OFFICE, via=None, narrative=()
    )
    at_iom: dict[str, Any] = {"key": IT_FOCAL_POINT, "node": "it", "to": "int-iom"}
    assert open_at_it(world, to_md, **at_iom).content is not None
    world.wait(hours=1)
    give(world, procedures=("case",))
    assert refusal_of(world, to_md, **at_iom) == "mandate.procedure"
    revoke(world)
    assert refusal_of(world, to_md, **at_iom) == "mandate.revoked"


def test_an_authority_resolves_to_the_intermediary_only_under_a_mandate() -> None:
    world = intermediary_directory()
    asked: dict[str, Any] = {"procedure": "case", "towards": IT_STATE, "at": world.now}
    found = carried_by(world.directory, MD_OFFICE, **asked)
    assert (found.node, found.intermediary) == (INT_IOM, IOM)
    assert found.readable == {"coded", "narrative"}
    assert represented(world.directory, INT_IOM, [IOM], world.now) == {MD_OFFICE}
    assert represented(world.directory, INT_IOM, [Address("int.iss")], world.now) == frozenset()
    world.wait(hours=1)
    give(world, procedures=("identity",))
    later = asked | {"at": world.now}
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        carried_by(world.directory, MD_OFFICE, **later)
    assert carried_by(world.directory, MD_OFFICE, **later, blind=True).readable == frozenset()
    revoke(world)
    for blind in (False, True):
        with pytest.raises(NotAcceptable, match=r"mandate\.revoked"):
            carried_by(world.directory, MD_OFFICE, **later, blind=blind)
    assert represented(world.directory, INT_IOM, [IOM], world.now) == frozenset()


def test_a_state_that_takes_its_own_node_is_reached_there_and_nowhere_else() -> None:
    world = intermediary_directory()
    world.wait(hours=1)
    directory = take_own_node(world)
    found = carried_by(directory, MD_OFFICE, procedure="case", towards=IT_STATE, at=world.now)
    assert (found.node, found.intermediary) == ("md", None)
    assert refusal_of(world, draft()) == "opening.wrong_node"
    opened = open_at_it(world, draft(via=None), key=MD_OFFICE, node="md")
    assert opened.content is not None


def test_no_state_sends_its_mail_to_another_states_node() -> None:
    world = intermediary_directory()
    world.publish(dataclasses.replace(world.authority(MD_OFFICE), node=NodeCode("ro")))
    world.snapshot()
    with pytest.raises(NotAcceptable, match=r"directory\.node_not_admitted"):
        world.assemble(previous=world.directory)


def test_a_mandate_says_which_parts_and_never_leaves_the_codes_out() -> None:
    world = intermediary_directory()
    (entry,) = world.directory.mandates(at=world.now)
    assert entry.facts.parts == ("coded", "narrative")
    world.wait(hours=1)
    directory = give(world, parts=("identity", "coded"))
    (entry,) = directory.mandates(at=world.now)
    assert entry.facts.parts == ("coded", "identity")
    for parts in (("narrative",), ("coded", "everything")):
        world.publish(mandate(world, parts=parts))
        world.snapshot()
        with pytest.raises(NotAcceptable, match=r"directory\.malformed"):
            world.assemble(previous=world.directory)


# --- binding nobody -----------------------------------------------------------------------------------------

BINDING = sorted(name for name, form in FORMS.items() if form.supervised)


def test_the_forms_that_bind_are_those_that_a_second_person_signs() -> None:
    assert BINDING == ["durable-solution.acceptance", "durable-solution.revocation"]


@pytest.mark.parametrize("type_", BINDING)
def test_an_intermediary_binds_no_state(type_: str) -> None:
    world = intermediary_directory()
    said = draft(type_, narrative=(), in_reply_to=MESSAGE)
    assert refusal_of(world, said) == "intermediary.cannot_bind"
    assert open_at_it(world, dataclasses.replace(said, via=None), key=MD_OFFICE).content is not None


def test_a_form_that_nobody_here_knows_is_not_said_for_a_state() -> None:
    with pytest.raises(NotAcceptable, match=r"intermediary\.cannot_bind"):
        require_may_say("solemn-promise", IOM, MD_OFFICE, {})


def test_only_the_intermediary_attests_and_only_for_the_authority_it_types_for() -> None:
    coded = {"on_behalf_of": MD_OFFICE}
    require_may_say("relay.attestation", IOM, MD_OFFICE, coded)
    for via, sender, said in (
        (None, MD_OFFICE, coded),
        (None, IT_FOCAL_POINT, coded),
        (IOM, MD_OFFICE, {"on_behalf_of": RO_FOCAL_POINT}),
    ):
        with pytest.raises(NotAcceptable, match=r"intermediary\.attests"):
            require_may_say("relay.attestation", via, sender, said)


def test_sender_and_receiver_ask_the_same_rules() -> None:
    """What `check_relayed` refuses on one side, opening refuses on the other, by the same code."""
    world = intermediary_directory()
    world.wait(hours=1)
    for changes in ({}, {"procedures": ("case",)}, {"states": ("ro",)}):
        give(world, **changes)
        opened_code = sent_code = None
        content = None
        try:
            content = open_at_it(world, draft()).content
        except NotAcceptable as refused:
            opened_code = refused.code
        try:
            require_mandate(
                world.directory,
                state=MD,
                intermediary=IOM,
                procedure="social-inquiry",
                towards=IT_STATE,
                at=world.now,
            )
        except NotAcceptable as refused:
            sent_code = refused.code
        assert opened_code == sent_code
        if content is not None:
            check_relayed(content, procedure="social-inquiry", directory=world.directory, now=world.now)


def test_the_attestation_by_the_same_intermediary_says_how_sure_it_is() -> None:
    world = intermediary_directory()
    typed = open_at_it(world, draft()).content
    assert typed is not None
    coded = dict(sample("relay.attestation").coded) | {"attested_message": MESSAGE}
    said = draft("relay.attestation", coded=coded, narrative=(), in_reply_to=MESSAGE)
    attestation = open_at_it(world, said).content
    assert attestation is not None
    found = attestation_of(MESSAGE, [typed, attestation], by=IOM)
    assert found is not None
    assert found.authentication == "seen-and-identified"
    assert attestation_of(MESSAGE, [typed], by=IOM) is None
    assert attestation_of(MESSAGE, [attestation], by=Address("int.iss")) is None


def test_a_mandate_survives_being_written_and_read() -> None:
    world = intermediary_directory()
    facts = mandate(world, parts=("coded",))
    world.publish(facts)
    directory = world.refresh()
    (entry,) = directory.mandates(at=world.now)
    assert isinstance(entry.facts, MandateFacts)
    assert entry.facts == facts


# --- the scan of a consent on paper -------------------------------------------------------------------------

SCAN = AttachmentClaim(digest="P" * 43, chunks=1)


@pytest.mark.parametrize(
    ("changes", "attachments", "fits"),
    [
        ({"agreement": "A" * 43}, (SCAN,), True),
        ({"agreement": "A" * 43}, (AttachmentClaim(digest="E" * 43, chunks=1), SCAN), True),
        ({"agreement": "A" * 43}, (), False),
        ({"agreement": "A" * 43}, (AttachmentClaim(digest="E" * 43, chunks=1),), False),
        ({"attested_message": MESSAGE}, (AttachmentClaim(digest="E" * 43, chunks=1),), False),
        ({"attested_message": MESSAGE}, (SCAN,), True),
        ({"attested_message": MESSAGE}, (), True),
    ],
)
def test_an_attestation_comes_with_the_scan_that_it_names_or_is_not_received(
    changes: dict[str, Any], attachments: tuple[AttachmentClaim, ...], fits: bool
) -> None:
    world = intermediary_directory()
    world.wait(hours=1)
    give(world, parts=("coded", "narrative", "identity"))
    plain = dict(sample("relay.attestation").coded) | {"original_digest": SCAN.digest}
    plain.pop("attested_message")
    said = draft(
        "relay.attestation",
        coded=plain | changes,
        narrative=(),
        in_reply_to=MESSAGE,
        attachments=attachments,
    )
    if fits:
        assert open_at_it(world, said).content is not None
    else:
        assert refusal_of(world, said) == "intermediary.scan"


# --- offline ------------------------------------------------------------------------------------------------


def proven_offline(world: World, *said: Draft) -> set[tuple[str, str]]:
    """What is found in a bundle of these, all typed by the intermediary now."""
    messages = [
        BundleMessage(
            sender_node=INT_IOM,
            id=one.id,
            statement=sign_content(
                one, key=world.signing[IOM], issued_at=world.now, random_bytes=bytes
            ).statement.token,
            manifests=(),
            evidence=(),
        )
        for one in said
    ]
    bundle = export_bundle(
        exporter=INT_IOM,
        case=said[0].case,
        directory=world.directory,
        messages=messages,
        snapshots=(),
        exported_at=world.now,
        key=world.signing[INT_IOM],
    )
    report = verify_bundle(bundle, world.charter_digest, procedure_of=conversations.procedure_of)
    return {(one.code, one.where.split("/")[-1]) for one in report.findings}


NOT_COVERED = {("mandate.not_covered", "statement")}


def test_offline_the_mandate_has_to_give_procedure_state_and_parts_when_it_was_typed() -> None:
    world = intermediary_directory()
    request, other = draft("social-inquiry.request"), MessageId("11111111-1111-4111-8111-111111111111")
    # What an answer is about, only the message that opened its conversation says.
    answer = draft("accept", id=other, in_reply_to=MESSAGE, coded={}, narrative=())
    with_identity = draft(identity={"persons": []})
    assert proven_offline(world, request, answer) == set()
    assert proven_offline(world, with_identity) == NOT_COVERED
    world.wait(hours=1)
    give(world, procedures=("case",))
    assert proven_offline(world, request) == NOT_COVERED
    assert proven_offline(world, request, answer) == NOT_COVERED
    assert proven_offline(world, answer) == set(), "the conversation is not in the bundle"
    world.wait(hours=1)
    give(world, states=("ro",))
    assert proven_offline(world, draft()) == NOT_COVERED
    world.wait(hours=1)
    give(world, parts=("coded",))
    assert proven_offline(world, draft()) == NOT_COVERED
    world.wait(hours=1)
    give(world, parts=("coded", "narrative", "identity"))
    assert proven_offline(world, with_identity) == set()


def test_offline_a_consent_on_paper_comes_with_its_scan() -> None:
    world = intermediary_directory()
    coded = dict(sample("relay.attestation").coded) | {"original_digest": SCAN.digest, "agreement": "A" * 43}
    said = draft("relay.attestation", coded=coded, narrative=(), in_reply_to=MESSAGE, attachments=(SCAN,))
    assert proven_offline(world, said) == set()
    assert proven_offline(world, dataclasses.replace(said, attachments=())) == {
        ("intermediary.scan", "statement")
    }


def attestation(form: str, sure: str, digest: str) -> Content:
    world = intermediary_directory()
    coded = dict(sample("relay.attestation").coded) | {"attested_message": MESSAGE}
    said = draft("relay.attestation", coded=coded, narrative=(), in_reply_to=MESSAGE)
    content = open_at_it(world, said).content
    assert content is not None
    told = {**content.coded, "original_form": form, "authentication": sure, "original_digest": digest}
    return dataclasses.replace(content, id=MessageId(str(uuid.uuid4())), coded=told)


def test_of_two_originals_the_weaker_one_counts_in_whatever_order_they_come() -> None:
    first = attestation("web-reply", "unauthenticated", "A" * 43)
    later = attestation("paper", "seen-and-identified", "B" * 43)
    for said in ([first, later], [later, first]):
        found = attestation_of(MESSAGE, said, by=IOM)
        assert found is not None
        assert (found.authentication, len(found.besides)) == ("unauthenticated", 1)
        assert found.besides[0].authentication == "seen-and-identified"


def test_one_original_came_in_one_way_alone() -> None:
    first = attestation("web-reply", "unauthenticated", "A" * 43)
    require_same_original(first, [first, attestation("paper", "seen-and-identified", "B" * 43)])
    require_same_original(attestation("web-reply", "unauthenticated", "A" * 43), [first])
    for form, sure in (("paper", "unauthenticated"), ("web-reply", "known-correspondent")):
        with pytest.raises(NotAcceptable, match=r"intermediary\.attested_otherwise"):
            require_same_original(attestation(form, sure, "A" * 43), [first])
