"""In front of every page: the session, the scopes, the word of a form, the headers, and errors as pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from protocol.languages import available_languages
from service import console
from service.access import sessions
from service.access.roles import PUBLIC, ROLE_SCOPES, Role
from service.console import pages
from service.console.assets import FILES, address_of
from service.console.pages import HEADERS, OPEN, PAGES, Page, See, check_pages, is_local
from service.console.posted import CSRF_FIELD, MAX_FORM, Posted
from service.errors import Misconfigured
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk, text_of

pytestmark = pytest.mark.anyio

GUARDED = [endpoint for endpoint in PAGES if endpoint not in OPEN]
ENDED = "/console/sign-in"


def address(template: str) -> str:
    """A path of that page. What it names does not exist, which is found out after who may look at it."""
    path = template
    while "{" in path:
        path = path[: path.index("{")] + "a0" + path[path.index("}") + 1 :]
    return path


# -- who may look


@pytest.mark.parametrize("endpoint", GUARDED, ids=" ".join)
async def test_without_a_session_a_page_leads_to_where_one_signs_in(
    stand: AccessStand, endpoint: tuple[str, str]
) -> None:
    method, template = endpoint
    before = stand.tables()
    bearer = stand.bearer(Role.SUPERVISOR)
    for headers in ({}, {"Cookie": "focalpoint=" + "A" * 43}, {"Authorization": f"Bearer {bearer}"}):
        answer = await stand.browser(**headers).request(method, address(template))
        assert answer.status_code == 303, headers
        assert answer.headers["location"].startswith(ENDED)
        assert answer.content == b""
    assert stand.tables() == before


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AGENCY_SYSTEM])
async def test_a_page_opens_for_the_roles_that_have_its_scopes_and_for_no_other(
    stand: AccessStand, role: Role
) -> None:
    desk = await Desk.of(stand, role)
    for (method, template), scopes in PAGES.items():
        if template == "/console/sign-out":
            continue
        path = address(template)
        allowed = scopes <= ROLE_SCOPES[role]
        before = {} if allowed else stand.tables()
        answer = await (desk.get(path) if method == "GET" else desk.post(path))
        assert (answer.status_code != 403) is allowed, (method, template, answer.status_code)
        assert answer.status_code < 500, (method, template)
        if not allowed:
            assert "access.scope" in answer.text
            assert stand.tables() == before, (method, template)


async def test_the_bar_on_top_offers_what_one_may_open_and_nothing_else(stand: AccessStand) -> None:
    for role in (Role.OPERATOR, Role.STATISTICIAN, Role.CASE_OFFICER):
        desk = await Desk.of(stand, role)
        shown = (await desk.get("/console/nowhere-at-all")).text
        error = await desk.get("/console/operator?x=1")
        for name, path in pages.NAVIGATION:
            offered = f'href="{path}"' in error.text
            assert offered is (PAGES["GET", path] <= ROLE_SCOPES[role]), (role, name)
        assert 'class="areas"' not in shown, "who asks for what is not there is not looked up"


async def test_a_page_that_declares_no_scope_does_not_start() -> None:
    router = APIRouter(route_class=Page)

    async def undeclared(see: See) -> None:  # pragma: no cover
        raise AssertionError(see)

    with pytest.raises(Misconfigured) as refused:
        router.get("/console/operator/undeclared")(undeclared)
    assert refused.value.code == "access.endpoint_undeclared"


def test_a_page_that_does_not_ask_who_is_asking_or_is_not_served_does_not_start() -> None:
    check_pages(console.ROUTERS)
    with pytest.raises(Misconfigured):
        check_pages(console.ROUTERS[1:])
    plain = APIRouter(route_class=APIRoute)
    plain.get("/console/plain")(lambda: None)
    with pytest.raises(Misconfigured):
        check_pages((*console.ROUTERS, plain))


def test_only_signing_in_and_files_are_for_everybody() -> None:
    assert {("GET", "/console/sign-in"), ("GET", "/console/static/{name}")} == OPEN
    free = {endpoint for endpoint, scopes in PAGES.items() if scopes == PUBLIC} - OPEN
    assert ("GET", "/console/") in free
    assert not [
        endpoint for endpoint in free if endpoint[1].startswith(("/console/operator", "/console/admin"))
    ]


# -- forms


async def test_a_form_without_the_sessions_word_changes_nothing(stand: AccessStand) -> None:
    desk, other = await Desk.of(stand, Role.OPERATOR), await Desk.of(stand, Role.OPERATOR)
    before = stand.tables()
    for word in (None, "", "x", desk.csrf[::-1], other.csrf):
        fields = {"x": "y"} if word is None else {CSRF_FIELD: word}
        answer = await desk.browser.post("/console/sign-out", data=fields)
        assert (answer.status_code, "access.csrf" in answer.text) == (403, True), word
        whole = await desk.browser.post(
            "/console/sign-out", files={"x": (None, "y"), CSRF_FIELD: (None, word or "")}
        )
        assert whole.status_code == 403
    twice = f"{CSRF_FIELD}={desk.csrf}&{CSRF_FIELD}={desk.csrf}"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await desk.browser.post("/console/sign-out", content=twice, headers=kind)).status_code == 403
    assert (await desk.browser.post(f"/console/sign-out?{CSRF_FIELD}={desk.csrf}")).status_code == 422
    header = {sessions.CSRF_HEADER: desk.csrf, **kind}
    assert (await desk.browser.post("/console/sign-out", content=b"", headers=header)).status_code == 403
    assert stand.tables() == before
    assert (await desk.post("/console/sign-out")).status_code == 200
    assert stand.tables()["sign_in_session"] != before["sign_in_session"]


@pytest.fixture
def form(stand: AccessStand, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A page that takes a form, and what it got."""
    got: list[Any] = []
    monkeypatch.setattr(pages, "PAGES", {**PAGES, ("POST", "/console/form"): frozenset()})
    router = APIRouter(route_class=Page)

    @router.post("/console/form")
    async def taken(see: See) -> Any:
        posted = see.posted
        upload = None
        if posted.upload is not None:
            upload = (
                posted.upload.field,
                posted.upload.media_type,
                [len(one) async for one in posted.upload.chunks],
            )
        got.append((posted, upload))
        return pages.go(see, "/console/", said="operator-nothing-owed")

    app: FastAPI = stand.app
    app.include_router(router)
    return got


