"""What the node fills in before anybody types, and what it leaves to people."""

from __future__ import annotations

from datetime import UTC, datetime

from form_pages import drawn, read_page

from protocol.identifiers import Address, MessageId, ThreadId, new_case_reference, new_message_id
from protocol.messages import FORMS
from service.console.forms import Facts, KnownDocument, describe, draft, enter, parse, submission
from service.console.forms.view import FieldView
from service.exchange.views import DueView, NextStep
from tests.protocol.sample_contents import sample

CASE = new_case_reference(lambda count: bytes(range(count)))
US, THEM = Address("it.servizio-minori"), Address("ro.anpdca")
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def message(number: int) -> MessageId:
    return new_message_id(lambda count: bytes([number] * count))


def document(number: int, type_: str, agreement: str | None = None) -> KnownDocument:
    return KnownDocument(
        id=message(number),
        digest=chr(ord("A") + number) * 43,
        type=type_,
        sender=THEM,
        issued_at=AT,
        agreement=agreement,
    )


REPORT = document(1, "social-inquiry.report")
FINAL = document(2, "risk-assessment.final")
PROPOSAL = document(3, "durable-solution.proposal", agreement="z" * 43)
SUSPENSION = document(4, "durable-solution.suspension")
FACTS = Facts(
    case=CASE,
    documents=(REPORT, FINAL, PROPOSAL, SUSPENSION),
    authorities=((THEM, "Autoritatea Națională"),),
)


def step(type_: str, answers: MessageId | None = None) -> NextStep:
    return NextStep(
        type=type_,
        procedure="durable-solution",
        by=US,
        to=THEM,
        open=True,
        thread=None if answers is None else ThreadId(message(3)),
        in_reply_to=answers,
    )


def field(type_: str, path: str, facts: Facts = FACTS) -> FieldView:
    form = FORMS[type_]
    view = describe(form, "en", enter(form, [(f"{path}", "")]), facts=facts)

    def inside(nodes: object) -> list[FieldView]:
        found: list[FieldView] = []
        for node in nodes:  # type: ignore[attr-defined]
            if isinstance(node, FieldView):
                found.append(node)
            elif hasattr(node, "rows"):
                found += [one for row in node.rows for one in inside(row.nodes)]
            else:
                found += inside(node.nodes)
        return found

    return next(one for part in view.parts for one in inside(part.nodes) if one.path == path)


def test_an_acceptance_names_the_agreement_of_the_version_that_it_answers() -> None:
    form = FORMS["durable-solution.acceptance"]
    drafted = draft(form, step(form.type, PROPOSAL.id), FACTS)
    assert drafted.posted == (("coded.agreement", PROPOSAL.agreement),)
    parsed = parse(form, drafted.posted, "en")
    assert parsed.content is not None
    said = submission(drafted, parsed.content, id=message(9), recipient=THEM, urgency="urgent")
    assert (said.case, said.sender, said.recipient, said.thread, said.in_reply_to) == (
        CASE,
        US,
        THEM,
        ThreadId(message(3)),
        PROPOSAL.id,
    )
    assert said.coded == {"agreement": PROPOSAL.agreement}
    assert (said.urgency, said.declares_no_danger) == ("urgent", False)


def test_a_dispute_names_the_assessment_that_it_answers_and_no_other() -> None:
    form = FORMS["risk-assessment.dispute"]
    assert draft(form, step(form.type, FINAL.id), FACTS).posted == (("coded.final_assessment", FINAL.digest),)
    assert draft(form, step(form.type, REPORT.id), FACTS).posted == ()


def test_nothing_that_a_person_judges_is_filled_in() -> None:
    for form in FORMS.values():
        filled = {name for name, _ in draft(form, step(form.type, FINAL.id), FACTS).posted}
        assert filled <= {"coded.final_assessment", "coded.agreement"}, form.type


def test_a_nudge_knows_what_was_due() -> None:
    form = FORMS["nudge"]
    facts = Facts(case=CASE, due=DueView(at=AT, basis="project-choice"), due_on="2026-11-20")
    assert set(draft(form, step(form.type), facts).posted) == {
        ("coded.was_due_on", "2026-11-20"),
        ("coded.due_basis", "project-choice"),
    }


def test_a_counter_proposal_begins_from_the_proposal() -> None:
    form = FORMS["durable-solution.counter-proposal"]
    base = sample("durable-solution.proposal")
    facts = Facts(case=CASE, documents=FACTS.documents, base=base)
    parsed = parse(form, draft(form, step(form.type, PROPOSAL.id), facts).posted, "en")
    assert parsed.errors == ()


def test_documents_are_offered_by_what_they_are() -> None:
    def offered(type_: str, path: str) -> list[str]:
        return [one.value for one in field(type_, path).choices]

    proposal = "durable-solution.proposal"
    assert offered(proposal, "coded.rests_on.risk_assessment") == [FINAL.digest]
    assert offered(proposal, "coded.rests_on.social_inquiries") == [REPORT.digest]
    assert offered(proposal, "coded.amends") == [PROPOSAL.agreement]
    assert offered(proposal, "coded.lifts") == [SUSPENSION.id]
    assert offered("risk-assessment.final", "coded.replaces") == [FINAL.id]
    considered = field("risk-assessment.final", "coded.considered")
    assert considered.kind == "checks"
    assert [one.value for one in considered.choices] == [one.digest for one in FACTS.documents]
    assert "November 20, 2026" in considered.choices[0].label


def test_the_digest_of_a_paper_is_no_document_of_the_case() -> None:
    assert field("relay.attestation", "coded.original_digest").choices == ()


def test_a_digest_that_is_not_offered_is_shown_again_and_marked() -> None:
    form = FORMS["risk-assessment.dispute"]
    typed = "Q" * 43
    view = describe(form, "en", enter(form, [("coded.final_assessment", typed)]), facts=FACTS)
    page = read_page(drawn(view))
    assert ("coded.final_assessment", typed) in page.posted()


def test_authorities_are_proposed_by_name_and_any_address_can_be_typed() -> None:
    view = describe(FORMS["redirect"], "en", facts=FACTS)
    assert view.authorities == ((THEM, "Autoritatea Națională"),)
    html = drawn(view)
    assert f'<option value="{THEM}">Autoritatea Națională</option>' in html


def test_an_uploaded_document_fills_what_the_node_knows_of_it() -> None:
    form = FORMS["case.notification"]
    at = "identity.attachments.0"
    upload = [
        (f"{at}.digest", "A" * 43),
        (f"{at}.salt", "B" * 22),
        (f"{at}.size", "1234"),
        (f"{at}.media_type", "pdf"),
    ]
    page = read_page(drawn(describe(form, "en", enter(form, upload))))
    fixed = {one["name"] for one in page.inputs if "readonly" in one}
    assert fixed == {f"{at}.digest", f"{at}.salt", f"{at}.size"}
    assert set(upload) <= set(page.posted())
