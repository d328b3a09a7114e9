"""A local network that a test has brought up, and what a journey does with it over HTTP.

with local_network(directory) as network:
    it = network.officer("it")                   an httpx client with that role's token
    case = network.settled_case()
    sent = send(it, message("case.notification", case, IT, RO))
    until(lambda: status_of(it, sent["id"]) == "consigned")
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from service.access.roles import Role
from service.access.tokens import mint
from service.clock import SystemClock
from service.keystore import API_TOKEN, FileKeyStore, read_passphrase
from service.random_source import SystemRandomSource
from tests.journeys.wire import WireTap
from tests.protocol.sample_contents import sample
from tests.watching import until

type Json = dict[str, Any]

IT, IT_COURT = "it.servizio-minori", "it.tribunale-minori"
RO, RO_LOCAL = "ro.anpdca", "ro.dgaspc-iasi"

UP_WITHIN = 60.0
"""Seconds. Only a failing test waits that long."""
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class LocalNetwork:
    """A network that is up. `tap` has every byte between the nodes and the hub."""

    directory: Path
    process: subprocess.Popen[bytes]
    tap: WireTap
    temporary: Path
    """Where its processes were told to put temporary files."""
    _clients: list[httpx.Client] = field(default_factory=list)

    @property
    def description(self) -> Json:
        return dict(json.loads((self.directory / "network.json").read_text()))

    def node(self, code: str) -> Json:
        return next(node for node in self.description["nodes"] if node["code"] == code)

    @functools.cached_property
    def _nodes(self) -> dict[str, Json]:
        return {node["code"]: node for node in self.description["nodes"]}

    def token(self, code: str, role: str, number: int = 0) -> str:
        tokens = self._nodes[code]["clients"][role]
        return str(tokens if isinstance(tokens, str) else tokens[number])

    def client(self, code: str, role: str, number: int = 0) -> httpx.Client:
        return self._client(code, self.token(code, role, number))

    def officer(self, code: str, number: int = 0) -> httpx.Client:
        return self.client(code, "case-officer", number)

    def supervisor(self, code: str, number: int = 0) -> httpx.Client:
        return self.client(code, "supervisor", number)

    def release(self, code: str, id_: str, reason: str) -> None:
        """The first officer asks for the identity part, the first supervisor releases it: both may look."""
        asked = self.officer(code).post(f"/v1/messages/{id_}/identity-release", json={"reason": reason})
        assert asked.status_code == 202, asked.text
        decided = self.supervisor(code).post(
            f"/v1/approvals/{asked.json()['id']}/decision", json={"decision": "approve"}
        )
        assert decided.status_code == 200, decided.text

    def stranger(self, code: str, role: str = "case-officer", *authorities: str) -> httpx.Client:
        """Somebody of this node who acts for `authorities` alone: signed by the node's own token key."""
        token = mint(
            self.keys(code).signing(API_TOKEN),
            node=code,  # type: ignore[arg-type]
            person=f"{role}-of-{'-'.join(authorities) or 'nobody'}",
            role=Role(role),
            authorities=authorities,  # type: ignore[arg-type]
            now=SystemClock().now(),
            random_bytes=SystemRandomSource().bytes,
            lifetime=timedelta(hours=1),
        )
        return self._client(code, token)

    def anybody(self, code: str) -> httpx.Client:
        """Without a token."""
        return self._client(code, None)

    def keys(self, code: str) -> FileKeyStore:
        home = self.directory / "nodes" / code
        return FileKeyStore(
            home / "keys",
            read_passphrase(home / "passphrase"),
            clock=SystemClock(),
            random=SystemRandomSource(),
        )

    def rows(self, code: str, sql: str, *values: object) -> list[Json]:
        """What stands in a node's database, read beside the running node."""
        path = self._nodes[code]["database"]
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]

    def settled_case(self, code: str = "it", *, opened_by: httpx.Client | None = None) -> str:
        """A case whose protection status two people settled."""
        case = self.open_case(code, opened_by=opened_by)
        for number in (0, 1):
            put_protection(self.officer(code, number), case, "not-sought").raise_for_status()
        return case

    def open_case(self, code: str = "it", *, opened_by: httpx.Client | None = None) -> str:
        """A new case, of every authority that the opener acts for."""
        answer = (opened_by or self.officer(code)).post("/v1/cases")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["reference"])

    def close(self) -> None:
        """Hang up: every client that was handed out."""
        for client in self._clients:
            client.close()
        self._clients.clear()

    def _client(self, code: str, token: str | None) -> httpx.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = httpx.Client(base_url=self._nodes[code]["api"], headers=headers, timeout=40)
        self._clients.append(client)
        return client


@contextlib.contextmanager
def local_network(
    directory: Path, *, states: str = "it,ro", settings: dict[str, str] | None = None
) -> Iterator[LocalNetwork]:
    """Up, with every node behind a wire tap; down again at the end, by the process id that we started.

    `settings`: of every node, beside what `network up` sets.
    """
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory.with_name(f"{directory.name}-temporary")
    temporary.mkdir(exist_ok=True)

    def hub_port() -> int:
        return int(json.loads((directory / "hub" / "hub.json").read_text())["port"])

    output = directory.with_name(f"{directory.name}-output.txt")
    with WireTap(hub_port) as tap, output.open("wb") as said:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "service.cli.main", "network", "up"),
                *("--dir", str(directory), "--states", states),
                *("--set", f"hub_url=nats://127.0.0.1:{tap.port}"),
                *(word for name, value in (settings or {}).items() for word in ("--set", f"{name}={value}")),
            ],
            cwd=REPOSITORY,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        network = LocalNetwork(directory=directory, process=process, tap=tap, temporary=temporary)
        try:
            until(
                lambda: (directory / "network.json").exists() or process.poll() is not None,
                within=UP_WITHIN,
                what="the network to come up",
            )
            assert process.poll() is None, output.read_text(errors="replace")
            yield network
        finally:
            network.close()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()  # its children die with it: they are tied to its life
                process.wait()


def message(type_: str, case: str, sender: str, recipient: str, **changes: Any) -> Json:
    """A full, valid submission of that type, from the samples. `changes` replace members of it."""
    content = sample(type_)
    body: Json = {
        "id": str(uuid.uuid4()),
        "case": case,
        "type": type_,
        "sender": sender,
        "recipient": recipient,
        "declares_no_danger": True,
        "coded": content.coded,
        "narrative": [
            {"field": block.field, "language": block.language, "text": block.text}
            for block in content.narrative
        ],
    }
    if content.identity is not None:
        body["identity"] = content.identity
    return body | changes


def send(client: httpx.Client, body: Json) -> Json:
    answer = client.post("/v1/messages", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def put_protection(client: httpx.Client, case: str, status: str) -> httpx.Response:
    return client.put(f"/v1/cases/{case}/protection", json={"status": status, "reason": "child-interviewed"})


def status_of(client: httpx.Client, message_id: str) -> str | None:
    answer = client.get(f"/v1/messages/{message_id}")
    return answer.json()["status"] if answer.status_code == 200 else None


def await_status(client: httpx.Client, message_id: str, *wanted: str) -> None:
    """At the sender: until the other node's evidence has come back. At the recipient: until it has it."""
    until(
        lambda: status_of(client, message_id) in wanted, what=f"status {' or '.join(wanted)} of {message_id}"
    )