async def test_a_form_is_read_as_it_was_written(stand: AccessStand, form: list[Any]) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    text = "Erster Absatz.\r\n\r\nZweiter: ä ش 中 & = %"
    assert (await desk.post("/console/form", {"a": text, "b": ["1", "2"], "c": ""})).status_code == 303
    posted: Posted = form[-1][0]
    assert posted.one("a") == text.replace("\r\n", "\n")
    assert posted.all("b") == ("1", "2")
    assert posted.get("c") is None
    assert CSRF_FIELD not in dict(posted.items)

    as_parts = {CSRF_FIELD: (None, desk.csrf), "a": (None, text), "c": (None, "")}
    assert (await desk.browser.post("/console/form", files=as_parts)).status_code == 303
    assert form[-1][0].items == (("a", text.replace("\r\n", "\n")), ("c", ""))


async def test_a_file_comes_in_pieces_and_its_fields_come_before_it(
    stand: AccessStand, form: list[Any]
) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    content = bytes(range(256)) * 8192  # 2 MB: more than a form may be without its file

    async def pieces() -> AsyncIterator[bytes]:
        head = (
            f'--x\r\nContent-Disposition: form-data; name="{CSRF_FIELD}"\r\n\r\n{desk.csrf}\r\n'
            f'--x\r\nContent-Disposition: form-data; name="kind"\r\n\r\nreport\r\n'
            f'--x\r\nContent-Disposition: form-data; name="file"; filename="../Maria.pdf"\r\n'
            f"Content-Type: application/pdf\r\n\r\n"
        ).encode()
        yield head
        for at in range(0, len(content), 65_536):
            yield content[at : at + 65_536]
        yield b"\r\n--x--\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await desk.browser.post("/console/form", content=pieces(), headers=kind)
    assert answer.status_code == 303
    posted, upload = form[-1]
    assert posted.items == (("kind", "report"),)
    assert upload[:2] == ("file", "application/pdf")
    assert sum(upload[2]) == len(content)
    assert len(upload[2]) > 20, "it was read as it came"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("text/plain", b"a=b", 415),
        ("", b"", 415),
        ("application/x-www-form-urlencoded", b"a=%ff", 400),
        ("application/x-www-form-urlencoded", "a=ä".encode(), 400),
        ("application/x-www-form-urlencoded", b"a=1&" * 5000, 400),
        ("application/x-www-form-urlencoded", b"a=" + b"b" * (MAX_FORM + 1), 413),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=x", b"no form", 400),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb', 400),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--\r\n",
            400,
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
            + b"b" * (MAX_FORM + 1)
            + b"\r\n--x--\r\n",
            413,
        ),
    ],
)
async def test_what_is_no_form_or_too_large_is_refused_before_it_is_looked_at(
    stand: AccessStand, form: list[Any], kind: str, body: bytes, status: int
) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    answer = await desk.browser.post("/console/form", content=body, headers={"Content-Type": kind})
    assert {400: 422}.get(answer.status_code, answer.status_code) == {400: 422}.get(status, status)
    assert answer.headers["content-type"].startswith("text/html")
    assert form == []


