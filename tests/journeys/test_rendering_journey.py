"""A report whose narrative is French, read in Arabic at the other State's node."""

from __future__ import annotations

import html.parser
from dataclasses import dataclass, field

import pytest

from protocol import messages, vocabularies
from protocol.messages.form import FormField
from tests.journeys.local_network import IT, RO, LocalNetwork, await_status, message, send, status_of
from tests.protocol.sample_contents import sample
from tests.watching import until

pytestmark = pytest.mark.network

NARRATIVE = "La grand-mère vit seule avec un petit-fils ; elle demande <des nouvelles> de l'enfant."


@pytest.fixture(scope="module")
def report(network: LocalNetwork) -> str:
    it, ro = network.officer("it"), network.officer("ro")
    case = network.settled_case()
    await_status(it, send(it, message("case.notification", case, IT, RO))["id"], "consigned")
    request = send(it, message("social-inquiry.request", case, IT, RO))["id"]
    until(lambda: status_of(ro, request) == "consigned")
    body = message(
        "social-inquiry.report",
        case,
        RO,
        IT,
        in_reply_to=request,
        narrative=[{"field": "findings", "language": "fr", "text": NARRATIVE}],
    )
    id_ = str(send(ro, body)["id"])
    until(lambda: status_of(it, id_) == "consigned")
    return id_


@dataclass
class Page(html.parser.HTMLParser):
    """What stands on a page, and in which language and direction each text is marked."""

    texts: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    _open: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "br", "hr", "link", "input", "img"):
            return
        given = dict(attrs)
        _, lang, direction = self._open[-1] if self._open else ("", None, None)
        self._open.append((tag, given.get("lang", lang), given.get("dir", direction)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] != "style" and data.strip():
            self.texts.append((data.strip(), *self._open[-1][1:]))


def _codes(fields: tuple[FormField, ...], group: dict[str, object]) -> list[tuple[str, str]]:
    found = []
    for one in fields:
        if one.name not in group:
            continue
        values = group[one.name] if one.many else [group[one.name]]
        assert isinstance(values, list | tuple)
        for value in values:
            if one.kind == "code":
                assert one.scheme is not None
                found.append((one.scheme, str(value)))
            elif one.kind == "group":
                assert isinstance(value, dict)
                found += _codes(one.fields, value)
    return found


def test_a_french_report_is_read_in_arabic_right_to_left(network: LocalNetwork, report: str) -> None:
    answer = network.officer("it").get(
        f"/v1/messages/{report}/rendering", params={"lang": "ar", "format": "html"}
    )
    assert answer.status_code == 200
    assert answer.headers["content-language"] == "ar"
    assert answer.headers["content-type"].startswith("text/html")
    page = Page()
    page.feed(answer.text)
    assert "<des nouvelles>" not in answer.text, "narrative is text, never markup"

    narrative = [(lang, direction) for text, lang, direction in page.texts if NARRATIVE in text]
    assert narrative == [("fr", "ltr")]
    arabic = [text for text, lang, direction in page.texts if (lang, direction) == ("ar", "rtl")]
    assert len(arabic) > 50
    assert {lang for _, lang, _ in page.texts} == {"ar", "fr"}
    untranslated = [text for text in arabic if "الفرنسية" in text]
    assert untranslated, "the mark says that it is French, in Arabic"


@pytest.mark.parametrize("form", ["text", "html"])
def test_every_coded_field_of_it_is_in_arabic(network: LocalNetwork, report: str, form: str) -> None:
    text = (
        network.officer("it")
        .get(f"/v1/messages/{report}/rendering", params={"lang": "ar", "format": form})
        .text
    )
    declared = messages.form("social-inquiry.report")
    coded = sample("social-inquiry.report").coded
    codes = _codes(declared.coded_fields, coded)
    assert len(codes) > 30
    for scheme, code in codes:
        label = vocabularies.label(scheme, code, "ar").text
        assert label in text, (scheme, code)
        assert any("\u0600" <= character <= "\u06ff" for character in label), (scheme, code)
    for name in coded:
        assert vocabularies.label("field", name, "ar").text in text, name


def test_the_reader_s_own_language_needs_no_mark(network: LocalNetwork, report: str) -> None:
    officer = network.officer("it")
    path = f"/v1/messages/{report}/rendering"
    french = officer.get(path, params={"lang": "fr"})
    by_header = officer.get(path, headers={"Accept-Language": "fr-CH, fr;q=0.9"})
    assert (french.text, french.headers["content-language"]) == (by_header.text, "fr")
    page = Page()
    page.feed(officer.get(path, params={"lang": "fr", "format": "html"}).text)
    assert {(lang, direction) for _, lang, direction in page.texts} == {("fr", "ltr")}


def test_no_rendering_shows_the_identity_part(network: LocalNetwork, report: str) -> None:
    for client in (network.officer("it"), network.supervisor("it")):
        for form in ("text", "html"):
            for language in vocabularies.LANGUAGES:
                text = client.get(
                    f"/v1/messages/{report}/rendering", params={"lang": language, "format": form}
                ).text
                assert NARRATIVE.split(";", maxsplit=1)[0].strip() in text
                assert "Exampleville" not in text
                assert "EX-0000" not in text
