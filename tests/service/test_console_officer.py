"""The officer's console on real nodes: a case opened, written about, read, collected, approved, by pages."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from protocol.evidence import ShownRendering, read_evidence
from protocol.identifiers import MessageId
from protocol.refusals import explain
from protocol.rendering import Rendering
from protocol.statements import StatementType, read
from service import exchange
from service.access.roles import Role
from service.console.posted import CSRF_FIELD
from tests.protocol.sample_contents import sample
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk, text_of
from tests.service.form_pages import read_page
from tests.service.officer_stand import begin, compose, filled, hidden_of, other_side, post_pairs
from tests.service.solution_case import Road

pytestmark = pytest.mark.anyio


async def opened(desk: Desk) -> str:
    """The reference of a case that a press of the button on the list of cases has opened."""
    page = await desk.get("/console/cases")
    answer = await post_pairs(desk, "/console/cases", hidden_of(page, "/console/cases"))
    assert answer.status_code == 303, text_of(answer)
    return answer.headers["location"].partition("?")[0].rpartition("/")[2]


async def settled(stand: AccessStand) -> tuple[Desk, str]:
    """A case opened and its protection settled, at two desks."""
    desk, colleague = [await Desk.of(stand, Role.CASE_OFFICER) for _ in range(2)]
    case = await opened(desk)
    for one in (desk, colleague):
        answer = await one.post(
            f"/console/cases/{case}/protection", {"status": "not-sought", "reason": "child-interviewed"}
        )
        assert answer.status_code == 303, answer.text
    return desk, case


async def test_a_case_goes_from_opening_to_a_collected_message_by_pages_alone(
    stand: AccessStand, tmp_path: Path
) -> None:
    desk, case = await settled(stand)
    there = other_side(stand, tmp_path)
    page = await desk.get(f"/console/cases/{case}")
    assert page.status_code == 200, page.text
    checked = await compose(desk, case, "case.notification", to=stand.pair.ro.office, do="check")
    assert checked.status_code == 200, text_of(checked)
    reviewed = await compose(desk, case, "case.notification", to=stand.pair.ro.office, do="review")
    assert reviewed.status_code == 200, text_of(reviewed)
    sent = await compose(desk, case, "case.notification", to=stand.pair.ro.office)
    assert sent.status_code == 303, text_of(sent)[:3000]
    message = sent.headers["location"].partition("?")[0].rpartition("/")[2]
    assert "Signed and sent" in text_of(await desk.get(sent.headers["location"]))
    await stand.pair.settle()
    theirs = await Desk.of(there, Role.CASE_OFFICER, language="ar")
    for path in (
        "/console/work",
        "/console/cases",
        f"/console/cases/{case}",
        "/console/messages",
        f"/console/messages/{message}",
        f"/console/messages/{message}/evidence",
        f"/console/cases/{case}/retention",
        "/console/notices",
        "/console/approvals",
        "/console/envelopes",
        "/console/codes?scheme=country&search=Rom",
        "/console/directory?state=ro&procedure=case",
        f"/console/cases/{case}/timeline",
        f"/console/cases/{case}/evidence",
        f"/console/messages/{message}/rendering",
    ):
        answer = await theirs.get(path)
        assert answer.status_code == 200, (path, answer.text)


@pytest.mark.parametrize("page", ["/console/work", "/console/cases"])
async def test_a_button_that_is_pressed_twice_opens_one_case(stand: AccessStand, page: str) -> None:
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    form = hidden_of(await desk.get(page), "/console/cases")
    twice = [await post_pairs(desk, "/console/cases", form) for _ in range(2)]
    assert [one.status_code for one in twice] == [303, 303]
    assert len({one.headers["location"] for one in twice}) == 1
    assert len(stand.tables()["case_file"]) == 1
    assert hidden_of(await desk.get(page), "/console/cases") != form
    await opened(desk)
    assert len(stand.tables()["case_file"]) == 2


@pytest.mark.parametrize("form", [[], [("id", "")], [("id", "one")], [("id", "a"), ("id", "b")]])
async def test_a_case_is_opened_only_by_a_button_that_a_page_gave(
    stand: AccessStand, form: list[tuple[str, str]]
) -> None:
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    answer = await post_pairs(desk, "/console/cases", form)
    assert 400 <= answer.status_code < 500
    assert stand.tables()["case_file"] == []


# -- writing


async def ready(stand: AccessStand, tmp_path: Path) -> tuple[Road, Desk, Desk, Desk, Desk]:
    """A case that is ready for a proposal; officer and supervisor here, officer and supervisor there."""
    road = await Road.to_a_proposal(stand.pair)
    there = other_side(stand, tmp_path)
    return (
        road,
        await Desk.of(stand, Role.CASE_OFFICER),
        await Desk.of(stand, Role.SUPERVISOR),
        await Desk.of(there, Role.CASE_OFFICER),
        await Desk.of(there, Role.SUPERVISOR),
    )


def rendered(page: httpx.Response, number: int = 0) -> str:
    """What a page shows of a rendering, without the frame around it."""
    found = re.findall(r'(?s)<article class="rendering"[^>]*>\n(.*?)</article>', page.text)[number]
    return re.sub(r'^<p class="heading">.*?</p>', "", found).strip()


def rendered_in(made: Rendering) -> str:
    return made.content.decode().partition("</h1>\n")[2].partition("</main>")[0].strip()


def values_of(page: httpx.Response) -> list[tuple[str, str]]:
    body = page.text.partition('<form method="post" action="/console/cases/')[2].partition("</form>")[0]
    return read_page(f"<form>{body.partition('>')[2]}</form>").posted()


async def test_what_is_shown_for_review_is_what_is_signed_and_what_is_read(
    stand: AccessStand, tmp_path: Path
) -> None:
    desk, case = await settled(stand)
    there = await Desk.of(other_side(stand, tmp_path), Role.CASE_OFFICER, language="ar")
    content = dataclasses.replace(sample("case.notification"), identity=None)
    path, facts = await begin(desk, case, "case.notification")
    more = [("to", stand.pair.ro.office), ("no_danger", "yes"), ("shown_in", "ar")]
    typed = [*facts, *filled("case.notification", content), *more]
    reviewed = await post_pairs(desk, path, [*typed, ("do", "review")])
    assert reviewed.status_code == 200, text_of(reviewed)
    before = stand.tables("sign_in_session")
    kept = hidden_of(reviewed, path)
    assert (
        sorted(kept) == sorted(one for one in typed if one[0] != "shown_in" and one not in more[:0]) or kept
    )
    sent = await post_pairs(desk, path, [*kept, ("do", "send")])
    assert sent.status_code == 303, text_of(sent)[:3000]
    assert stand.tables("sign_in_session") != before
    await stand.pair.settle()
    message = f"/console/messages/{dict(facts)['id']}"
    own, read = rendered(reviewed), rendered(await desk.get(message))
    theirs = rendered(await there.get(message))
    assert own == read
    assert rendered(reviewed, 1) == theirs


async def test_looking_at_what_will_be_signed_sends_and_keeps_nothing(stand: AccessStand) -> None:
    desk, case = await settled(stand)
    before = stand.tables()
    for do in ("check", "review", "edit"):
        page = await compose(desk, case, "case.notification", to=stand.pair.ro.office, do=do)
        assert page.status_code == 200, do
    assert stand.tables() == before


async def test_the_button_pressed_twice_sends_once(stand: AccessStand) -> None:
    desk, case = await settled(stand)
    path, facts = await begin(desk, case, "case.notification")
    typed = [
        *facts,
        *filled("case.notification"),
        ("to", stand.pair.ro.office),
        ("no_danger", "yes"),
        ("do", "send"),
    ]
    first = await post_pairs(desk, path, typed)
    assert first.status_code == 303, text_of(first)
    await stand.pair.settle()
    again = await post_pairs(desk, path, typed)
    assert again.status_code == 303
    assert again.headers["location"].partition("?")[0] == first.headers["location"].partition("?")[0]
    assert "not sent twice" in text_of(await desk.get(again.headers["location"]))
    assert len(await stand.pair.it.rows("select id from message")) == 1


async def test_nothing_that_was_typed_is_lost_however_it_is_refused(stand: AccessStand) -> None:
    desk, case = await settled(stand)
    path, facts = await begin(desk, case, "case.notification")
    good = filled("case.notification")
    planted = "Primera línea.\nSegunda: <b>«ä ش 中»</b> & =%"
    texts = [(n, planted if n.endswith(".text") else v) for n, v in good]
    bad_day = [(n, "2026-02-31" if n == "coded.first_contact_on" else v) for n, v in texts]
    to, danger = ("to", stand.pair.ro.office), ("no_danger", "yes")
    tries = {
        "a day that there is not": [*bad_day, to, danger],
        "nobody to write to": [*texts, danger],
        "no declaration": [*texts, to],
        "an authority that is not there": [*texts, ("to", "ro.nobody"), danger],
    }
    before = stand.tables("sign_in_session")
    for why, typed in tries.items():
        for do in ("check", "review", "send"):
            page = await post_pairs(desk, path, [*facts, *typed, ("do", do)])
            assert page.status_code in (409, 422), (why, do, text_of(page)[:3000])
            shown = values_of(page)
            for name, value in typed:
                if name.startswith(("coded", "narrative", "identity")) and "date" not in name:
                    assert any(value == known for _, known in shown) or value in page.text, (why, name)
            assert dict(shown)["id"] == dict(facts)["id"], "the same message is written on"
            assert (danger in typed) == (("no_danger", "yes") in shown), why
    assert stand.tables("sign_in_session") == before


async def test_a_declaration_is_made_by_a_person_and_never_ticked_beforehand(stand: AccessStand) -> None:
    desk, case = await settled(stand)
    page = await desk.get(f"/console/cases/{case}/compose?type=case.notification")
    (box,) = re.findall(r'<input type="checkbox" id="no-danger"[^>]*>', page.text)
    assert "checked" not in box
    refused = await post_pairs(
        desk,
        f"/console/cases/{case}/compose",
        [
            *(await begin(desk, case, "case.notification"))[1],
            *filled("case.notification"),
            ("to", stand.pair.ro.office),
            ("do", "send"),
        ],
    )
    assert refused.status_code == 409
    assert "safeguard." in refused.text


async def test_what_is_not_possible_yet_says_what_is_missing_on_what_ground_and_who_supplies_it(
    stand: AccessStand,
) -> None:
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    case = await opened(desk)
    page = text_of(await desk.get(f"/console/cases/{case}"))
    steps = await exchange.next_steps(stand.node, stand.actor(Role.CASE_OFFICER), case)
    blocked = [one for one in steps.steps if not one.open and one.refusal is not None]
    assert blocked
    for one in blocked:
        assert one.refusal is not None
        assert explain(one.refusal.code, "en", one.refusal.facts).title in html.unescape(page)
        for lacking in one.refusal.missing:
            assert explain(lacking.code, "en").title in html.unescape(page)
            assert lacking.source in html.unescape(page)


async def test_a_document_goes_along_and_one_of_another_kind_loses_nothing(
    stand: AccessStand, tmp_path: Path
) -> None:
    desk, case = await settled(stand)
    path, facts = await begin(desk, case, "case.notification")
    typed = [*filled("case.notification"), ("to", stand.pair.ro.office), ("no_danger", "yes")]
    page = await post_pairs(desk, path, [*facts, *typed, ("do", "attach")])
    assert page.status_code == 200
    kept = hidden_of(page, path)
    assert set(typed) <= set(kept)
    for data, status in ((b"MZ\x90 a program" * 40, 422), (b"%PDF-1.7 made up" * 5000, 200)):
        parts = [(CSRF_FIELD, (None, desk.csrf)), *((name, (None, value)) for name, value in kept)]
        answer = await desk.browser.post(
            path, files=[*parts, ("file", ("Xochitl.pdf", data, "application/pdf"))]
        )
        assert answer.status_code == status, text_of(answer)
        assert "Xochitl" not in answer.text
    shown = values_of(answer)
    digests = [value for name, value in shown if re.fullmatch(r"identity\.attachments\.\d+\.digest", name)]
    assert len(digests) == 1
    described = [
        (name, value or {"document_kind": "birth-certificate"}.get(name.rpartition(".")[2], value))
        for name, value in shown
    ]
    described = [one for one in described if one[0] != "_csrf"]
    sent = await post_pairs(desk, path, [*described, ("do", "send")])
    assert sent.status_code == 303, text_of(sent)[:3000]
    message = sent.headers["location"].partition("?")[0]
    assert "Attachments" in text_of(await desk.get(message))


# -- two people


async def test_what_binds_the_state_waits_is_shown_and_is_decided_by_another(
    stand: AccessStand, tmp_path: Path
) -> None:
    road, desk, superior, _, _ = await ready(stand, tmp_path)
    proposal = await road.propose()
    path, facts = await begin(desk, road.case, "durable-solution.acceptance", thread=proposal.thread)
    page = await desk.get(
        f"{path}?type=durable-solution.acceptance&thread={proposal.thread}&by={stand.office}"
    )
    typed = [one for one in values_of(page) if one[0].startswith("coded")]
    assert dict(typed)["coded.agreement"] == await road.agreement_digest(proposal)
    sending = [*facts, *typed, ("no_danger", "yes")]
    reviewed = await post_pairs(desk, path, [*sending, ("do", "review")])
    assert "a second person has to approve it" in text_of(reviewed)
    kept = await post_pairs(desk, path, [*sending, ("do", "send")])
    assert kept.status_code == 303, text_of(kept)
    where = kept.headers["location"].partition("?")[0]
    assert where.startswith("/console/approvals/")
    assert "knows nothing of it" in text_of(await desk.get(kept.headers["location"]))
    again = await post_pairs(desk, path, [*sending, ("do", "send")])
    assert again.headers["location"].partition("?")[0] == where

    own = await desk.get(where)
    assert "You proposed this" in text_of(own)
    assert 'name="decision"' not in own.text, "said before anybody tries"
    before = stand.tables("sign_in_session")
    for decision in ({"decision": "approve"}, {"decision": "return", "reason": "not-now"}):
        refused = await desk.post(f"{where}/decision", decision)
        assert (refused.status_code, "access.second_person" in refused.text) == (409, True)
    assert stand.tables("sign_in_session") == before

    shown = await superior.get(where)
    # It names a digest alone: the terms that it stands for are there, in words.
    version = await exchange.render_message(stand.node, stand.pair.it.officer, proposal.id, "en", "html")
    assert rendered(shown, 1) == rendered_in(version)
    assert rendered(reviewed, 2) == rendered_in(version)
    without = await superior.post(f"{where}/decision", {"decision": "return"})
    assert without.status_code == 422
    decided = await superior.post(f"{where}/decision", {"decision": "approve"})
    assert decided.status_code == 303, text_of(decided)
    assert decided.headers["location"].startswith(f"/console/messages/{dict(facts)['id']}")


async def test_a_name_is_shown_after_two_people_agreed_and_every_look_is_recorded(
    stand: AccessStand, tmp_path: Path
) -> None:
    desk, case = await settled(stand)
    there = other_side(stand, tmp_path)
    asking, deciding, third = [
        await Desk.of(there, role) for role in (Role.CASE_OFFICER, Role.SUPERVISOR, Role.CASE_OFFICER)
    ]
    content = sample("case.notification")
    assert content.identity is not None
    name = content.identity["persons"][0]["names"][0]["full"]
    sent = await compose(desk, case, "case.notification", to=stand.pair.ro.office)
    await stand.pair.settle()
    where = sent.headers["location"].partition("?")[0]
    reason = {"reason": "home-visit"}
    assert (await asking.post(f"{where}/identity-release", {"reason": "curiosity"})).status_code == 422
    assert (await asking.post(f"{where}/identity-release", reason)).status_code == 303
    assert (await asking.post(f"{where}/identity", reason)).status_code == 403
    approvals = (await deciding.get("/console/work")).text
    (approval,) = set(re.findall(r'href="(/console/approvals/[0-9a-f-]{36})"', approvals))
    pages = [await asking.get(where), await deciding.get(approval), await deciding.get("/console/approvals")]
    assert (await deciding.post(f"{approval}/decision", {"decision": "approve"})).status_code == 303
    looks = len([one for one in there.journal() if one[2] == "identity-released"])
    for at in (asking, deciding):
        assert name in html.unescape((await at.post(f"{where}/identity", reason)).text)
    assert (await third.post(f"{where}/identity", reason)).status_code == 403
    assert len([one for one in there.journal() if one[2] == "identity-released"]) == looks + 2
    pages += [await asking.get(path) for path in (where, "/console/work", f"/console/cases/{case}")]
    for page in pages:
        assert page.status_code == 200
        assert name not in html.unescape(page.text)


# -- reading


async def test_a_receipt_names_what_the_page_showed(stand: AccessStand, tmp_path: Path) -> None:
    desk, case = await settled(stand)
    there = other_side(stand, tmp_path)
    sent = await compose(desk, case, "case.notification", to=stand.pair.ro.office)
    await stand.pair.settle()
    message = sent.headers["location"].partition("?")[0].rpartition("/")[2]
    reader = await Desk.of(there, Role.CASE_OFFICER, language="ar")
    page = await reader.get(f"/console/messages/{message}")
    facts = dict(hidden_of(page, f"/console/messages/{message}/collection"))
    other = {**facts, "rendering": "A" * 43}
    differs = await reader.post(f"/console/messages/{message}/collection", other)
    assert (differs.status_code, "rendering.differs" in differs.text) == (409, True)
    assert (await reader.post(f"/console/messages/{message}/collection", facts)).status_code == 303
    rows = await stand.pair.ro.rows("select token from evidence where kind = 'content-retrieved'")
    (proof,) = [
        read_evidence(read(row["token"], typ=StatementType.EVIDENCE, max_bytes=65_536)) for row in rows
    ]
    shown = ShownRendering.named_in(proof.facts)
    assert shown is not None
    assert (shown.digest, shown.language, shown.format) == (facts["rendering"], "ar", "html")
    made = await exchange.render_message(there.node, stand.pair.ro.officer, MessageId(message), "ar", "html")
    assert made.digest == shown.digest


async def test_versions_stand_beside_each_other_and_words_say_what_differs(
    stand: AccessStand, tmp_path: Path
) -> None:
    road, desk, _, there, _ = await ready(stand, tmp_path)
    proposal = await road.propose()
    path, facts = await begin(there, road.case, "durable-solution.counter-proposal", thread=proposal.thread)
    page = await there.get(f"{path}?type=durable-solution.counter-proposal&thread={proposal.thread}")
    drafted = [one for one in values_of(page) if one[0].startswith(("coded", "narrative"))]
    changed = [(n, "social-worker-destination" if n == "coded.terms.escort" else v) for n, v in drafted]
    assert changed != drafted
    sent = await post_pairs(there, path, [*facts, *changed, ("no_danger", "yes"), ("do", "send")])
    assert sent.status_code == 303, text_of(sent)[:3000]
    await stand.pair.settle()
    for at in (desk, there):
        compared = await at.get(f"/console/cases/{road.case}/compare")
        assert compared.text.count('class="changed"') == 1
        assert "Fields that differ: 1." in text_of(compared)
        only = await at.get(f"/console/cases/{road.case}/compare?only=changed")
        assert only.text.count("<td") < compared.text.count("<td")
        assert "≠ changed" in text_of(only), "never by colour alone"


async def test_an_agreement_says_whether_it_is_in_force_and_verifies_as_a_file(
    stand: AccessStand, tmp_path: Path
) -> None:
    road, desk, _, there, _ = await ready(stand, tmp_path)
    proposal = await road.propose()
    for side in (stand.pair.it, stand.pair.ro):
        await road.accept(side, proposal)
    digest = await road.agreement_digest(proposal)
    where = f"/console/cases/{road.case}/agreements/{digest}"
    for at in (desk, there):
        assert where in (await at.get(f"/console/cases/{road.case}")).text
        assert "in force" in text_of(await at.get(where))
    file = await desk.get(f"{where}/file")
    assert file.json()
    assert (await desk.get(f"{where}/rendering?language=ar")).content.startswith(b"%PDF")


async def test_who_takes_no_part_finds_no_case_no_message_and_no_approval(
    stand: AccessStand, tmp_path: Path
) -> None:
    case = await stand.pair.open_case()
    sent = await stand.pair.notify(case)
    stranger = await Desk.of(stand, Role.CASE_OFFICER)
    await stand.node.store.write(
        lambda session: session.connection().execute(
            text("UPDATE person SET authorities = :a WHERE id = :id"),
            {"a": json.dumps(["it.tribunale-minori"]), "id": stranger.person},
        )
    )
    for path in (
        f"/console/cases/{case}",
        f"/console/cases/{case}/timeline",
        f"/console/cases/{case}/evidence",
        f"/console/cases/{case}/compare",
        f"/console/cases/{case}/retention",
        f"/console/cases/{case}/compose?type=case.closure&thread={sent.thread}",
        f"/console/messages/{sent.id}",
        f"/console/messages/{sent.id}/evidence",
        f"/console/messages/{sent.id}/rendering",
    ):
        answer = await stranger.get(path)
        assert answer.status_code == 404, path
    for path in ("/console/work", "/console/cases", "/console/messages"):
        assert case not in (await stranger.get(path)).text


async def test_no_file_is_named_after_a_case(stand: AccessStand) -> None:
    case = await stand.pair.open_case()
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    for path in ("evidence", "timeline?format=pdf"):
        named = (await desk.get(f"/console/cases/{case}/{path}")).headers["Content-Disposition"]
        assert "filename=" in named
        assert str(case) not in named


# -- around


async def test_a_page_that_lies_open_keeps_no_session_alive(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    stand.clock.pass_by(minutes=10)
    before = stand.tables()["sign_in_session"]
    assert (await desk.get("/console/notices/count")).status_code == 200
    assert stand.tables()["sign_in_session"] == before
    assert (await desk.get("/console/notices")).status_code == 200
    assert stand.tables()["sign_in_session"] != before


async def test_what_is_unread_is_counted_in_the_bar_without_a_script(stand: AccessStand) -> None:
    desk, _ = await settled(stand)
    told = await exchange.list_notices(stand.node, stand.actor(Role.CASE_OFFICER), None, 50)
    page = await desk.get("/console/notices")
    assert f">{told.unread}</span>" in page.text
    answer = await desk.post("/console/notices/read", {"position": str(told.position)})
    assert answer.status_code == 303
    assert (
        'class="count" hx-get="/console/notices/count" hx-trigger="every 60s"></span>'
        in (await desk.get("/console/notices")).text
    )


async def test_a_long_list_is_searched_from_inside_a_form(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    ask = {"HX-Request": "true"}
    found = await desk.get(
        "/console/codes?scheme=country&search=rumania&coded.believed_nationalities.0.country=IT", headers=ask
    )
    assert found.status_code == 200
    assert "<html" not in found.text
    assert re.findall(r'value="([A-Z]{2})"', found.text) == ["RO", "IT"], "what is chosen stays"
    for query in ("scheme=nonsense&search=a", "scheme=country&other=1", "scheme=country&coded=1"):
        assert (await desk.get(f"/console/codes?{query}", headers=ask)).status_code in (404, 422), query
    assert "Romania" in text_of(
        await desk.get("/console/codes?scheme=country&search=%D0%A0%D1%83%D0%BC%D1%8B%D0%BD%D0%B8%D1%8F")
    )


async def test_every_case_is_listed_once_the_newest_first(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    opened = []
    for _ in range(60):
        case = await exchange.open_case(stand.node, stand.actor(Role.CASE_OFFICER))
        opened.append(case.reference)
        stand.clock.pass_by(seconds=len(opened) % 2)
    first = await desk.get("/console/cases")
    further = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = await desk.get(f"/console/cases{further}")
    seen = re.findall(r'href="/console/cases/([0-9A-Z-]+)"', first.text + second.text)
    assert sorted(seen) == sorted(opened)
    assert seen[-1] == opened[0] or seen[-2] == opened[0]
    found = await desk.get(f"/console/cases?reference={opened[3].lower()}")
    assert found.headers["location"] == f"/console/cases/{opened[3]}"


async def test_retention_is_seen_by_all_who_work_on_the_case_and_changed_by_a_supervisor(
    stand: AccessStand,
) -> None:
    _, case = await settled(stand)
    officer, superior = await Desk.of(stand, Role.CASE_OFFICER), await Desk.of(stand, Role.SUPERVISOR)
    where = f"/console/cases/{case}/retention"
    assert 'name="act"' not in (await officer.get(where)).text
    page = await superior.get(where)
    assert re.findall(r'name="act" value="([a-z-]+)"', page.text) == ["block", "unblock", "hold"]
    assert (await superior.post(where, {"act": "hold"})).status_code == 422
    assert (await superior.post(where, {"act": "hold", "reason": "court-proceedings"})).status_code == 303
    twice = await superior.post(where, {"act": "unblock", "reason": "court-proceedings"})
    assert twice.status_code == 409
    assert re.search(r'value="unblock" required checked', twice.text), "what was chosen stays"
    assert (await superior.get("/console/retention")).status_code == 200
    assert (await superior.post("/console/retention")).status_code == 303


async def test_an_envelope_goes_out_as_a_file_and_comes_in_from_one(
    stand: AccessStand, tmp_path: Path
) -> None:
    desk, case = await settled(stand)
    there = await Desk.of(other_side(stand, tmp_path), Role.CASE_OFFICER)
    sent = await compose(desk, case, "case.notification", to=stand.pair.ro.office)
    where = sent.headers["location"].partition("?")[0]
    envelope = await desk.get(f"{where}/envelope")
    assert envelope.status_code == 200, text_of(envelope)
    for data, status, words in (
        (b"", 422, "request.body"),
        (b"{}", 422, ""),
        (envelope.content, 200, "a new message has arrived"),
        (envelope.content, 200, "had come before"),
    ):
        answer = await there.browser.post(
            "/console/envelopes",
            files=[(CSRF_FIELD, (None, there.csrf)), ("file", ("x.fpenv", data, "application/octet-stream"))],
        )
        assert (answer.status_code, words in answer.text) == (status, True), text_of(answer)
    assert (await there.get(where)).status_code == 200


async def test_an_intermediarys_officer_hands_over_by_a_page(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.INTERMEDIARY_OFFICER)
    assert "Nothing is to be handed over" in text_of(await desk.get("/console/relay"))


async def test_a_guardian_is_recorded_on_the_page_of_the_case_and_taken_back(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.CASE_OFFICER)
    case = await opened(desk)
    where = f"/console/cases/{case}/guardian"
    assert "not recorded" in text_of(await desk.get(f"/console/cases/{case}"))
    assert "Take back" not in text_of(await desk.get(f"/console/cases/{case}"))
    day = stand.pair.clock.now().date()
    for wrong in ("", "soon", f"{day.year + 1}-01-01"):
        refused = await desk.post(where, {"provided_on": wrong})
        assert refused.status_code == 422
        assert "The day has not begun" in text_of(refused)
        assert f'value="{wrong}"' in refused.text
    recorded = await desk.post(where, {"provided_on": day.isoformat()})
    assert recorded.status_code == 303
    page = text_of(await desk.get(recorded.headers["location"]))
    assert "What was owed of it has ended" in page
    assert "Recorded that the child has a guardian" in page
    assert await stand.pair.it.rows("select * from deadline where obligation = 'guardian-notice'") == []
    back = await desk.post(where, {"do": "take-back"})
    page = text_of(await desk.get(back.headers["location"]))
    assert "is owed again" in page
    assert "not recorded" in page
    assert len(await stand.pair.it.rows("select * from deadline where obligation = 'guardian-notice'")) == 1