async def test_what_a_form_led_to_is_said_once_and_no_link_can_make_a_page_say_it(
    stand: AccessStand, form: list[Any]
) -> None:
    desk, other = await Desk.of(stand, Role.OPERATOR), await Desk.of(stand, Role.OPERATOR)
    to = (
        (await desk.post("/console/form"))
        .headers["location"]
        .replace("/console/?", "/console/operator/queues?")
    )
    assert 'class="said"' in (await desk.get(to)).text
    assert 'class="said"' not in (await other.get(to)).text
    assert 'class="said"' not in (await desk.get("/console/operator/queues?said=operator-nothing-owed")).text
    forged = to.replace("operator-nothing-owed", "operator-nothing-stands")
    assert 'class="said"' not in (await desk.get(forged)).text


# -- headers, errors, languages


async def test_every_answer_forbids_foreign_scripts_frames_and_caches(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    answers = [
        await desk.get("/console/operator"),
        await desk.get("/console/"),
        await desk.get("/console/nowhere"),
        await desk.get("/console/operator?x=1"),
        await desk.post("/console/operator"),
        await stand.browser().get("/console/operator"),
        await stand.browser().get("/console/sign-in"),
    ]
    assert [one.status_code for one in answers] == [200, 303, 404, 422, 405, 303, 200]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for answer in answers:
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert " onclick" not in answer.text


async def test_an_error_is_a_page_in_the_readers_language_and_says_nothing_that_was_asked(
    stand: AccessStand,
) -> None:
    for language in available_languages():
        desk = await Desk.of(stand, Role.OPERATOR, language=language)
        planted = "Maria-Rossi-<b>"
        for path in (
            f"/console/{planted}",
            f"/console/operator?{planted}=1",
            f"/console/operator/deadlines?owed_by={planted}",
            f"/console/operator/deadlines?after={planted}",
            f"/console/operator/stuck?what={planted}",
            f"/console/sign-in?to={planted}",
        ):
            answer = await desk.get(path)
            assert 400 <= answer.status_code < 500, path
            assert answer.headers["content-language"] == language
            assert f'<html lang="{language}"' in answer.text
            assert "Rossi" not in answer.text, path
    chinese = await Desk.of(stand, Role.OPERATOR, language="zh")
    assert "Sign out" not in (await chinese.get("/console/nowhere")).text


async def test_a_fault_of_ours_is_a_page_with_an_incident_number_alone(
    stand: AccessStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.console import operator

    async def fails(*_: Any) -> Any:
        raise RuntimeError("Maria Rossi")

    monkeypatch.setattr(operator, "standing", fails)
    desk = await Desk.of(stand, Role.OPERATOR)
    answer = await desk.get("/console/operator")
    assert answer.status_code == 500
    assert "Rossi" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "node.internal" in answer.text


async def test_a_language_that_was_chosen_is_kept_before_the_browsers_own(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.OPERATOR, language="fr")
    assert '<html lang="fr" dir="ltr">' in (await desk.get("/console/operator")).text
    chosen = await desk.get("/console/operator/deadlines?owed_by=us&lang=ar")
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/console/operator/deadlines?owed_by=us")
    assert '<html lang="ar" dir="rtl">' in (await desk.get("/console/operator")).text
    assert (await desk.get("/console/operator?lang=xx")).status_code == 422
    assert (await desk.get("/console/operator?lang=en&lang=fr")).status_code == 422
    desk.browser.cookies.set("focalpoint-language", "../en", domain="127.0.0.1", path="/")
    assert '<html lang="fr"' in (await desk.get("/console/operator")).text


async def test_after_signing_in_one_comes_to_the_page_that_one_wanted_and_to_no_other_site(
    stand: AccessStand,
) -> None:
    wanted = await stand.browser().get("/console/operator/deadlines?owed_by=us")
    assert (
        wanted.headers["location"] == "/console/sign-in?to=%2Fconsole%2Foperator%2Fdeadlines%3Fowed_by%3Dus"
    )
    page = await stand.browser().get(wanted.headers["location"])
    assert "/auth/login?return_to=/console/operator/deadlines" in page.text.replace("%2F", "/").replace(
        "%3F", "?"
    )
    desk = await Desk.of(stand, Role.OPERATOR)
    assert (await desk.get(wanted.headers["location"])).headers[
        "location"
    ] == "/console/operator/deadlines?owed_by=us"
    for elsewhere in (
        "https://x.example",
        "//x.example",
        "/\\x.example",
        "/console//x.example",
        "/auth/login",
        "",
    ):
        assert not is_local(elsewhere)
        answer = await desk.get("/console/sign-in", params={"to": elsewhere})
        assert answer.status_code == 422, elsewhere


async def test_a_session_that_is_over_leads_to_signing_in_but_takes_nobody_away_from_a_page(
    stand: AccessStand,
) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    stand.clock.pass_by(minutes=30)
    assert (await desk.get("/console/operator")).status_code == 303
    posted = await desk.post("/console/sign-out")
    assert (posted.status_code, posted.headers["location"]) == (303, "/console/sign-in")
    piece = await desk.get("/console/operator", headers={"HX-Request": "true"})
    assert piece.status_code == 401
    assert not {"hx-redirect", "hx-location", "location"} & set(piece.headers), "somebody may be writing"


async def test_signing_out_ends_the_session_and_takes_its_cookie_away(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.OPERATOR)
    cookie = desk.browser.cookies["focalpoint"]
    assert (await desk.post("/console/sign-out")).status_code == 200
    assert "focalpoint" not in desk.browser.cookies
    again = stand.browser(Cookie=f"focalpoint={cookie}")
    assert (await again.get("/console/operator")).status_code == 303
    assert (await again.get("/auth/session")).status_code == 401


async def test_a_page_counts_against_the_limits_of_its_reader(tmp_path: Path) -> None:
    stand = AccessStand(tmp_path, rate_actor_per_second=1.0, rate_actor_burst=2)
    desk = await Desk.of(stand, Role.OPERATOR)
    statuses = [(await desk.get("/console/operator/runbooks")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = await desk.get("/console/operator/runbooks")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"].startswith("text/html")
    stand.close()


# -- files, and how much comes over the line


async def test_files_are_kept_under_their_digest_and_nothing_else_is_served(stand: AccessStand) -> None:
    for name, kind in FILES.items():
        answer = await stand.browser().get(address_of(name))
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        other = await stand.browser().get(f"/console/static/{name}?v=0")
        assert other.headers["cache-control"] == "no-store"
        plain = await stand.browser(**{"Accept-Encoding": "identity"}).get(address_of(name))
        assert plain.content == answer.content
        assert "content-encoding" not in plain.headers
    for name in (
        "README.md",
        "../pages.py",
        "..%2fpages.py",
        "%2e%2e/pages.py",
        "LICENSE-htmx.txt",
        ".",
        "x",
    ):
        assert (await stand.browser().get(f"/console/static/{name}")).status_code == 404, name


async def test_a_page_is_small_and_so_is_what_it_loads(stand: AccessStand) -> None:
    """30 kB a page beside htmx: a telephone on a slow line (50 kbit/s) has it in five seconds."""
    desk = await Desk.of(stand, Role.OPERATOR, language="ru")
    page = await desk.get("/console/operator")
    loaded = {name: len((await desk.get(address_of(name))).content) for name in FILES}
    packed = {name: int((await desk.get(address_of(name))).headers["content-length"]) for name in FILES}
    assert len(page.content) + packed["console.css"] + packed["icon.svg"] < 30_000
    assert packed["htmx.min.js"] < 15_000, loaded


async def test_every_page_has_its_landmarks_one_heading_and_a_title(stand: AccessStand) -> None:
    desk = await Desk.of(stand, Role.OPERATOR, language="ar")
    for method, template in PAGES:
        if method != "GET" or not template.startswith("/console/operator") or "{" in template:
            continue
        page = await desk.get(template)
        assert page.status_code == 200, template
        for once in ("<main ", "<h1>", "<title>", 'class="skip"', 'class="languages"'):
            assert page.text.count(once) == 1, (template, once)
        assert '<html lang="ar" dir="rtl">' in page.text
        assert text_of(page)
