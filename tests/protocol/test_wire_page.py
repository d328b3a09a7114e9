"""docs/wire.md shows the members that real bytes have, and none that they have not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protocol import base64url
from protocol.agreement import agreement_bytes
from protocol.content import sign_content
from protocol.evidence import About, issue
from protocol.identifiers import NodeCode
from protocol.statements import StatementType
from tests.protocol.sample_agreement import proposed
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import NOW, seeded_key
from tests.protocol.sample_envelopes import AUTHORITY_KEY, DRAFT, MESSAGE, envelope, zeros

PAGE = (Path(__file__).parents[2] / "docs/wire.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def shown(title: str) -> set[str]:
    """Member names in the section's programs."""
    blocks = re.findall(r"^```json\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)
    return set(re.findall(r'"(\w+)":', "".join(blocks)))


def members(value: Any) -> Iterator[str]:
    """Names of members at every depth."""
    if isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


def test_the_page_shows_a_contents_members() -> None:
    content = sample("social-inquiry.request")
    signed = sign_content(DRAFT, key=AUTHORITY_KEY, issued_at=NOW, random_bytes=zeros).statement.claims
    always = set(signed) | {"in_reply_to", "recipient_entry"}
    parts = {"salt", "blocks", "field", "language", "text", "identity", "narrative", "persons"}
    assert shown("Content") == always | parts | {"questions"}
    assert "questions" in content.coded


def test_the_page_shows_an_envelopes_members() -> None:
    whole = json.loads(envelope().data)
    _, claims, _ = whole["manifest"].split(".")
    manifest = json.loads(base64url.decode(claims.encode()))
    clear = json.loads(base64url.decode(manifest["header"].encode()))
    assert shown("Envelope") == {*members(whole), *members(manifest), *clear}


def test_the_page_shows_a_sealed_parts_members() -> None:
    part = json.loads(json.loads(envelope().data)["parts"]["header"])
    protected = json.loads(base64url.decode(part["protected"].encode()))
    for name in (*part, *protected):
        assert f"`{name}`" in section("Sealing")


def test_the_page_shows_the_members_of_evidence() -> None:
    about = About(sender_node=NodeCode("it"), id=MESSAGE, manifest_digest="m" * 43, statement_digest="s" * 43)
    proof = issue(
        "content-consigned",
        about=about,
        issuer=NodeCode("ro"),
        previous="p" * 43,
        directory="d" * 43,
        vocabulary="2026.11",
        issued_at=NOW,
        key=seeded_key("ro-node-1"),
    )
    assert shown("Evidence") == set(members(dict(proof.claims)))


def test_the_page_shows_the_members_of_an_agreement() -> None:
    payload = json.loads(agreement_bytes(proposed().contents["proposal"]))
    assert shown("Agreement") == set(payload) | set(payload["proposal"])


def test_the_page_lists_every_type_of_statement() -> None:
    assert set(re.findall(r"`([a-z-]+\+jw[st])`", section("Statement"))) == {
        str(kind) for kind in StatementType
    }
