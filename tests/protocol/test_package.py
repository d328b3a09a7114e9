"""The package's own page: its example runs, its names are there, and asking for little loads little."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import protocol
from protocol.content import NarrativeBlock
from protocol.evidence import verify_evidence
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import NOW, sample_directory
from tests.protocol.sample_envelopes import DRAFT, HeldKeys


def example() -> str:
    """The indented block of the docstring that begins with the signing."""
    assert protocol.__doc__ is not None
    _, _, after = protocol.__doc__.partition("answers:\n\n")
    block, _, _ = after.partition("\nEvery name above")
    return textwrap.dedent(block)


def test_the_exchange_in_the_docstring_runs_and_its_evidence_verifies() -> None:
    world = sample_directory()
    content = sample("social-inquiry.request")
    draft = replace(
        DRAFT,
        coded=content.coded,
        identity=content.identity,
        narrative=(NarrativeBlock(field="reasons", language="it", text="Ha uno zio a Iași."),),
    )
    names = {name: getattr(protocol, name) for name in protocol.__all__} | {
        "os": os,
        "now": NOW,
        "draft": draft,
        "directory": world.directory,
        "authority_key": world.signing[draft.sender],
        "it_key": world.signing["it"],
        "ro_key": world.signing["ro"],
        "ro_keys": HeldKeys(),
    }
    exec(example(), names)
    assert (names["opened"].content.narrative, names["opened"].content.identity) == (
        draft.narrative,
        draft.identity,
    )
    assert names["thread"].state == "requested"
    proven = verify_evidence(names["proof"].token, world.directory, NOW)
    assert proven.about.statement_digest == names["signed"].statement.digest


def test_every_public_name_is_found_and_listed_once() -> None:
    for name in protocol.__all__:
        assert getattr(protocol, name) is not None
    assert len(set(protocol.__all__)) == len(protocol.__all__)
    assert set(protocol.__all__) <= set(dir(protocol))
    assert not hasattr(protocol, "no_such_name")


def test_the_identifiers_alone_load_neither_cryptography_nor_forms() -> None:
    program = (
        "import sys, protocol.identifiers;"
        "sys.exit(bool({'cryptography', 'pydantic', 'babel'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
