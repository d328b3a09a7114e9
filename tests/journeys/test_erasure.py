"""After an erasure nothing of the plaintext, and nothing of the case key, is left where a node keeps things,
in its hub's store, nor in the memory of the process that goes on running."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from protocol.bundle import verify_bundle
from service.network.control import ask
from tests.journeys.local_network import (
    IT,
    REPOSITORY,
    RO,
    LocalNetwork,
    await_status,
    local_network,
    message,
    send,
    status_of,
)
from tests.journeys.planting import Planter, files_below, occurrences, spellings
from tests.watching import until

pytestmark = pytest.mark.network

PARTS = ("identity", "narrative")
_REGION = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """A network of its own: a node of it is put back from a backup."""
    with local_network(tmp_path_factory.mktemp("erasure") / "network") as up:
        yield up


@dataclass(frozen=True, kw_only=True)
class Erased:
    """A case that was erased at `ro`. `keys`: its data keys, unwrapped before; `sealed`: what they had
    sealed."""

    network: LocalNetwork
    core: str
    case: str
    ids: tuple[str, ...]
    keys: dict[str, bytes]
    sealed: list[dict[str, Any]]
    backup: Path
    found_before: set[str]


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service.cli.main", *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _ended(pid: int) -> bool:
    try:
        # A process that nobody has waited for yet is a zombie: its files are closed.
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def memory_of(pid: int) -> Iterator[tuple[str, bytes]]:
    """Whatever the process can write to: heap, arenas, stacks, anonymous pages."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps.splitlines():
            region = _REGION.match(line)
            if region is None or "[vvar]" in line:
                continue
            first, last = (int(edge, 16) for edge in region.groups())
            try:
                memory.seek(first)
                yield line.split(maxsplit=5)[-1], memory.read(last - first)
            except OSError:  # it went away meanwhile
                continue


def pid_of(network: LocalNetwork, code: str) -> int:
    return int(network.node(code)["pid"])


def in_memory(network: LocalNetwork, code: str, word: str) -> set[str]:
    wanted = {name: text for name, text in spellings(word).items() if " in " not in name}
    return {
        name for _, data in memory_of(pid_of(network, code)) for name, text in wanted.items() if text in data
    }


def key_in(data: bytes, key: bytes) -> bool:
    return any(form in data for form in (key, key.hex().encode(), key.hex().upper().encode()))


def released(network: LocalNetwork, id_: str) -> httpx.Response:
    """The identity part, asked for by one person and released by another."""
    network.release("ro", id_, "visit")
    return network.officer("ro").get(f"/v1/messages/{id_}", params={"identity": "release", "reason": "visit"})


def approve(client: httpx.Client, approval: str) -> None:
    answer = client.post(f"/v1/approvals/{approval}/decision", json={"decision": "approve"})
    assert answer.status_code == 200, answer.text


def retention(client: httpx.Client, case: str, act: str) -> None:
    answer = client.post(f"/v1/cases/{case}/retention", json={"act": act, "reason": "erasure-decided"})
    assert answer.status_code in (200, 202), answer.text


def case_keys(network: LocalNetwork, code: str) -> dict[tuple[str, str], bytes]:
    kek = network.keys(code).kek()
    return {
        (row["reference"], row["purpose"]): aes_key_unwrap(kek, row["wrapped"])
        for row in network.rows(code, "select * from case_key where wrapped is not null")
    }


@pytest.fixture(scope="module")
def erased(own: LocalNetwork, tmp_path_factory: pytest.TempPathFactory) -> Erased:
    planter, network = Planter(), own
    it, ro = network.officer("it"), network.officer("ro")
    case = network.settled_case()
    ids: list[str] = []

    def say(type_: str, **more: str) -> str:
        content = planter.content(type_)
        body = message(type_, case, IT, RO) | more
        body["narrative"] = [
            {"field": block.field, "language": block.language, "text": block.text}
            for block in content.narrative
        ]
        body["identity"] = content.identity
        if type_ == "guardian.notice":
            body["coded"].pop("replaces")
        ids.append(send(it, body)["id"])
        await_status(it, ids[-1], "consigned")
        until(lambda: status_of(ro, ids[-1]) == "consigned")
        return ids[-1]

    notified = say("case.notification")
    say("guardian.notice", in_reply_to=notified)
    say("social-inquiry.request")
    for id_ in ids:
        assert planter.core in released(network, id_).text
    collected = ro.post(f"/v1/messages/{ids[-1]}/collection")
    assert collected.status_code == 200

    found_before = in_memory(network, "ro", planter.core)
    keys = {purpose: key for (of, purpose), key in case_keys(network, "ro").items() if of == case}
    sealed = network.rows(
        "ro", "select id, narrative_sealed, identity_sealed from message where case_reference = ?", case
    )
    backup = tmp_path_factory.mktemp("backups") / "ro.db"
    made = _command("backup", "--network", str(network.directory), "--node", "ro", "--to", str(backup))
    assert made.returncode == 0, made.stderr

    first, second = (network.client("ro", "administrator", number) for number in (0, 1))
    retention(first, case, "block")
    retention(first, case, "erase")
    (waiting,) = second.get("/v1/approvals", params={"state": "proposed"}).json()["approvals"]
    approve(second, waiting["id"])
    until(
        lambda: network.rows("ro", "select * from case_retention where forgotten_at is not null"),
        what="the files and the memory to forget",
    )
    return Erased(
        network=network,
        core=planter.core,
        case=case,
        ids=tuple(ids),
        keys=keys,
        sealed=sealed,
        backup=backup,
        found_before=found_before,
    )


