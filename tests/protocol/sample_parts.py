"""What the sample contents are made of. All persons and places are invented."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from protocol.vocabularies import RELEASE

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrativeBlock:
    field: str
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleContent:
    """What `messages.validate` reads of a content."""

    type: str
    coded: Json
    narrative: tuple[NarrativeBlock, ...] = ()
    identity: Json | None = None
    form: int = 1
    vocabulary: str = field(default=RELEASE)


def block(name: str, language: str, text: str) -> NarrativeBlock:
    return NarrativeBlock(field=name, language=language, text=text)


PERSONS_AND_PLACES: Json = {
    "persons": [
        {
            "reference": "child",
            "names": [
                {
                    "given": "Example",
                    "family": "Child",
                    "full": "Example Child",
                    "script_language": "ro",
                }
            ],
            "sex": "female",
            "born": "2012-03",
            "birthplace": "Exampleville",
            "nationalities": ["RO"],
            "documents": [
                {"document_kind": "birth-certificate", "number": "EX-0000", "issuing_country": "RO"}
            ],
        },
        {
            "reference": "carer-1",
            "names": [
                {
                    "full": "Пример Опекун",
                    "script_language": "ru",
                    "transliteration": "Primer Opekun",
                    "transliteration_scheme": "ISO 9",
                }
            ],
            "family_relation": "grandparent",
            "places": ["place-1"],
            "channels": [{"channel": "telephone", "value": "+00 000 000"}],
        },
    ],
    "addresses": [
        {
            "reference": "place-1",
            "address_lines": ["Example Street 1"],
            "locality": "Exampleville",
            "country": "RO",
        }
    ],
}
