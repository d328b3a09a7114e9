"""The network's own hand: puts charter and admissions at the hub, and signs snapshots over what members say.

A new snapshot is signed when a member's entry changed, when the keepers filed something, and when a quarter
of the last one's life has passed, well before anybody's alarm at half of it. The snapshot key can leave out,
never invent: what it lists was signed by the member, and every node checks that.

Its sequence must never be used twice, or nodes see a fork. So each snapshot is on disk before it is at the
hub; after a crash the same bytes are put again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from protocol.directory import Snapshot, sign_snapshot, verify_snapshot
from protocol.directory.trust import verify_entry
from protocol.errors import NotAcceptable, Refused
from protocol.statements import SigningKey
from service.directory.documents import CHARTER, SNAPSHOT, admission_path, charter_path, cosigned_text
from service.directory.papers import Papers
from service.errors import NodeError
from service.ports import Clock
from service.private_files import write_private
from service.routing.nats import HubLink
from service.routing.subjects import NETWORK_WRITER

__all__ = ["Registrar"]

_GATHER = 0.1
"""Seconds to wait after a change: a State's entries come together."""


class Registrar:
    """`link` is connected to the hub's own account. `papers` is asked at every look: what the keepers have
    filed meanwhile counts from then on. `state_file` keeps the last snapshot and its entries.

    `lasts` is a snapshot's life: how long nodes go on without the network. `look_every` in seconds.
    """

    def __init__(
        self,
        link: HubLink,
        *,
        papers: Callable[[], Papers],
        snapshot_key: SigningKey,
        state_file: Path,
        clock: Clock,
        log: Any,
        lasts: timedelta = timedelta(days=7),
        look_every: float = 30.0,
    ) -> None:
        self._link = link
        self._read_papers = papers
        self._papers = papers()
        self._key = snapshot_key
        self._state_file = state_file
        self._clock = clock
        self._log = log
        self._lasts = lasts
        self._look_every = look_every
        self._snapshot: Snapshot | None = None
        self._entries: dict[str, str] = {}
        self._recall()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            seen = self._link.directory_changed.count
            if self._link.connected:
                try:
                    await self.round()
                except (Refused, NodeError) as reason:
                    self._log.warning("registrar.round_failed", code=reason.code)
            if await self._link.directory_changed.wait(seen, timeout=self._look_every):
                await asyncio.sleep(_GATHER)

    async def round(self) -> Snapshot:
        """Look at what members say, sign anew if need be, and see that the hub has it all."""
        self._papers = self._read_papers()
        entries = await self._newest_entries()
        if self._snapshot is None or entries != self._entries or self._due() or self._papers_changed():
            self._sign(entries)
        assert self._snapshot is not None
        there = {path: text for _, path, text in await self._link.read_directory(NETWORK_WRITER)}
        wanted = {
            **{
                charter_path(number): cosigned_text(one)
                for number, one in enumerate(self._papers.charters[:-1], start=1)
            },
            CHARTER: cosigned_text(self._papers.charters[-1]),
            **{
                admission_path(member): cosigned_text(cosigned)
                for member, cosigned in self._papers.documents.items()
            },
            # Last: who sees a snapshot shall find what it names.
            SNAPSHOT: self._snapshot.token,
        }
        for path, text in wanted.items():
            if there.get(path) != text:
                await self._link.put_directory(path, text)
        return self._snapshot

    async def _newest_entries(self) -> dict[str, str]:
        """What is known of each path, replaced by what its member put since and is good.

        What vanished from the hub stays: a hub that lost its store says nothing about a member's will. Of a
        State without a node any member's may put what that State has signed, so that no single one can hold
        back that a mandate was revoked.
        """
        entries = dict(self._entries)
        rules = self._papers.rules
        for admission in self._papers.admissions.values():
            for node in admission.nodes:
                for _, path, token in await self._link.read_directory(node):
                    if entries.get(path) == token:
                        continue
                    spoken = self._papers.admissions.get(path.partition("/")[0])
                    member = spoken if spoken is not None and not spoken.nodes else admission
                    try:
                        entry, _ = verify_entry(path, token, rules, member)
                        known = entries.get(path)
                        if known is not None:
                            before, _ = verify_entry(path, known, rules, member)
                            if entry.issued_at < before.issued_at:
                                continue
                    except Refused as reason:
                        self._log.warning("registrar.entry_refused", node=node, code=reason.code)
                        continue
                    entries[path] = token
        return entries

    def _due(self) -> bool:
        assert self._snapshot is not None
        return self._clock.now() >= self._snapshot.issued_at + self._lasts / 4

    def _papers_changed(self) -> bool:
        assert self._snapshot is not None
        now = {member: cosigned.digest for member, cosigned in self._papers.documents.items()}
        return self._snapshot.charter != self._papers.rules.digest or dict(self._snapshot.admissions) != now

    def _sign(self, entries: dict[str, str]) -> None:
        now, last, rules = self._clock.now(), self._snapshot, self._papers.rules
        if not any(record.kid == self._key.kid for record in rules.snapshot_keys):
            raise NotAcceptable("directory.wrong_signer", "the charter delegates to another snapshot key")
        entries = {
            path: one for path, one in entries.items() if path.partition("/")[0] in self._papers.documents
        }
        token = sign_snapshot(
            charter=rules,
            sequence=last.sequence + 1 if last else 1,
            previous=last.digest if last else None,
            admissions=self._papers.documents,
            entries=entries,
            issued_at=now,
            expires_at=now + self._lasts,
            key=self._key,
        )
        kept = {"snapshot": token, "entries": entries}
        write_private(self._state_file, json.dumps(kept, indent=1).encode())
        self._snapshot, self._entries = verify_snapshot(token, rules), entries
        self._log.info("registrar.signed", snapshot=self._snapshot.sequence, count=len(entries))

    def _recall(self) -> None:
        if self._state_file.exists():
            kept = json.loads(self._state_file.read_bytes())
            self._snapshot = verify_snapshot(kept["snapshot"], self._papers.rules)
            self._entries = dict(kept["entries"])