def test_the_search_of_memory_finds_what_is_there(erased: Erased) -> None:
    """The positive control: what was read stood in memory, and a key that is held still does."""
    assert erased.found_before
    kek = erased.network.keys("ro").kek()
    assert any(kek in data for _, data in memory_of(pid_of(erased.network, "ro")))


def test_no_file_of_the_node_or_of_its_hub_holds_the_plaintext_or_the_key(erased: Erased) -> None:
    network = erased.network
    node, hub = network.directory / "nodes" / "ro", network.directory / "hub"
    files = [*files_below(node), *files_below(hub), *files_below(network.temporary)]
    assert occurrences(erased.core, files) == []
    assert len(erased.keys) == 2
    for key in erased.keys.values():
        assert [place for place, data in files if key_in(data, key)] == []
    places = {place for place, _ in files}
    assert {"node.db", "node.db-wal", "node.log", "ledger/erasures.jsonl"} <= places
    # Nor the wrapped key, nor what it had sealed.
    for row in erased.sealed:
        for part in PARTS:
            if row[f"{part}_sealed"]:
                assert [place for place, data in files if row[f"{part}_sealed"][:64] in data] == []
    assert [
        place for place, data in files if place.startswith("ledger") and erased.case.encode() in data
    ] == []


def test_the_running_process_holds_neither_the_plaintext_nor_the_key(erased: Erased) -> None:
    regions = list(memory_of(pid_of(erased.network, "ro")))
    assert [name for name, data in regions for key in erased.keys.values() if key_in(data, key)] == []
    assert in_memory(erased.network, "ro", erased.core) == set()


def test_every_key_that_is_held_opens_nothing_of_what_a_copy_keeps(erased: Erased) -> None:
    kek = erased.network.keys("ro").kek()
    held = [kek, *case_keys(erased.network, "ro").values()]
    tried = 0
    for row in erased.sealed:
        for part in PARTS:
            names = (erased.case.encode(), row["id"].encode(), part.encode())
            bound = b"".join(len(name).to_bytes(4) + name for name in names)
            sealed = row[f"{part}_sealed"]
            if sealed is None:
                continue
            # The right key would have opened it: the trial is a fair one.
            assert erased.core.encode() in AESGCM(erased.keys[part]).decrypt(sealed[1:13], sealed[13:], bound)
            for key in held:
                with pytest.raises(InvalidTag):
                    AESGCM(key).decrypt(sealed[1:13], sealed[13:], bound)
                tried += 1
    assert tried >= 5


def test_the_history_is_whole_afterwards_and_the_other_state_knows(erased: Erased) -> None:
    network = erased.network
    timeline = network.officer("it").get(f"/v1/cases/{erased.case}")

    def told() -> bool:
        entries = network.officer("it").get(f"/v1/cases/{erased.case}").json()["entries"]
        return any(entry.get("evidence") == "identity-erased" for entry in entries)

    assert timeline.status_code == 200
    until(told, what="the fact of the erasure at the other State")
    for code in ("it", "ro"):
        bundle = network.officer(code).get(f"/v1/cases/{erased.case}/evidence").content
        report = verify_bundle(bundle, network.description["charter_digest"])
        assert (report.whole, report.findings) == (True, ())


def test_a_backup_put_back_is_refused_then_erases_again_and_gets_back_what_came_since(
    erased: Erased,
) -> None:
    network = erased.network
    it = network.officer("it")
    case = network.settled_case()
    later = send(it, message("case.notification", case, IT, RO))["id"]
    await_status(it, later, "consigned")
    until(lambda: status_of(network.officer("ro"), later) == "consigned")
    home = network.directory / "nodes" / "ro"
    config = network.node("ro")["config"]
    pid = pid_of(network, "ro")
    os.kill(pid, signal.SIGTERM)
    until(lambda: _ended(pid), what="the node to stop")
    for file in home.glob("node.db*"):
        file.unlink()
    shutil.copyfile(erased.backup, home / "node.db")
    (home / "node.db").chmod(0o600)
    refused = _command("node", "run", "--config", config)
    assert refused.returncode != 0
    assert "store.restored" in refused.stderr
    taken = _command("node", "restored", "--config", config)
    assert taken.returncode == 0, taken.stderr
    assert "1 case(s) erased again" in taken.stdout
    asyncio.run(ask(network.directory, "restart-node", "ro"))
    ro = network.officer("ro")
    until(lambda: status_of(ro, later) == "consigned", within=120, what="what was lost to come again")
    assert occurrences(erased.core, files_below(home)) == []
    files = list(files_below(home))
    assert [place for place, data in files for key in erased.keys.values() if key_in(data, key)] == []
    shown = ro.get(f"/v1/messages/{erased.ids[0]}").json()["content"]
    assert (shown["identity_state"], shown["narrative_state"]) == ("destroyed", "destroyed")
