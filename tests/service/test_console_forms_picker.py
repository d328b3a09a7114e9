"""Finding a code by what people type."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import vocabularies
from protocol.vocabularies import LANGUAGES, UnknownSchemeError, label, scheme, schemes
from service.console.forms import choices, options, search
from service.console.forms.picker import plain


def codes(name: str, text: str, language: str, limit: int = 5) -> list[str]:
    return [one.code for one in search(name, text, language, limit)]


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("romania", "en", "RO"),
        ("ROMANIA", "en", "RO"),
        ("ro", "fr", "RO"),
        ("etats", "fr", "US"),
        ("États-Unis", "fr", "US"),
        ("espana", "es", "ES"),
        ("РУМЫНИЯ", "ru", "RO"),
        ("Румыния", "en", "RO"),
        ("رومانيا", "ar", "RO"),
        ("رُومَانِيَا", "ar", "RO"),
        ("الاردن", "ar", "JO"),
        ("ألمانيا", "ar", "DE"),
        ("المانيا", "ar", "DE"),
        ("المملكه المتحده", "ar", "GB"),
        ("罗马尼亚", "zh", "RO"),
        ("马尼", "zh", "RO"),
        ("Roumanie", "zh", "RO"),
    ],
)
def test_a_country_is_found_as_people_write_it(text: str, language: str, code: str) -> None:
    assert code in codes("country", text, language)


def test_the_readers_own_words_come_first() -> None:
    assert codes("country", "niger", "en")[:2] == ["NE", "NG"]
    assert codes("country", "guinea", "en")[0] == "GN"
    assert search("country", "Румыния", "en", 5)[0].matched == "Румыния"
    assert search("country", "romania", "en", 5)[0].matched is None


def test_a_narrower_code_says_what_it_stands_under() -> None:
    found = next(one for one in search("exploitation-form", "theft", "en") if one.code.endswith("/theft"))
    assert len(found.within) == found.code.count("/")
    shown = next(one for one in options("exploitation-form", "theft", "en") if one.value == found.code)
    assert shown.label.startswith(found.within[0])
    depth = {one.value: one.depth for one in choices("exploitation-form", "en")}
    assert depth[found.code] == found.code.count("/") > 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_is_found_by_its_label_and_by_itself(language: str) -> None:
    for name in ("country", "risk-category", "exploitation-form", "yes-no-unknown", "family-relation"):
        for code in scheme(name).concepts:
            text = label(name, code, language).text
            assert code in codes(name, text, language, 100), text
            assert code in codes(name, code.replace("/", " "), language, 100)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_search_shows_everything_in_order(language: str) -> None:
    for name in schemes():
        assert codes(name, "  ", language, 10_000) == list(scheme(name).concepts)


@given(text=st.text(max_size=200), limit=st.integers(-1, 300), language=st.sampled_from(LANGUAGES))
def test_whatever_is_typed_has_one_answer(text: str, limit: int, language: str) -> None:
    found = search("country", text, language, limit)
    assert found == search("country", text, language, limit)
    assert len(found) <= max(limit, 0)
    assert {one.code for one in found} <= scheme("country").concepts.keys()
    if limit > 0:
        assert found[: limit // 2] == search("country", text, language, limit // 2)


@given(st.text(max_size=50))
def test_comparing_forms_is_done_once(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert plain(unicodedata.normalize("NFD", text)) == plain(unicodedata.normalize("NFC", text))


def test_an_unknown_vocabulary_is_refused() -> None:
    with pytest.raises(UnknownSchemeError):
        search("../country", "x", "en")


def test_what_is_no_longer_written_is_offered_only_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace
    from types import MappingProxyType

    known = scheme("sex")
    old = next(iter(known.concepts.values()))
    aged = replace(
        known,
        concepts=MappingProxyType({**known.concepts, old.code: replace(old, status="deprecated")}),
    )
    monkeypatch.setattr(vocabularies, "scheme", lambda name: aged)
    assert old.code not in {one.value for one in choices("sex", "en")}
    assert old.code in {one.value for one in choices("sex", "en", (old.code,))}
