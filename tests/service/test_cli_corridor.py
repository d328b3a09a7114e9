"""A corridor profile by its commands: two States sign the same bytes apart, and one file has both."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from protocol.directory import CorridorFacts, read_profile
from protocol.errors import NotAcceptable
from protocol.identifiers import StateCode
from service.cli.main import app
from service.directory.corridor import draft_profile, read_draft, signers
from service.root_key_file import read_root_key, write_root_key
from tests.protocol.sample_directory import NETWORK, sample_directory

TERMS: dict[str, Any] = {
    "states": ["ro", "it"],
    "from": "2026-01-01",
    "until": "2030-01-01",
    "durations": [
        {
            "type": "social-inquiry.request",
            "obligation": "acceptance",
            "urgency": "ordinary",
            "duration": "P2WD",
        }
    ],
    "costs": "both-states",
    "languages": ["en"],
    "retention": "P10Y",
}
PASSPHRASE = b"made up for this test alone"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["directory", "profile", *map(str, words)])


def good(*words: str | Path) -> Result:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "terms.json").write_text(json.dumps(TERMS))
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    (tmp_path / "passphrase").chmod(0o600)
    (tmp_path / "token").write_text("none")
    for state, key in sample_directory().root.items():
        write_root_key(tmp_path / f"{state}.pem", key, PASSPHRASE)
    return tmp_path


def sign(place: Path, target: Path, state: str) -> None:
    good(
        "sign", target, "--root-key", place / f"{state}.pem", "--yes",
        "--root-passphrase-file", place / "passphrase",
    )  # fmt: skip


def test_what_two_states_signed_apart_counts_once_it_is_put_together(place: Path) -> None:
    ours, theirs = place / "ours.json", place / "theirs.json"
    shown = good("draft", ours, "--network", NETWORK, "--terms", place / "terms.json")
    assert "between it and ro" in shown.output
    assert "acceptance, ordinary: P2WD" in shown.output
    theirs.write_text(ours.read_text())
    sign(place, ours, "it")
    sign(place, theirs, "ro")
    sign(place, theirs, "ro")
    assert len(signers(read_draft(theirs.read_text()))) == 1
    alone = run("publish", ours, "ro", "--api", "http://127.0.0.1:9", "--token-file", place / "token")
    assert "directory.profile_signatures" in f"{alone.output}{alone.exception}"
    good("assemble", ours, theirs)

    document = read_draft(ours.read_text())
    world = sample_directory(datetime.now(UTC).replace(microsecond=0))
    for state in ("it", "ro"):
        in_use = read_root_key(place / f"{state}.pem", PASSPHRASE)
        world.admit(state, nodes=(state,), root_keys=[world.record(world.root[state]), world.record(in_use)])
    world.publish(
        CorridorFacts(
            state=StateCode("it"),
            other=StateCode("ro"),
            profile=document,
            terms=read_profile(document.payload),
        )
    )
    found = world.refresh().corridor_profile(StateCode("it"), StateCode("ro"), world.now)
    assert found is not None
    assert found.facts.profile_digest == document.digest


def test_other_bytes_are_not_put_together(place: Path) -> None:
    ours, theirs = place / "ours.json", place / "theirs.json"
    good("draft", ours, "--network", NETWORK, "--terms", place / "terms.json")
    (place / "terms.json").write_text(json.dumps({**TERMS, "retention": "P11Y"}))
    good("draft", theirs, "--network", NETWORK, "--terms", place / "terms.json")
    before = ours.read_bytes()
    refused = run("assemble", ours, theirs)
    assert "directory.entry_mismatch" in f"{refused.output}{refused.exception}"
    assert ours.read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"costs": "the-family"},
        {"states": ["it"]},
        {"states": ["it", "it"]},
        {"until": "2025-01-01"},
        {"from": "1 January"},
        {"retention": "long"},
    ],
)
def test_terms_that_nobody_could_keep_are_not_drafted(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAcceptable) as refused:
        draft_profile(NETWORK, {**TERMS, **changes}, now=datetime(2026, 11, 1, tzinfo=UTC))
    assert refused.value.code == "directory.malformed"
