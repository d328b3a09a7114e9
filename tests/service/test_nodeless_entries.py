"""A State without a node joins with papers of its own, and any member's node may carry them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from protocol.directory.trust import verify_entry
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import NodeCode, StateCode
from service.cli.main import app
from service.directory.nodeless import sign_entry
from service.directory.registrar import Registrar
from service.routing.subjects import NETWORK_WRITER, directory_subject
from tests.protocol.sample_directory import NOW, World
from tests.protocol.sample_intermediary import IOM, intermediary_directory
from tests.service.test_directory_replication import Clock, Follower, Log, following, papers_of

MANDATE = "md/mandate/iom"


def followed(base: Path, world: World, *writers: str) -> list[str]:
    """The procedures of the mandate, as a node reads it where these have put it."""

    async def scene(node: Follower) -> list[str]:
        for path, token in world.entries.items():
            if path.startswith(("md/", "int-iom/")):
                node.shelf.documents.pop(directory_subject(NodeCode(path.partition("/")[0]), path), None)
                for writer in ("int-iom",) if path.startswith("int-iom/") else writers:
                    node.shelf.put(NodeCode(writer), path, token)
        directory = node.start()
        await directory.refresh(node.shelf)
        (found,) = directory.current().mandates(at=NOW)
        return list(found.facts.procedures)

    with following(base, world) as node:
        return asyncio.run(scene(node))


@pytest.mark.parametrize("writer", ["int-iom", "it"])
def test_any_members_node_may_carry_the_entries_of_a_state_without_one(tmp_path: Path, writer: str) -> None:
    world = intermediary_directory()
    assert "social-inquiry" in followed(tmp_path, world, writer)


def test_what_nobody_carries_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"directory\.entry_missing"):
        followed(tmp_path, intermediary_directory())


def test_a_state_signs_its_entries_where_its_root_key_is(tmp_path: Path) -> None:
    """By command, with the key that `join` made, and as the keepers' registrar verifies it."""
    passphrase, root = tmp_path / "passphrase", tmp_path / "md-root.pem"
    passphrase.write_text("made up, and long enough")
    passphrase.chmod(0o600)
    opened = ["--root-passphrase-file", str(passphrase)]
    joined = CliRunner().invoke(app, ["intermediary", "join", "md", "--root-key", str(root), *opened])
    assert joined.exit_code == 0, joined.output
    request = json.loads(joined.stdout)
    assert request.keys() == {"member", "root_key"}
    assert b"PRIVATE KEY" in root.read_bytes()
    facts = tmp_path / "iom.json"
    facts.write_text(
        json.dumps(
            {
                "intermediary": IOM,
                "procedures": ["case"],
                "states": [],
                "parts": ["coded"],
                "from": int(NOW.timestamp()),
                "until": int((NOW + timedelta(days=30)).timestamp()),
            }
        )
    )
    signed = CliRunner().invoke(
        app,
        [
            *("intermediary", "entry", "mandate", "iom", str(facts), "--state", "md"),
            *("--network", "example", "--root-key", str(root), *opened),
        ],
    )
    assert signed.exit_code == 0, signed.output
    assert signed.stdout.count(".") == 2


def test_the_registrar_believes_the_states_own_root_key_and_no_other() -> None:
    world = intermediary_directory()
    said = {
        "intermediary": IOM,
        "procedures": ["case"],
        "states": [],
        "from": int(NOW.timestamp()),
        "until": int((NOW + timedelta(days=30)).timestamp()),
    }
    archive = world.directory.archive
    asked = {"network": archive.charter.network, "now": NOW}
    admission = archive.admission("md")
    assert admission is not None
    assert admission.nodes == ()
    token = sign_entry(StateCode("md"), "mandate", "iom", said, key=world.root["md"], **asked)
    entry, _ = verify_entry(MANDATE, token, archive.charter, admission)
    assert entry.path == MANDATE
    forged = sign_entry(StateCode("md"), "mandate", "iom", said, key=world.root["int-iom"], **asked)
    with pytest.raises(NotAcceptable, match=r"directory\.wrong_signer"):
        verify_entry(MANDATE, forged, archive.charter, admission)
    with pytest.raises(NotAcceptable, match=r"directory\.wrong_path"):
        sign_entry(StateCode("md"), "node", "md", said, key=world.root["md"], **asked)


@dataclass
class Board:
    """The hub's directory in memory, by writer."""

    documents: dict[tuple[str, str], str] = field(default_factory=dict)

    async def read_directory(self, writer: NodeCode) -> list[tuple[NodeCode, str, str]]:
        return [(writer, path, text) for (who, path), text in self.documents.items() if who == writer]

    async def put_directory(self, path: str, text: str) -> None:
        self.documents[NETWORK_WRITER, path] = text


@pytest.mark.anyio
async def test_the_registrar_lists_what_another_member_carries_for_a_state_without_a_node(
    tmp_path: Path,
) -> None:
    world = intermediary_directory()
    board = Board()
    for path, token in world.entries.items():
        # The neighbour carries the State's papers, and some that another State's own node would put.
        writer = "it" if path.startswith(("md/", "ro/")) else path.partition("/")[0]
        board.documents[writer, path] = token
    office = Registrar(
        board,  # type: ignore[arg-type]
        papers=lambda: papers_of(world),
        snapshot_key=world.snapshot_key,
        state_file=tmp_path / "snapshot.json",
        clock=Clock(),
        log=Log(),
    )
    listed = set(dict((await office.round()).entries))
    assert {path for path in world.entries if path.startswith("md/")} <= listed
    assert not {path for path in listed if path.startswith("ro/")}
