"""Sending, finding, waiting for, reading and collecting messages over HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

import pytest

from protocol import base64url
from service.api.reading import cursor, position
from service.errors import Malformed
from service.exchange.views import SignedSubmission
from tests.service.api_stand import OURS, THEIRS, Stand, message_id, submission
from tests.service.fake_exchange import EXAMPLE_CASE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stand() -> Stand:
    made = Stand()
    await made.settle_protection()
    return made


async def test_a_message_is_answered_202_with_its_place_its_due_date_and_its_evidence(stand: Stand) -> None:
    answer = await stand.as_("agency-system").post("/v1/messages", json=submission(1))
    body = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/messages/{message_id(1)}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (body["id"], body["thread"], body["status"]) == (message_id(1), message_id(1), "accepted")
    assert body["due"]["at"].endswith("Z")
    assert body["evidence"].count(".") == 2


async def test_the_same_message_gets_the_same_answer_however_often_and_another_is_refused(
    stand: Stand,
) -> None:
    officer = stand.as_("case-officer")
    answers = await asyncio.gather(*(officer.post("/v1/messages", json=submission(1)) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len(stand.exchange.messages) == 1
    other = await officer.post("/v1/messages", json=submission(1, urgency="urgent"))
    assert (other.status_code, other.json()["code"]) == (409, "id_reused")


async def test_a_statement_of_the_agency_reaches_the_use_case_as_the_bytes_that_came(stand: Stand) -> None:
    taken: list[Any] = []

    async def send(*args: Any) -> Any:
        taken.append(args[-1])
        raise Malformed("request.refused")

    stand.exchange.send = send  # type: ignore[method-assign]
    system = stand.as_("agency-system")
    await system.post("/v1/messages", content=b"aa.bb.cc", headers={"Content-Type": "application/jose"})
    part = b'{"salt":"AAAA","blocks":[]}'
    await system.post(
        "/v1/messages",
        json={"statement": "aa.bb.cc", "narrative": base64url.encode(part).decode()},
        headers={"Content-Type": "application/jose+json"},
    )
    assert taken == [
        SignedSubmission(statement="aa.bb.cc", narrative=None, identity=None),
        SignedSubmission(statement="aa.bb.cc", narrative=part, identity=None),
    ]


async def test_a_dry_run_says_what_is_wrong_and_stores_nothing(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    good = await officer.post("/v1/messages/validation", json=submission(1))
    assert (good.status_code, good.json()["acceptable"]) == (200, True)
    bad = await officer.post(
        "/v1/messages/validation",
        json=submission(1, declares_no_danger=False),
        headers={"Accept-Language": "pt"},
    )
    (refusal,) = bad.json()["refusals"]
    assert refusal["code"] == "safeguard.no_danger_declaration"
    assert refusal.keys() == {"code", "title", "detail", "missing"}
    assert stand.exchange.messages == []


async def test_pages_follow_each_other_without_gap_or_repetition_while_messages_arrive(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    for number in range(1, 6):
        await officer.post("/v1/messages", json=submission(number))
    seen: list[str] = []
    onward = "/v1/messages?limit=2"
    for turn in range(5):
        page = (await officer.get(onward)).json()
        assert page["more"] == (len(seen) + len(page["messages"]) < len(stand.exchange.messages))
        seen += [message["id"] for message in page["messages"]]
        onward = page["next"]
        if turn == 1:
            await officer.post("/v1/messages", json=submission(6))
    assert seen == [message_id(number) for number in range(1, 7)]
    assert "limit=2" in onward


async def test_filters_narrow_and_a_misspelt_one_is_refused(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    await officer.post("/v1/messages", json=submission(1))
    for narrow, found in (
        ({"case": EXAMPLE_CASE.lower()}, 1),
        ({"type": "guardian.notice"}, 0),
        ({"direction": "in"}, 0),
        ({"status": "accepted"}, 1),
        ({"thread": message_id(1)}, 1),
        ({"since": "2026-11-24T10:00:00+01:00"}, 1),
        ({"since": "2026-11-24T10:00:00Z"}, 0),
    ):
        page = (await officer.get("/v1/messages", params=narrow)).json()
        assert len(page["messages"]) == found, narrow
    for wrong in ({"directon": "in"}, {"since": "yesterday"}, {"since": "2026-11-24"}, {"limit": "0"}):
        assert (await officer.get("/v1/messages", params=wrong)).status_code == 422
    assert (await officer.get("/v1/messages?case=a&case=b")).status_code == 422


@pytest.mark.parametrize("foreign", ["", "x", "bTE=", "bQ", "bS0x", "bTAx", "bTEg", "b" * 64, "é"])
def test_a_cursor_that_this_list_did_not_give_out_is_refused(foreign: str) -> None:
    assert position(cursor(41)) == 41
    with pytest.raises(Malformed) as refused:
        position(foreign)
    assert refused.value.code == "request.cursor"


async def looked(stand: Stand, times: int) -> None:
    while stand.exchange.listed < times:
        await asyncio.sleep(0)


async def test_a_long_poll_ends_when_mail_arrives_and_holds_nobody_up(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    polls = [asyncio.create_task(officer.get("/v1/messages?wait=30")) for _ in range(60)]
    async with asyncio.timeout(5):
        await looked(stand, 60)
        # More of them than a pool of threads has: had each held one, nothing else would be answered.
        assert (await officer.get("/livez")).status_code == 200
        assert not any(poll.done() for poll in polls)
        await officer.post("/v1/messages", json=submission(1))
        answers = await asyncio.gather(*polls)
    assert {answer.json()["messages"][0]["id"] for answer in answers} == {message_id(1)}


async def test_a_long_poll_is_not_woken_for_good_by_somebody_elses_mail(stand: Stand) -> None:
    stranger = stand.as_("case-officer", authorities=["ro.dgaspc-iasi"])
    poll = asyncio.create_task(stranger.get("/v1/messages?wait=1"))
    await looked(stand, 1)
    await stand.as_("case-officer").post("/v1/messages", json=submission(1))
    await looked(stand, 2)
    assert not poll.done()
    assert (await poll).json()["messages"] == []


async def test_a_list_shows_no_content_and_a_message_does(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    await officer.post("/v1/messages", json=submission(1))
    (listed,) = (await officer.get("/v1/messages")).json()["messages"]
    assert "content" not in listed
    read = (await officer.get(f"/v1/messages/{message_id(1)}")).json()
    assert read["content"]["coded"] == submission(1)["coded"]
    assert (read["sender"], read["recipient"], read["direction"]) == (OURS, THEIRS, "out")


async def test_a_rendering_is_in_the_language_asked_for(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    await officer.post("/v1/messages", json=submission(1))
    path = f"/v1/messages/{message_id(1)}/rendering"
    html = await officer.get(path, params={"lang": "ar", "format": "html"})
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert html.headers["Content-Language"] == "ar"
    assert "default-src 'none'" in html.headers["Content-Security-Policy"]
    assert 'dir="rtl"' in html.text
    text = await officer.get(path, headers={"Accept-Language": "ru"})
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.headers["Content-Language"] == "ru"


async def test_a_pdf_is_a_file_that_no_cache_keeps_and_whose_name_tells_nothing(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    await officer.post("/v1/messages", json=submission(1))
    pdf = await officer.get(f"/v1/messages/{message_id(1)}/rendering", params={"lang": "ar", "format": "pdf"})
    assert pdf.status_code == 200
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert pdf.headers["Cache-Control"] == "no-store"
    assert pdf.headers["Content-Language"] == "ar"
    assert pdf.headers["Content-Disposition"] == f'inline; filename="{message_id(1)}.pdf"'
    assert pdf.content.startswith(b"%PDF-1.7")


@pytest.mark.parametrize("form", ["text", "html", "pdf"])
async def test_a_rendering_says_the_digest_of_its_bytes_in_both_spellings(stand: Stand, form: str) -> None:
    officer = stand.as_("case-officer")
    await officer.post("/v1/messages", json=submission(1))
    path = f"/v1/messages/{message_id(1)}/rendering"
    shown = await officer.get(path, params={"lang": "fr", "format": form})
    digest = hashlib.sha256(shown.content).digest()
    assert shown.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert shown.headers["ETag"] == f'"{base64url.encode(digest).decode()}"'


async def test_a_timeline_is_rendered_in_every_format_for_those_who_may_read_the_case(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    await officer.post("/v1/messages", json=submission(1))
    path = f"/v1/cases/{EXAMPLE_CASE}/timeline/rendering"
    text = await officer.get(path, params={"lang": "es"})
    assert "Caso abierto" in text.text
    assert 'dir="rtl"' in (await officer.get(path, params={"lang": "ar", "format": "html"})).text
    pdf = await officer.get(path, params={"format": "pdf"})
    assert pdf.content.startswith(b"%PDF-1.7")
    digest = pdf.headers["ETag"].strip('"')
    assert pdf.headers["Content-Disposition"] == f'inline; filename="timeline-{digest[:8]}.pdf"'
    stranger = stand.as_("case-officer", authorities=("it.other",))
    assert (await stranger.get(path)).status_code == 404
    assert (await stand.as_("operator", authorities=()).get(path)).status_code == 403


async def test_a_collection_names_a_rendering_wholly_or_not_at_all(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    await officer.post("/v1/messages", json=submission(1))
    path = f"/v1/messages/{message_id(1)}/collection"
    named = {"rendering": "d" * 43, "lang": "ar", "format": "pdf"}
    for left_out in named:
        asked = {name: value for name, value in named.items() if name != left_out}
        assert (await officer.post(path, params=asked)).status_code == 422
    whole = (await officer.post(path, params=named)).json()
    assert (whole["rendering"]["digest"], whole["rendering"]["language"]) == ("d" * 43, "ar")


async def test_a_message_collected_again_gets_the_first_answer(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    await officer.post("/v1/messages", json=submission(1))
    first = await officer.post(f"/v1/messages/{message_id(1)}/collection")
    again = await officer.post(f"/v1/messages/{message_id(1)}/collection")
    assert first.status_code == 200
    assert first.content == again.content


async def test_an_envelope_goes_out_as_a_file_and_comes_in_as_one(stand: Stand) -> None:
    await stand.as_("case-officer").post("/v1/messages", json=submission(1))
    courier = stand.as_("operator", authorities=())
    out = await courier.get(f"/v1/messages/{message_id(1)}/envelope")
    assert out.headers["Content-Type"] == "application/vnd.focalpoint.envelope+json"
    assert message_id(1) in out.headers["Content-Disposition"]
    taken = await courier.post(
        "/v1/envelopes", content=out.content, headers={"Content-Type": out.headers["Content-Type"]}
    )
    assert (taken.status_code, taken.json()["outcome"]) == (200, "consigned")
    assert stand.exchange.imported == [out.content]


async def test_a_node_is_ready_when_every_part_works(stand: Stand) -> None:
    anybody = stand.bearing(None)
    ready = await anybody.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "parts": {"store": True, "hub": True}})
    stand.working["store"] = False
    away = await anybody.get("/readyz")
    assert (away.status_code, away.json()["parts"]["store"]) == (503, False)
    assert (await anybody.get("/livez")).status_code == 200


async def test_a_vocabulary_has_labels_in_the_readers_language(stand: Stand) -> None:
    reader = stand.as_("statistician", authorities=())
    arabic = await reader.get("/v1/vocabularies/sex", headers={"Accept-Language": "ar"})
    english = await reader.get("/v1/vocabularies/sex")
    assert arabic.headers["Content-Language"] == "ar"
    codes = [[concept["code"] for concept in answer.json()["concepts"]] for answer in (arabic, english)]
    assert codes[0] == codes[1]
    assert arabic.json()["concepts"] != english.json()["concepts"]


async def test_metrics_count_requests_by_template_and_name_no_message(stand: Stand) -> None:
    await stand.as_("case-officer").get(f"/v1/messages/{message_id(1)}")
    answer = await stand.as_("operator", authorities=()).get("/metrics")
    assert 'route="/v1/messages/{id}"' in answer.text
    assert message_id(1) not in answer.text
