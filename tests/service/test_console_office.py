"""The consoles of administrators, auditors and statisticians, over a real store: judged by what is stored."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import text

from protocol.journal import read_entry, verify
from protocol.vocabularies import scheme
from service import console, exchange
from service.access import journal
from service.access.roles import CONTENT_SCOPES, ENDPOINTS, ROLE_SCOPES, Role
from service.api.app import ROUTERS
from service.console import audit
from service.console.coverage import COVERED, PARAMETERS, NoPage
from service.console.pages import OPEN, PAGES
from service.directory.corridor import facts_of_profile, read_draft, signed
from service.directory.laid_out import lay_out, read_entries
from service.exchange.views import AdapterHealth
from service.keystore import API_TOKEN, STATE_ROOT
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk, text_of
from tests.service.officer_stand import hidden_of

pytestmark = pytest.mark.anyio

OFFICE = [
    path
    for method, path in PAGES
    if method == "GET"
    and "{" not in path
    and not path.endswith("/file")
    and path.startswith(("/console/admin", "/console/journal", "/console/stat", "/console/indicators"))
]
WITHOUT_CONTENT = (Role.ADMINISTRATOR, Role.AUDITOR, Role.STATISTICIAN, Role.OPERATOR)


async def desks(stand: AccessStand) -> tuple[Desk, Desk]:
    return await Desk.of(stand, Role.ADMINISTRATOR), await Desk.of(stand, Role.ADMINISTRATOR)


async def new_id(desk: Desk) -> str:
    """Of the next person, as the page chose it."""
    (pair,) = hidden_of(await desk.get("/console/admin/people"), "/console/admin/people")
    assert pair[0] == "id"
    return pair[1]


def approval_in(answer: Any) -> str:
    """Where a proposal led to."""
    assert answer.status_code == 303, text_of(answer)
    path = str(answer.headers["location"]).partition("?")[0]
    assert path.startswith("/console/approvals/")
    return path


async def approve(desk: Desk, path: str) -> Any:
    return await desk.post(f"{path}/decision", {"decision": "approve"})


def with_root_key(stand: AccessStand) -> None:
    stand.pair.world.signing[STATE_ROOT] = stand.pair.world.root["it"]


def own_entries_laid_out(stand: AccessStand) -> None:
    for path, token in stand.pair.world.entries.items():
        if path.startswith("it/"):
            lay_out(stand.node.settings.data_dir, path, token)


# -- every page, in every language, for those who may open it


@pytest.mark.parametrize("language", ["en", "fr", "es", "pt", "ru", "ar", "zh"])
async def test_every_page_is_drawn_in_every_language_and_without_a_code_that_was_left_over(
    stand: AccessStand, language: str
) -> None:
    own_entries_laid_out(stand)
    stand.node.keys.add_signing("webhook")  # type: ignore[attr-defined]
    for role in (Role.ADMINISTRATOR, Role.AUDITOR, Role.STATISTICIAN):
        desk = await Desk.of(stand, role, language=language)
        for path in OFFICE:
            if not PAGES["GET", path] <= ROLE_SCOPES[role]:
                continue
            page = await desk.get(path)
            assert page.status_code == 200, (path, text_of(page)[:300])
            assert f'lang="{language}"' in page.text
            assert not re.search(
                r"\badmin-[a-z]+-[a-z]+", re.sub(r'(id|for|name|href)="[^"]*"', "", page.text)
            )


async def test_roles_without_content_see_none_on_any_of_their_pages(stand: AccessStand) -> None:
    case = await stand.pair.open_case()
    sent = await stand.pair.notify(case)
    officer = stand.actor(Role.CASE_OFFICER)
    view = await exchange.read_message(stand.node, officer, sent.id, False, None)
    assert view.content is not None
    planted = view.content.narrative[0].text
    assert len(planted) > 20
    for role in WITHOUT_CONTENT:
        assert not ROLE_SCOPES[role] & CONTENT_SCOPES
        desk = await Desk.of(stand, role)
        for (method, path), scopes in PAGES.items():
            if method == "GET" and "{" not in path and scopes <= ROLE_SCOPES[role]:
                assert planted not in (await desk.get(path)).text, path


# -- people


async def test_a_person_who_sees_no_case_is_registered_at_once_and_their_link_is_shown_once(
    stand: AccessStand,
) -> None:
    desk, _ = await desks(stand)
    added = await desk.post("/console/admin/people", {"id": await new_id(desk), "role": "auditor"})
    page = await desk.get(added.headers["location"])
    person = re.search(r"Registered:\s*(person-[\w-]{12})", text_of(page))
    assert person is not None
    shown = await desk.post(f"/console/admin/people/{person[1]}/link")
    link = re.search(r"/auth/invitation/[\w-]{20,}", shown.text)
    assert link is not None
    assert link[0] not in (await desk.get("/console/admin/people")).text
    opened = await stand.browser().post(link[0])
    assert opened.status_code in (200, 303)


async def test_an_officer_is_registered_by_two_and_whoever_approves_is_shown_the_link(
    stand: AccessStand,
) -> None:
    first, second = await desks(stand)
    before = len(stand.tables()["person"])
    fields = {"id": await new_id(first), "role": "case-officer", "authorities": [stand.office]}
    waits = approval_in(await first.post("/console/admin/people", fields))
    assert len(stand.tables()["person"]) == before
    assert "as case-officer" in text_of(await second.get(waits))
    assert (await approve(first, waits)).status_code == 409
    assert len(stand.tables()["person"]) == before
    await approve(second, waits)
    assert len(stand.tables()["person"]) == before + 1
    person = re.search(r"person-[\w-]{12}(?=: new)", text_of(await second.get(waits)))
    assert person is not None
    linked = approval_in(await first.post(f"/console/admin/people/{person[0]}/link"))
    assert "/auth/invitation/" in (await approve(second, linked)).text


async def test_a_button_that_is_pressed_twice_registers_one_person(stand: AccessStand) -> None:
    desk, _ = await desks(stand)
    for role, authorities in (("auditor", []), ("case-officer", [stand.office])):
        fields = {"id": await new_id(desk), "role": role, "authorities": authorities}
        before = {name: len(rows) for name, rows in stand.tables().items()}
        first, again = [await desk.post("/console/admin/people", fields) for _ in range(2)]
        assert [first.status_code, again.status_code] == [303, 303], text_of(again)
        assert first.headers["location"] == again.headers["location"]
        after = stand.tables()
        assert len(after["person"]) + len(after["approval"]) == before["person"] + before["approval"] + 1
    changed = await desk.post("/console/admin/people", {**fields, "role": "supervisor"})
    assert "access.base_changed" in changed.text, "one id is one person"
    # Reloading where it led to sends nothing again, and the id of somebody else is refused.
    taken = {"id": desk.person, "role": "auditor"}
    assert "access.base_changed" in (await desk.post("/console/admin/people", taken)).text
    for wrong in ("person-x", "", "officer-1"):
        assert (await desk.post("/console/admin/people", {**taken, "id": wrong})).status_code in (400, 422)


async def test_the_same_proposal_again_while_it_waits_is_one(stand: AccessStand) -> None:
    desk, other = await desks(stand)
    supervisor = await Desk.of(stand, Role.SUPERVISOR)
    link = f"/console/admin/people/{supervisor.person}/link"
    keys = "/console/admin/keys"
    key = {"act": "generate", "owner": stand.office}
    for path, fields in ((link, {}), (keys, key)):
        answers = [approval_in(await desk.post(path, fields)) for _ in range(2)]
        assert answers[0] == answers[1], path
        assert approval_in(await other.post(path, fields)) != answers[0], "another person's is another"


async def test_somebody_disabled_is_out_at_once(stand: AccessStand) -> None:
    desk, _ = await desks(stand)
    other = await Desk.of(stand, Role.SUPERVISOR)
    assert (await other.get("/console/")).headers["location"] == "/console/work"
    assert (await desk.post(f"/console/admin/people/{other.person}/disable")).status_code == 303
    assert "sign-in" in (await other.get("/console/")).headers["location"]


async def test_a_refused_registration_says_why_and_keeps_what_was_typed_but_the_subject(
    stand: AccessStand,
) -> None:
    desk, _ = await desks(stand)
    fields = {"id": await new_id(desk), "role": "case-officer", "subject": "somebody@example.org"}
    page = await desk.post("/console/admin/people", fields)
    assert page.status_code == 422
    assert 'value="case-officer" selected' in page.text
    assert "somebody@example.org" not in page.text


# -- systems


async def test_a_system_is_registered_with_a_pasted_public_key_by_two(stand: AccessStand) -> None:
    first, second = await desks(stand)
    public = OKPKey.generate_key("Ed25519", {"kid": "k1"}).as_dict(private=False)
    fields: dict[str, Any] = {"id": "registry", "role": "agency-system", "authorities": [stand.office]}
    for keys in (json.dumps(public), json.dumps([public]), json.dumps({"keys": [public]})):
        waits = approval_in(await first.post("/console/admin/systems", {**fields, "keys": keys}))
        assert "thumbprint" in text_of(await second.get(waits))
    await approve(second, waits)
    page = text_of(await first.get("/console/admin/systems"))
    assert "registry" in page
    assert "k1" in page
    assert (await first.post("/console/admin/systems/registry/disable")).status_code == 303
    assert "disabled" in text_of(await first.get("/console/admin/systems"))


@pytest.mark.parametrize("keys", ["", "x", "7", "[7]", '{"kty":1', '{}, "x": {}', "[" * 9_000])
async def test_what_is_no_key_is_refused_on_the_page(stand: AccessStand, keys: str) -> None:
    desk, _ = await desks(stand)
    fields = {"id": "registry", "role": "agency-system", "authorities": [stand.office], "keys": keys}
    page = await desk.post("/console/admin/systems", fields)
    assert (page.status_code, "access.client_key" in page.text) == (422, True)


async def test_a_private_key_that_was_pasted_is_not_shown_again(stand: AccessStand) -> None:
    desk, _ = await desks(stand)
    key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    private = key.as_dict(private=True)
    fields = {"id": "registry", "role": "agency-system", "authorities": [stand.office]}
    page = await desk.post("/console/admin/systems", {**fields, "keys": json.dumps(private)})
    assert page.status_code == 422
    assert private["d"] not in page.text


# -- the directory


async def test_an_entry_is_changed_after_its_exact_differences_were_shown_and_two_agreed(
    stand: AccessStand,
) -> None:
    own_entries_laid_out(stand)
    with_root_key(stand)
    stand.clock.moment += timedelta(minutes=1)  # an entry of the same moment is no newer
    first, second = await desks(stand)
    path = "/console/admin/directory/authority/servizio-minori"
    shown = await first.get(path)
    said = dict(next(iter(stand.pair.world.authority(stand.office).metadata().values())))
    assert "servizio-minori" in text_of(shown)
    said["competences"] = [one for one in said["competences"] if one != "guardian"]
    facts = {"facts": json.dumps(said)}
    before = read_entries(stand.node.settings.data_dir)
    preview = await first.post(path, {**facts, "act": "preview"})
    assert "no longer competent for guardian" in text_of(preview)
    assert read_entries(stand.node.settings.data_dir) == before
    waits = approval_in(await first.post(path, {**facts, "act": "propose"}))
    assert "no longer competent for guardian" in text_of(await second.get(waits))
    assert read_entries(stand.node.settings.data_dir) == before
    await approve(second, waits)
    after = read_entries(stand.node.settings.data_dir)
    assert {name for name in after if after[name] != before.get(name)} == {"it/authority/servizio-minori"}


async def test_where_the_root_key_is_elsewhere_the_page_gives_what_is_to_be_signed(
    stand: AccessStand,
) -> None:
    own_entries_laid_out(stand)
    desk, _ = await desks(stand)
    path = "/console/admin/directory/authority/servizio-minori"
    said = dict(next(iter(stand.pair.world.authority(stand.office).metadata().values())))
    page = await desk.post(path, {"facts": json.dumps(said), "act": "preview"})
    assert "authority_hints" in page.text
    assert 'name="signed"' in page.text
    refused = await desk.post(path, {"facts": json.dumps(said), "act": "propose"})
    assert (refused.status_code, "keystore.unknown_owner" in refused.text) == (422, True)
    broken = await desk.post(path, {"facts": "{", "act": "preview"})
    assert broken.status_code == 422
    assert (await desk.get("/console/admin/directory/authority/nowhere")).status_code == 404


def mandate_form(stand: AccessStand) -> dict[str, Any]:
    now = stand.clock.now()
    return {
        "name": "iom",
        "intermediary": "int.iom",
        "procedures": ["social-inquiry"],
        "parts": ["coded", "narrative"],
        "from": f"{now:%Y-%m-%d}",
        "until": f"{now + timedelta(days=30):%Y-%m-%d}",
    }


async def test_a_mandate_is_given_by_two_and_revoked_at_once_by_one(stand: AccessStand) -> None:
    with_root_key(stand)
    first, second = await desks(stand)
    preview = await first.post("/console/admin/mandates", mandate_form(stand))
    assert "int.iom acts for it in social-inquiry" in text_of(preview)
    assert read_entries(stand.node.settings.data_dir) == {}
    facts = re.search(r'name="facts" value="([^"]*)"', preview.text)
    assert facts is not None
    path = "/console/admin/directory/mandate/iom"
    waits = approval_in(await first.post(path, {"facts": html.unescape(facts[1]), "act": "propose"}))
    await approve(second, waits)
    given = read_entries(stand.node.settings.data_dir)
    assert list(given) == ["it/mandate/iom"]
    stand.clock.moment += timedelta(minutes=10)
    approval_in(await first.post("/console/admin/mandates/iom/end"))
    assert read_entries(stand.node.settings.data_dir) != given
    assert "ended" in text_of(await first.get("/console/admin/mandates"))


@pytest.mark.parametrize("changes", [{"name": "../x"}, {"procedures": []}, {"from": "soon"}, {"parts": []}])
async def test_a_mandate_that_cannot_be_is_refused_beside_what_was_typed(
    stand: AccessStand, changes: dict[str, Any]
) -> None:
    desk, _ = await desks(stand)
    page = await desk.post("/console/admin/mandates", mandate_form(stand) | changes)
    assert page.status_code == 422
    assert 'value="int.iom"' in page.text


async def test_a_profile_is_drafted_signed_by_both_put_together_and_ended(stand: AccessStand) -> None:
    with_root_key(stand)
    first, second = await desks(stand)
    now = stand.clock.now()
    drafted = await first.post(
        "/console/admin/profiles",
        {
            "act": "draft",
            "other": "ro",
            "from": f"{now:%Y-%m-%d}",
            "until": f"{now + timedelta(days=300):%Y-%m-%d}",
            "costs": next(iter(costs())),
            "languages": ["en", "fr"],
            "retention": "P10Y",
            "length.social-inquiry.request.acceptance.ordinary": "P7D",
        },
    )
    assert "social-inquiry.request, acceptance, ordinary: P7D" in text_of(drafted)
    written = re.search(r'<textarea id="drafted".*?>\n(.*?)</textarea>', drafted.text, re.DOTALL)
    assert written is not None
    document = read_draft(html.unescape(written[1]))
    ours, theirs = (
        json.dumps(facts_of_profile(signed(document, stand.pair.world.root[code]))) for code in ("it", "ro")
    )
    one = await first.post("/console/admin/profiles", {"act": "assemble", "file": [ours, ""]})
    assert "Signatures: 1 of 2" in text_of(one)
    both = await first.post("/console/admin/profiles", {"act": "assemble", "file": [ours, theirs]})
    assert "counts for what is opened until" in text_of(both)
    facts = re.search(r'name="facts" value="([^"]*)"', both.text)
    assert facts is not None
    path = "/console/admin/directory/corridor/ro"
    waits = approval_in(await first.post(path, {"facts": html.unescape(facts[1]), "act": "propose"}))
    await approve(second, waits)
    laid = read_entries(stand.node.settings.data_dir)
    assert list(laid) == ["it/corridor/ro"]
    stand.clock.moment += timedelta(minutes=10)
    ends = approval_in(await first.post("/console/admin/profiles/ro/end"))
    assert read_entries(stand.node.settings.data_dir) == laid
    await approve(second, ends)
    assert "ended" in text_of(await first.get("/console/admin/profiles"))


def costs() -> list[str]:
    return list(scheme("costs-bearer").concepts)


# -- keys


async def test_keys_are_shown_without_secrets_and_acted_on_by_two(stand: AccessStand) -> None:
    keys: Any = stand.node.keys
    keys.add_signing(API_TOKEN)
    first, second = await desks(stand)
    (before,) = [one.kid for one in keys.entries() if one.owner == API_TOKEN]
    page = await first.get("/console/admin/keys")
    assert before in page.text
    for fields in (
        {"act": "rotate", "owner": API_TOKEN, "kid": before},
        {"act": "revoke", "owner": API_TOKEN, "kid": before, "since": "2026-11-01T10:00"},
        {"act": "rotate", "owner": API_TOKEN, "replace": "yes"},
        {"act": "compromised", "owner": API_TOKEN},
        {"act": "melt", "owner": API_TOKEN},
    ):
        assert (await first.post("/console/admin/keys", fields)).status_code == 422, fields
    assert len([one for one in keys.entries() if one.owner == API_TOKEN]) == 1
    waits = approval_in(await first.post("/console/admin/keys", {"act": "generate", "owner": "webhook"}))
    assert not [one for one in keys.entries() if one.owner == "webhook"]
    await approve(second, waits)
    assert [one.owner for one in keys.entries() if one.owner == "webhook"] == ["webhook"]


# -- retention


async def test_an_administrator_holds_a_case_by_its_reference_without_seeing_what_is_in_it(
    stand: AccessStand,
) -> None:
    case = await stand.pair.open_case()
    sent = await stand.pair.notify(case)
    desk, _ = await desks(stand)
    page = await desk.get("/console/retention", params={"case": case}, follow_redirects=True)
    assert page.status_code == 200
    assert page.url.path == f"/console/cases/{case}/retention"
    assert sent.id not in page.text
    assert (await desk.get("/console/retention", params={"case": "no case"})).status_code == 422
    assert (await desk.get(f"/console/cases/{case}")).status_code == 403


# -- where notices go


async def test_a_webhook_is_added_changed_and_removed(stand: AccessStand) -> None:
    desk, _ = await desks(stand)
    fields: dict[str, Any] = {
        "id": "it-desk",
        "channel": "webhook",
        "target": "https://desk.example.org/notices",
        "kinds": ["stuck"],
    }
    assert (await desk.post("/console/admin/subscriptions", fields)).status_code == 303
    assert "Something stands still" in text_of(await desk.get("/console/admin/subscriptions"))
    again = await desk.get("/console/admin/subscriptions/it-desk")
    assert 'value="https://desk.example.org/notices"' in again.text
    changed = {**fields, "daily_at": "7", "language": "fr"}
    assert (await desk.post("/console/admin/subscriptions", changed)).status_code == 303
    assert 'value="7" selected' in (await desk.get("/console/admin/subscriptions/it-desk")).text
    wrong = await desk.post("/console/admin/subscriptions", {**fields, "target": "http://somewhere"})
    assert (wrong.status_code, "notice.target" in wrong.text) == (422, True)
    assert (await desk.post("/console/admin/subscriptions/it-desk/remove")).status_code == 303
    assert "it-desk" not in text_of(await desk.get("/console/admin/subscriptions"))


# -- the journal


async def fill(stand: AccessStand, count: int, *, actor: str = "officer") -> None:
    who = stand.actor(Role.CASE_OFFICER, actor)

    def work(session: Any) -> None:
        for number in range(count):
            journal.note(session, who, "message-read", f"it-{number}", at=stand.clock.now())

    await stand.node.store.write(work)


async def test_the_journal_is_found_by_person_and_period_page_by_page_and_reading_it_stands_in_it(
    stand: AccessStand,
) -> None:
    await fill(stand, 60, actor="first-day")
    stand.clock.moment += timedelta(days=2)
    await fill(stand, 5, actor="later")
    desk = await Desk.of(stand, Role.AUDITOR)
    day = f"{stand.clock.now() - timedelta(days=2):%Y-%m-%d}"
    page = await desk.get("/console/journal", params={"since": day, "until": day, "person": "first-day"})
    assert len(re.findall("message-read", page.text)) == 50
    further = re.search(r'rel="next" href="\?([^"]*)"', page.text)
    assert further is not None
    rest = await desk.get(f"/console/journal?{further[1].replace('&amp;', '&')}")
    assert len(re.findall("message-read", rest.text)) == 10
    assert 'rel="next"' not in rest.text
    first_day = await desk.get("/console/journal", params={"until": day})
    assert "first-day" in first_day.text
    assert ">later<" not in first_day.text
    later = await desk.get("/console/journal", params={"person": "later"})
    assert len(re.findall("message-read", later.text)) == 5
    assert [row[2] for row in stand.journal()][-4:] == ["journal-read"] * 4
    assert (await desk.get("/console/journal", params={"case": "no case"})).status_code == 422


async def test_a_search_walks_over_no_more_than_it_may_and_goes_on_from_there(
    stand: AccessStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(stand, 3, actor="long-ago")
    await fill(stand, 40)
    monkeypatch.setattr(journal, "MOST_LOOKED_AT", 20)

    def looked(before: int) -> journal.Found:
        return stand.node.store.read_now(
            lambda session: journal.search(session, before=before, limit=50, actor="long-ago")
        )

    steps, before, found = 0, 1 << 40, 0
    while True:
        step = looked(before)
        steps, found = steps + 1, found + len(step.entries)
        if step.further is None:
            break
        before = step.further
    assert (found, steps > 2) == (3, True)


async def test_a_change_in_the_journal_is_named_on_the_page_and_by_the_check(stand: AccessStand) -> None:
    await fill(stand, 10)
    desk = await Desk.of(stand, Role.AUDITOR)
    assert "as they were written" in text_of(await desk.get("/console/journal"))
    whole = await desk.get("/console/journal/check")
    assert "The chain is whole" in text_of(whole)
    digest = stand.node.store.read_now(lambda session: journal.entries(session, limit=5))[-1]
    same = {"position": digest.position, "digest": digest.digest}
    assert "The checkpoint is in the chain" in text_of(await desk.get("/console/journal/check", params=same))
    other = {"position": digest.position, "digest": "A" * 43}
    assert "another than the checkpoint" in text_of(await desk.get("/console/journal/check", params=other))
    far = {"position": 99_999, "digest": "A" * 43}
    assert "has to be there and is not" in text_of(await desk.get("/console/journal/check", params=far))

    def tamper(session: Any) -> None:
        session.connection().execute(text("UPDATE access_journal SET subject = 'x' WHERE position = 4"))

    await stand.node.store.write(tamper)
    for path in ("/console/journal", "/console/journal/check"):
        assert "broken at entry 4" in text_of(await desk.get(path))


async def test_the_check_goes_on_where_it_stopped(
    stand: AccessStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_CHECKED", 4)
    await fill(stand, 10)
    desk = await Desk.of(stand, Role.AUDITOR)
    page, seen = await desk.get("/console/journal/check"), 1
    while (further := re.search(r'rel="next" href="\?([^"]*)"', page.text)) is not None:
        page, seen = await desk.get(f"/console/journal/check?{further[1]}"), seen + 1
    assert seen >= 3
    assert "The chain is whole" in text_of(page)


async def test_the_file_of_the_journal_is_what_the_api_gives_and_verifies(stand: AccessStand) -> None:
    await fill(stand, 5)
    desk = await Desk.of(stand, Role.AUDITOR)
    file = await desk.get("/console/journal/file")
    entries = [read_entry(line) for line in file.content.splitlines()]
    assert verify(entries).fault is None
    assert len(entries) >= 5
    assert "attachment" in file.headers["content-disposition"]


# -- figures


async def test_a_release_is_made_once_read_and_taken_as_files(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.STATISTICIAN)
    fields = {"role": "destination", "year": str(stand.clock.now().year - 1)}
    made = await desk.post("/console/statistics", fields)
    assert made.status_code == 303, text_of(made)
    path = made.headers["location"].partition("?")[0]
    assert (await desk.get(path)).status_code == 200
    for format_, kind in (("csv", "text/csv"), ("json", "application/json"), ("pdf", "application/pdf")):
        file = await desk.get(f"{path}/file", params={"format": format_})
        assert file.headers["content-type"].startswith(kind)
    released = stand.tables("access_journal", "sign_in_session")
    again = await desk.post("/console/statistics", fields)
    assert again.headers["location"].partition("?")[0] == path
    assert stand.tables("access_journal", "sign_in_session") == released
    for wrong in ({"role": "destination"}, {**fields, "day": "2026-01-01"}, {**fields, "year": "9"}):
        assert (await desk.post("/console/statistics", wrong)).status_code == 422
    open_year = await desk.post("/console/statistics", {**fields, "year": str(stand.clock.now().year)})
    assert (open_year.status_code, "statistics.period_open" in open_year.text) == (422, True)


@pytest.mark.parametrize("role", [Role.STATISTICIAN, Role.OPERATOR, Role.SUPERVISOR])
async def test_indicators_are_read_for_a_corridor_and_taken_as_files(stand: AccessStand, role: Role) -> None:
    desk = await Desk.of(stand, role)
    await stand.pair.notify(await stand.pair.open_case())
    page = await desk.get("/console/indicators", params={"peer": "ro"})
    assert page.status_code == 200
    assert 'value="ro" selected' in page.text
    for format_ in ("csv", "json", "pdf"):
        file = await desk.get("/console/indicators/file", params={"peer": "ro", "format": format_})
        assert file.status_code == 200
    # Cells under ten are one child's case: for a statistician there is no other form.
    shown = (await desk.get("/console/indicators/file", params={"peer": "ro", "format": "json"})).json()
    assert shown["for"] == ("publication" if role is Role.STATISTICIAN else "states")
    assert ('<option value="">for the two States' in page.text) == (role is not Role.STATISTICIAN)
    year = str(stand.clock.now().year)
    early = await desk.get("/console/indicators", params={"publication": "true", "year": year})
    assert (early.status_code, "statistics.period_open" in early.text) == (422, True)


# -- adapters


async def test_an_adapter_that_is_unwell_or_silent_is_an_alarm_with_its_page(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    assert "Adapters that are not well" not in text_of(await desk.get("/console/operator"))
    health = AdapterHealth(version="1", state="well", since=stand.clock.now(), set_aside=0)
    system = stand.actor(Role.AGENCY_SYSTEM, "registry")
    await exchange.report_adapter(stand.node, system, "primero-bridge", health)
    assert "Adapters that are not well" not in text_of(await desk.get("/console/operator"))
    stand.clock.moment += timedelta(minutes=6)
    page = await desk.get("/console/operator")
    assert "Adapters that are not well: 1" in text_of(page)
    assert "/console/operator/runbooks/adapter-unwell" in page.text
    assert "silent" in text_of(await desk.get("/console/operator/adapters"))
    assert (await desk.get("/console/operator/runbooks/adapter-unwell")).status_code == 200


# -- nothing of the API is out of a browser's reach


def test_every_endpoint_has_a_page_for_every_role_that_may_call_it_or_is_for_machines() -> None:
    assert set(COVERED) == set(ENDPOINTS), "each endpoint once"
    for endpoint, answer in COVERED.items():
        if isinstance(answer, NoPage):
            assert len(answer.reason) > 20, endpoint
            continue
        for page in answer:
            assert page in PAGES, (endpoint, page)
        for role in Role:
            if role is Role.AGENCY_SYSTEM or not ENDPOINTS[endpoint] <= ROLE_SCOPES[role]:
                continue
            opens = [page for page in answer if page in OPEN or PAGES[page] <= ROLE_SCOPES[role]]
            assert opens, (endpoint, role)


def parameters_of(routers: Any) -> dict[tuple[str, str], frozenset[str]]:
    return {
        endpoint: frozenset(field.alias for field in route.dependant.query_params)
        for router in routers
        for route in router.routes
        for endpoint in route.endpoints
    }


def test_every_parameter_is_one_of_a_page_for_every_role_or_says_why_a_browser_needs_none() -> None:
    offered, asked = parameters_of(console.ROUTERS), parameters_of(ROUTERS)
    assert set(asked) == set(COVERED)
    needed = set()
    for endpoint, names in asked.items():
        answer = COVERED[endpoint]
        for name in () if isinstance(answer, NoPage) else names:
            stands = PARAMETERS.get((*endpoint, name), name)
            if stands != name:
                needed.add((*endpoint, name))
            if isinstance(stands, NoPage):
                assert len(stands.reason) > 20, (endpoint, name)
                continue
            for role in Role:
                if role is Role.AGENCY_SYSTEM or not ENDPOINTS[endpoint] <= ROLE_SCOPES[role]:
                    continue
                opens = [page for page in answer if PAGES[page] <= ROLE_SCOPES[role]]
                assert any(stands in offered[page] for page in opens), (endpoint, name, role)
    assert needed == set(PARAMETERS), "what is explained is a parameter that is there"


def test_a_page_asks_for_no_less_than_the_endpoint_that_it_stands_for() -> None:
    for endpoint, answer in COVERED.items():
        for page in () if isinstance(answer, NoPage) else answer:
            assert page in OPEN or ENDPOINTS[endpoint] <= PAGES[page] or PAGES[page], (endpoint, page)
