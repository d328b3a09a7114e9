"""The worker that carries keys through their lives while the node runs, and stops for none of it.

a waiting signing key     signs once the directory that others see lists it
a sealing key             is destroyed once its time is over and others seal to another
an act with a key         goes into the access journal
a proposal of a command   waits for a second administrator
an end that comes near    is said in the log and the metrics, every day until somebody acts
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from sqlmodel import Session

from protocol.directory import Directory
from protocol.errors import Refused
from protocol.identifiers import Address, NodeCode
from service.access import journal
from service.access.actor import Actor
from service.access.roles import Role
from service.directory.identity_keys import destroy_what_is_over
from service.directory.key_acts import KeyAct, notes
from service.directory.machine_proposals import MachineProposal, proposals, take_in
from service.errors import NodeError
from service.keystore import FileKeyStore
from service.monitor.key_lives import Ending, endings
from service.node import Node
from service.notices import tell

__all__ = ["KeyLife"]

_SAID_AGAIN_AFTER = timedelta(days=1)


class KeyLife:
    def __init__(self, node: Node, keys: FileKeyStore) -> None:
        self._node = node
        self._keys = keys
        self._said: dict[tuple[str, str], datetime] = {}
        self._told: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (Refused, NodeError) as reason:
                self._node.log.warning("keys.round_failed", code=reason.code)
            await asyncio.sleep(self._node.settings.directory_check_seconds)

    async def look(self) -> None:
        """One round. Past the directory's expiry it goes on by the last good one, but no waiting key begins
        to sign: a key whose time is over must not live on because the hub is silent. Refuses
        `directory.none_yet`."""
        await self._journal()
        await self._take_in()
        directory, now = self._node.directory.known(), self._node.clock.now()
        if directory.freshness(now) != "expired":
            await asyncio.to_thread(self._promote, directory, now)
        for entry in await asyncio.to_thread(
            lambda: list(destroy_what_is_over(self._keys, directory, self._node.code, now))
        ):
            await self._node.store.write(
                self._noting(
                    KeyAct(act="destroy", subject=f"{entry.purpose or entry.owner} {entry.kid}", at=now)
                )
            )
            self._node.log.info("keys.destroyed", kid=entry.kid)
        await self._tell(self._warn(directory, now), now)

    def _promote(self, directory: Directory, now: datetime) -> None:
        for entry in self._keys.entries():
            if not entry.waiting or entry.destroyed_at is not None:
                continue
            try:
                listed = (
                    directory.authority(Address(entry.owner))
                    if "." in entry.owner
                    else directory.node(NodeCode(entry.owner))
                ).signing_keys
            except Refused:
                continue
            if any(record.kid == entry.kid and record.in_use(now) for record in listed):
                self._keys.promote(entry.kid)
                self._node.log.info("keys.in_use", kid=entry.kid)

    async def _journal(self) -> None:
        for act, take_away in await asyncio.to_thread(lambda: list(notes(self._node.settings.data_dir))):
            await self._node.store.write(self._noting(act))
            take_away()
            self._node.log.info("keys.changed", kind=act.act)

    async def _take_in(self) -> None:
        data_dir = self._node.settings.data_dir
        for proposal, take_away in await asyncio.to_thread(lambda: list(proposals(data_dir))):
            await self._node.store.write(self._keeping(proposal))
            take_away()
            self._node.log.info("keys.proposed", kind=proposal.kind)

    def _keeping(self, proposal: MachineProposal) -> Callable[[Session], None]:
        now = self._node.clock.now()
        return lambda session: take_in(self._node, session, proposal, now)

    def _noting(self, act: KeyAct) -> Callable[[Session], None]:
        actor = Actor(
            person=act.by if act.act != "destroy" else "node",
            role=Role.ADMINISTRATOR,
            authorities=frozenset(),
            scopes=frozenset(),
            expires_at=act.at,
            via=act.via,
        )

        def work(session: Session) -> None:
            journal.note(session, actor, act.action, act.subject, at=act.at)

        return work

    async def _tell(self, ending: Iterable[Ending], now: datetime) -> None:
        """The administrators, once for each end. What is remembered here only saves a transaction."""
        new = {
            key: one
            for one in ending
            if (key := f"{_kind(one)}/{one.owner}/{one.what}/{one.at.isoformat()}") not in self._told
        }
        if not new:
            return

        def work(session: Session) -> None:
            for key, one in new.items():
                tell(
                    session,
                    _kind(one),
                    authority=None,
                    audience="administrator",
                    subject=f"{one.what} {one.owner}",
                    due_at=one.at,
                    key=key,
                    now=now,
                )

        await self._node.store.write(work)
        self._told.update(new)
        self._node.wake.notices.notify()

    def _warn(self, directory: Directory, now: datetime) -> list[Ending]:
        """What is due is said; returns it."""
        found = list(endings(directory, self._node.code, now))
        soonest: dict[str, float] = {}
        for ending in found:
            left = (ending.at - now).total_seconds()
            soonest[ending.what] = min(left, soonest.get(ending.what, left))
        ahead = next((ending.ahead for ending in found if ending.ahead is not None), 0)
        self._node.metrics.key_lives(soonest, identity_ahead=ahead)
        for ending in found:
            name = (ending.what, ending.owner)
            if not ending.due:
                self._said.pop(name, None)
            elif now - self._said.get(name, datetime.min.replace(tzinfo=now.tzinfo)) >= _SAID_AGAIN_AFTER:
                self._said[name] = now
                # Whose it is `focalpoint doctor` says: no office stands in the log.
                self._node.log.warning(
                    "keys.ending",
                    kind=ending.what,
                    seconds=int((ending.at - now).total_seconds()),
                    count=ending.ahead,
                )
        return [ending for ending in found if ending.due]


def _kind(ending: Ending) -> str:
    return "directory-ending" if ending.what == "entry" else "key-ending"
