"""People come by the identity provider or by a one-time link, and by nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey

from service.access import people, sessions
from service.access.roles import Role
from tests.service.access_stand import AccessStand
from tests.service.identity_provider import unsigned

pytestmark = pytest.mark.anyio


async def gone(browser: httpx.AsyncClient, path: str = "/auth/login") -> str:
    answer = await browser.get(path)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def signed_in(stand: AccessStand, browser: httpx.AsyncClient, subject: str = "s-1") -> httpx.Response:
    back = stand.provider.authorize(await gone(browser), subject=subject)
    return await browser.get("/auth/callback", params=back)


async def invited(stand: AccessStand, browser: httpx.AsyncClient, role: Role = Role.CASE_OFFICER) -> str:
    """Signs somebody in by a link; their name."""
    known = await stand.person(role)
    answer = await browser.post(urlsplit(await stand.link(known.id)).path)
    assert answer.status_code == 303, answer.text
    return known.id


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_somebody_whom_the_provider_and_the_node_know_is_signed_in(stand: AccessStand) -> None:
    known = await stand.person(Role.SUPERVISOR, subject="s-1")
    browser = stand.browser()
    answer = await signed_in(stand, browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/")
    session = (await browser.get("/auth/session")).json()
    assert (session["person"], session["role"], session["how"]) == (known.id, "supervisor", "provider")
    assert (session["acr"], session["amr"]) == ("urn:example:two-factors", "pwd otp")
    assert (known.id, "session", "signed-in", known.id) in stand.journal()


async def test_the_cookie_is_hidden_from_scripts_and_bound_to_https_where_there_is_any(
    tmp_path: Path, stand: AccessStand
) -> None:
    await stand.person(subject="s-1")
    plain = (await signed_in(stand, stand.browser())).headers["set-cookie"]
    assert plain.startswith("focalpoint=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(plain.split("; "))
    assert "Secure" not in plain
    stand.node = dataclasses.replace(
        stand.node, settings=dataclasses.replace(stand.node.settings, api_url="https://node.example")
    )
    assert sessions.cookie_name(stand.node.settings) == "__Host-focalpoint"
    assert sessions.cookies_are_secure(stand.node.settings)


async def test_a_subject_that_the_node_does_not_know_opens_nothing(stand: AccessStand) -> None:
    await stand.person(subject="s-1")
    browser = stand.browser()
    assert code_of(await signed_in(stand, browser, subject="s-2")) == (403, "access.person_unknown")
    assert code_of(await browser.get("/auth/session"))[0] == 401


async def test_no_subject_of_the_provider_is_kept_in_clear(stand: AccessStand) -> None:
    await stand.person(subject="a.name@ministry.example")
    await signed_in(stand, stand.browser(), subject="a.name@ministry.example")
    assert "ministry" not in repr(stand.tables())


LIES: dict[str, Callable[[Any], Any]] = {
    "another nonce": lambda provider: setattr(provider, "says", lambda c: c | {"nonce": "another"}),
    "no nonce": lambda provider: setattr(provider, "says", lambda c: _without(c, "nonce")),
    "for another client": lambda provider: setattr(provider, "says", lambda c: c | {"aud": "another"}),
    "for several, by another": lambda provider: setattr(
        provider, "says", lambda c: c | {"aud": [provider.client_id, "another"], "azp": "another"}
    ),
    "for several, by nobody": lambda provider: setattr(
        provider, "says", lambda c: c | {"aud": [provider.client_id, "another"]}
    ),
    "from another issuer": lambda provider: setattr(
        provider, "says", lambda c: c | {"iss": "https://x.example"}
    ),
    "expired": lambda provider: setattr(provider, "says", lambda c: c | {"exp": c["iat"] - 60}),
    "from the future": lambda provider: setattr(
        provider, "says", lambda c: c | {"iat": c["iat"] + 600, "exp": c["iat"] + 900}
    ),
    "without an end": lambda provider: setattr(provider, "says", lambda c: _without(c, "exp")),
    "naming nobody": lambda provider: setattr(provider, "says", lambda c: _without(c, "sub")),
    "signed by nobody": lambda provider: setattr(provider, "writes", unsigned),
    "with its signature cut off": lambda provider: setattr(
        provider, "writes", lambda token: token.rpartition(".")[0] + "."
    ),
    "signed by a key that is not published": lambda provider: setattr(
        provider, "published", [ECKey.generate_key("P-256", {"kid": "op-1"})]
    ),
    "naming a key that is not published": lambda provider: setattr(
        provider, "published", [ECKey.generate_key("P-256", {"kid": "op-2"})]
    ),
    "signed with a shared secret": lambda provider: setattr(
        provider, "writes", lambda token: _signed_with_the_public_key(provider, token)
    ),
    "no token at all": lambda provider: setattr(provider, "writes", lambda token: ""),
}


def _without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def _signed_with_the_public_key(provider: Any, token: str) -> str:
    import base64
    import hashlib
    import hmac

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(b'{"alg":"HS256","kid":"op-1"}') + "." + token.split(".")[1]
    return (
        head
        + "."
        + part(hmac.new(provider.key.as_pem(private=False), head.encode(), hashlib.sha256).digest())
    )


@pytest.mark.parametrize("lie", sorted(LIES))
async def test_an_id_token_that_is_not_for_this_sign_in_opens_nothing(stand: AccessStand, lie: str) -> None:
    await stand.person(subject="s-1")
    browser = stand.browser()
    LIES[lie](stand.provider)
    assert code_of(await signed_in(stand, browser)) == (401, "access.sign_in_failed")
    assert stand.tables()["sign_in_session"] == []


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "PS256"])
async def test_the_algorithms_that_providers_use_are_believed(stand: AccessStand, algorithm: str) -> None:
    await stand.person(subject="s-1")
    if algorithm != "ES256":
        stand.provider.key = RSAKey.generate_key(2048, {"kid": "op-rsa"})
    stand.provider.algorithm = algorithm
    assert (await signed_in(stand, stand.browser())).status_code == 303


async def test_a_provider_that_changed_its_keys_is_asked_again(stand: AccessStand) -> None:
    await stand.person(subject="s-1")
    assert (await signed_in(stand, stand.browser())).status_code == 303
    stand.provider.key = ECKey.generate_key("P-256", {"kid": "op-2"})
    stand.clock.pass_by(seconds=61)
    assert (await signed_in(stand, stand.browser())).status_code == 303


async def test_a_way_back_is_good_once_for_the_browser_that_went_and_for_ten_minutes(
    stand: AccessStand,
) -> None:
    await stand.person(subject="s-1")
    browser, other = stand.browser(), stand.browser()
    back = stand.provider.authorize(await gone(browser))
    await gone(other)
    failed = (401, "access.sign_in_failed")
    assert code_of(await other.get("/auth/callback", params=back)) == failed
    assert code_of(await stand.browser().get("/auth/callback", params=back)) == failed
    assert code_of(await browser.get("/auth/callback", params=back | {"state": "x" * 43})) == failed
    assert (await browser.get("/auth/callback", params=back)).status_code == 303
    assert code_of(await browser.get("/auth/callback", params=back)) == failed

    late = stand.browser()
    back = stand.provider.authorize(await gone(late))
    stand.clock.pass_by(minutes=10)
    assert code_of(await late.get("/auth/callback", params=back)) == failed


async def test_a_code_that_was_used_or_was_made_for_another_sign_in_opens_nothing(stand: AccessStand) -> None:
    await stand.person(subject="s-1")
    first, second = stand.browser(), stand.browser()
    mine = stand.provider.authorize(await gone(first))
    assert (await first.get("/auth/callback", params=mine)).status_code == 303
    fresh = stand.provider.authorize(await gone(first))
    replayed = await first.get("/auth/callback", params=fresh | {"code": mine["code"]})
    assert code_of(replayed) == (401, "access.sign_in_failed")
    stolen = stand.provider.authorize(await gone(second))["code"]
    theirs = stand.provider.authorize(await gone(first))
    # PKCE: the code was asked for with the verifier of the browser that it was stolen from.
    injected = await first.get("/auth/callback", params=theirs | {"code": stolen})
    assert code_of(injected) == (401, "access.sign_in_failed")


async def test_an_answer_of_another_provider_or_an_error_is_not_taken(stand: AccessStand) -> None:
    await stand.person(subject="s-1")
    for change in ({"iss": "https://x.example"}, {"error": "access_denied", "code": ""}):
        browser = stand.browser()
        back = stand.provider.authorize(await gone(browser)) | change
        answer = await browser.get("/auth/callback", params=back | {"session_state": "unknown to us"})
        assert code_of(answer) == (401, "access.sign_in_failed")
        assert "access_denied" not in answer.text


async def test_a_provider_that_is_away_or_describes_another_signs_nobody_in(stand: AccessStand) -> None:
    stand.provider.away = True
    answer = await stand.browser().get("/auth/login")
    assert code_of(answer) == (503, "access.provider_unavailable")
    stand.provider.away = False
    stand.provider.issuer = "https://other.example"
    assert code_of(await stand.browser().get("/auth/login")) == (503, "access.provider_unavailable")


@pytest.mark.parametrize("elsewhere", ["https://x.example", "//x.example", "/\\x.example", "x", ""])
async def test_after_signing_in_the_browser_stays_here(stand: AccessStand, elsewhere: str) -> None:
    answer = await stand.browser().get("/auth/login", params={"return_to": elsewhere})
    assert code_of(answer) == (422, "request.parameter")
    await stand.person(subject="s-1")
    browser = stand.browser()
    back = stand.provider.authorize(await gone(browser, "/auth/login?return_to=/desk"))
    assert (await browser.get("/auth/callback", params=back)).headers["location"] == "/desk"


async def test_a_secret_for_the_provider_is_shown_to_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "nodes").mkdir()
    stand = AccessStand(tmp_path / "nodes", oidc_client_secret_file=tmp_path / "secret")
    stand.provider.secret = "s3cret"
    await stand.person(subject="s-1")
    assert (await signed_in(stand, stand.browser())).status_code == 303
    stand.provider.secret = "another"
    assert code_of(await signed_in(stand, stand.browser())) == (401, "access.sign_in_failed")
    stand.close()


# -- links


async def test_a_link_signs_in_once_and_looking_at_it_uses_nothing_up(stand: AccessStand) -> None:
    known = await stand.person(Role.AUDITOR)
    path = urlsplit(await stand.link(known.id)).path
    secret = path.rpartition("/")[2]
    assert secret not in repr(stand.tables())
    for language, word in (("en", "Sign in"), ("ar", "تسجيل الدخول")):
        page = await stand.browser().get(path, headers={"Accept-Language": language})
        assert word in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert secret not in page.text
    browser = stand.browser()
    assert (await browser.post(path)).status_code == 303
    session = (await browser.get("/auth/session")).json()
    assert (session["person"], session["how"]) == (known.id, "invitation")
    assert code_of(await stand.browser().post(path)) == (404, "access.invitation_invalid")
    never = f"/auth/invitation/{'A' * 43}"
    assert code_of(await stand.browser().post(never)) == (404, "access.invitation_invalid")


async def test_a_link_ends_after_a_day_with_the_next_one_and_with_its_owner(stand: AccessStand) -> None:
    admin = stand.as_(Role.ADMINISTRATOR)
    known = await stand.person()

    async def link() -> str:
        return urlsplit(await stand.link(known.id)).path

    invalid = (404, "access.invitation_invalid")
    first, second = await link(), await link()
    assert code_of(await stand.browser().post(first)) == invalid
    stand.clock.pass_by(hours=24)
    assert code_of(await stand.browser().post(second)) == invalid
    third = await link()
    admin = stand.as_(Role.ADMINISTRATOR)
    assert (await admin.delete(f"/v1/persons/{known.id}")).status_code == 200
    assert code_of(await stand.browser().post(third)) == invalid
    assert (await admin.post(f"/v1/persons/{known.id}/invitation")).status_code == 404


async def test_another_sites_page_uses_no_link_up(stand: AccessStand) -> None:
    known = await stand.person()
    path = urlsplit(await stand.link(known.id)).path
    answer = await stand.browser().post(path, headers={"Sec-Fetch-Site": "cross-site"})
    assert code_of(answer) == (403, "access.csrf")
    assert (await stand.browser().post(path)).status_code == 303


async def test_a_person_whose_link_is_used_up_reads_a_page_in_their_language(stand: AccessStand) -> None:
    browser = stand.browser(Accept="text/html,application/xhtml+xml", **{"Accept-Language": "ru"})
    for path in (f"/auth/invitation/{'A' * 43}", "/auth/invitation/Maria-Rossi"):
        answer = await browser.post(path)
        assert answer.status_code in (404, 422)
        assert answer.headers["content-type"].startswith("text/html")
        assert '<html lang="ru"' in answer.text
        assert "Rossi" not in answer.text
    back = await browser.get("/auth/callback?error=access_denied")
    assert (back.status_code, "access.sign_in_failed" in back.text) == (401, True)
    assert "access_denied" not in back.text


# -- sessions


async def test_a_session_does_in_place_of_a_token_and_changes_need_its_word(stand: AccessStand) -> None:
    browser = stand.browser()
    await invited(stand, browser)
    csrf = (await browser.get("/auth/session")).json()["csrf"]
    assert (await browser.get("/v1/messages")).status_code == 200
    before = stand.tables()
    for word in ({}, {sessions.CSRF_HEADER: "x"}, {sessions.CSRF_HEADER: csrf[::-1]}):
        assert code_of(await browser.post("/v1/cases", headers=word)) == (403, "access.csrf")
    assert stand.tables() == before
    assert (await browser.post("/v1/cases", headers={sessions.CSRF_HEADER: csrf})).status_code == 201
    assert (await browser.get("/v1/journal")).status_code == 403


async def test_a_session_ends_when_idle_and_after_a_working_day(stand: AccessStand) -> None:
    ended = (401, "access.session_ended")
    idle = stand.browser()
    await invited(stand, idle)
    for _ in range(4):
        stand.clock.pass_by(minutes=29, seconds=59)
        assert (await idle.get("/v1/messages")).status_code == 200
    stand.clock.pass_by(minutes=30)
    assert code_of(await idle.get("/v1/messages")) == ended

    busy = stand.browser()
    await invited(stand, busy)
    for _ in range(8 * 4 - 1):
        stand.clock.pass_by(minutes=15)
        assert (await busy.get("/v1/messages")).status_code == 200
    stand.clock.pass_by(minutes=15)
    assert code_of(await busy.get("/v1/messages")) == ended


async def test_signing_out_and_being_disabled_end_a_session_at_once(stand: AccessStand) -> None:
    ended = (401, "access.session_ended")
    browser = stand.browser()
    await invited(stand, browser)
    csrf = (await browser.get("/auth/session")).json()["csrf"]
    cookie = browser.cookies["focalpoint"]
    assert code_of(await browser.delete("/auth/session")) == (403, "access.csrf")
    assert (await browser.delete("/auth/session", headers={sessions.CSRF_HEADER: csrf})).status_code == 204
    stolen = stand.browser(Cookie=f"focalpoint={cookie}")
    assert code_of(await stolen.get("/v1/messages")) == ended

    other = stand.browser()
    known = await invited(stand, other)
    await stand.as_(Role.ADMINISTRATOR).delete(f"/v1/persons/{known}")
    assert code_of(await other.get("/v1/messages")) == ended


async def test_no_cookie_is_kept_and_each_sign_in_has_its_own(stand: AccessStand) -> None:
    first, second = stand.browser(), stand.browser()
    await invited(stand, first)
    await invited(stand, second)
    cookies = {one.cookies["focalpoint"] for one in (first, second)}
    assert len(cookies) == 2
    assert not any(cookie in repr(stand.tables()) for cookie in cookies)


async def test_a_session_is_exchanged_for_a_short_token_of_the_same_person(stand: AccessStand) -> None:
    browser = stand.browser()
    known = await invited(stand, browser, Role.ADMINISTRATOR)
    csrf = (await browser.get("/auth/session")).json()["csrf"]
    assert code_of(await browser.post("/auth/token")) == (403, "access.csrf")
    issued = (await browser.post("/auth/token", headers={sessions.CSRF_HEADER: csrf})).json()
    assert issued["expires_in"] == 600
    holder = stand.browser(Authorization=f"Bearer {issued['access_token']}")
    added = await holder.post("/v1/persons", json={"role": "auditor"})
    assert added.json()["registered_by"] == known
    assert (known, "session", "person-added", added.json()["id"]) in stand.journal()
    stand.clock.pass_by(minutes=10)
    assert code_of(await holder.get("/v1/persons")) == (401, "access.token_expired")


async def test_a_token_of_a_session_does_not_outlive_it(stand: AccessStand) -> None:
    browser = stand.browser()
    await invited(stand, browser)
    csrf = (await browser.get("/auth/session")).json()["csrf"]
    for _ in range(19):
        stand.clock.pass_by(minutes=25)
        await browser.get("/v1/messages")
    stand.clock.pass_by(minutes=3)
    issued = (await browser.post("/auth/token", headers={sessions.CSRF_HEADER: csrf})).json()
    assert issued["expires_in"] == 120


async def test_one_human_being_is_not_registered_as_two_people(stand: AccessStand) -> None:
    admin = stand.as_(Role.ADMINISTRATOR)
    body = {"role": "supervisor", "authorities": [stand.office], "subject": "s-1"}
    at_once, later = [await admin.post("/v1/persons", json=body) for _ in range(2)]
    await stand.approved(at_once)
    second = stand.as_(Role.ADMINISTRATOR, person="administrator-2")
    late = await second.post(f"{later.headers['location']}/decision", json={"decision": "approve"})
    assert code_of(late) == (409, "access.subject_known")
    again = await admin.post("/v1/persons", json=body | {"role": "case-officer"})
    assert code_of(again) == (409, "access.subject_known")


@pytest.mark.parametrize(
    "body",
    [
        {"role": "agency-system", "authorities": ["it.servizio-minori"]},
        {"role": "case-officer"},
        {"role": "case-officer", "authorities": ["ro.anpdca"]},
        {"role": "case-officer", "authorities": "it.servizio-minori"},
        {"role": "king"},
        {"role": "auditor", "name": "Maria Rossi"},
        {"role": "auditor", "subject": ""},
        [],
    ],
)
async def test_nobody_is_registered_who_could_not_be(stand: AccessStand, body: Any) -> None:
    before = stand.tables()
    answer = await stand.as_(Role.ADMINISTRATOR).post("/v1/persons", json=body)
    assert answer.status_code in (400, 422)
    assert "Rossi" not in answer.text
    assert stand.tables() == before


async def test_links_are_long_and_only_their_digests_are_kept(stand: AccessStand) -> None:
    known = await stand.person()
    secret, until = await stand.node.store.write(
        lambda session: people.invite(
            session,
            stand.admin,
            known.id,
            lifetime=timedelta(hours=24),
            random_bytes=stand.node.random.bytes,
            now=stand.clock.now(),
        )
    )
    assert len(secret) == 43  # 256 bits
    assert until - stand.clock.now() == timedelta(hours=24)
    assert stand.tables()["invitation"][0][0] == people.secret_digest(secret)
