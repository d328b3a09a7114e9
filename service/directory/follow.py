"""The node's own copy of the directory: the last good one from the store, renewed from the hub.

    store ──load──► Directory ◄──assemble── hub: snapshot, then only what it names and we lack

Nothing that the hub brings is believed before `Directory.assemble` has verified it down to the charter whose
digest the operator entered. Whatever is refused leaves the last good directory standing; while the hub is
away it stands too, with an alarm from half its life on, until its hard expiry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import batched
from typing import Any, Protocol, Self

from protocol.directory import Directory, Snapshot, verify_charters, verify_snapshot
from protocol.directory.trust import MAX_COSIGNED_BYTES, MAX_SNAPSHOT_BYTES, Charter, verify_admission
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import NodeCode
from protocol.json_strict import parse_object
from protocol.statements import CoSigned, StatementType, digest, read
from service.directory.documents import (
    CHARTER,
    SNAPSHOT,
    Remembered,
    admission_path,
    charter_path,
    charters,
    cosigned_text,
    keep,
    member_of_admission,
    read_cosigned,
    remembered,
)
from service.errors import Misconfigured, NodeError
from service.ports import Clock
from service.routing.nats import HubLink
from service.routing.subjects import NETWORK_WRITER, directory_subject
from service.settings import Settings
from service.store import Store

__all__ = ["DirectoryHub", "ReplicatedDirectory", "charters_at"]

_AT_ONCE = 500
"""Subjects asked for in one read; the server answers at most 1,024."""
_MOST_CHARTERS = 1_000
_UNTIL_THERE = 0.5
"""Seconds between looks while there is no directory at all: a notice may be missed by a hair."""


class DirectoryHub(Protocol):
    """What following needs of a link to the hub."""

    async def read_documents(self, subjects: tuple[str, ...], /) -> Iterable[tuple[NodeCode, str, str]]:
        """Writer, path and text of the latest document of each subject."""
        ...


class ReplicatedDirectory:
    """A `DirectorySource`. Make it with `load`."""

    def __init__(
        self,
        store: Store,
        *,
        settings: Settings,
        clock: Clock,
        log: Any,
        last_good: Directory | None,
        charters: Sequence[CoSigned] = (),
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._log = log
        self._directory = last_good
        self._charters = tuple(charters)

    @classmethod
    def load(
        cls,
        store: Store,
        *,
        settings: Settings,
        clock: Clock,
        log: Any,
        offered: Sequence[CoSigned] = (),
    ) -> Self:
        """The last good directory from the store, or none yet.

        `offered`: charters from elsewhere. Settings that name a newer charter than the store has are taken
        when these lead back from it to the store's; what they say counts only once `refresh` took it in.

        Misconfigured `directory.wrong_charter` when the store holds the directory of another charter than the
        settings name, `directory.stored_unusable` when what it holds no longer verifies: to start without it
        would be to forget how far the directory had come, and let an older one pass.
        """
        held = store.read_now(remembered)
        if CHARTER not in held.current or not held.snapshots:
            return cls(store, settings=settings, clock=clock, log=log, last_good=None)
        known = charters(held)
        named = settings.charter_digest
        try:
            if offered and all(one.digest != named for one in known):
                named = read_cosigned(held.current[CHARTER]).digest
                verify_charters((*known, *offered), settings.charter_digest).named(named)
            verify_charters(known, named)
        except Refused as reason:
            if reason.code != "directory.wrong_charter":
                raise Misconfigured(
                    "directory.stored_unusable", f"the stored charter does not verify: {reason}"
                ) from reason
            raise Misconfigured(
                "directory.wrong_charter",
                "the store holds the directory of another charter than `charter_digest` names: correct the"
                " setting, or start with an empty data directory",
            ) from reason
        try:
            directory = _from_store(held, known, named, clock.now())
        except Refused as reason:
            raise Misconfigured(
                "directory.stored_unusable", f"the stored directory does not verify: {reason}"
            ) from reason
        return cls(store, settings=settings, clock=clock, log=log, last_good=directory, charters=known)

    def current(self) -> Directory:
        """The last good directory. Refuses `directory.none_yet`, and `directory.expired` past its hard
        expiry."""
        directory = self.known()
        directory.require_fresh(self._clock.now())
        return directory

    def known(self) -> Directory:
        """The last good directory, expired or not. Refuses `directory.none_yet`."""
        if self._directory is None:
            raise NotAcceptable("directory.none_yet", "no directory has come from the hub yet")
        return self._directory

    @property
    def last_good(self) -> Directory | None:
        """Also past its expiry, for what was received before it, and for the operator to look at."""
        return self._directory

    async def follow(self, link: HubLink) -> None:
        """Until cancelled: look whenever the hub says that something changed, and every so often besides."""
        alarmed = False
        while True:
            seen = link.directory_changed.count
            if link.connected:
                try:
                    await self.refresh(link)
                except (Refused, NodeError) as reason:
                    self._log.warning("directory.not_renewed", code=reason.code)
            alarmed = self._alarm(alarmed)
            pause = self._settings.directory_check_seconds if self._directory else _UNTIL_THERE
            await link.directory_changed.wait(seen, timeout=pause)

    async def refresh(self, hub: DirectoryHub) -> bool:
        """Take in the hub's snapshot, if it is another than ours. True when it was, and is good.

        Refuses with the codes of `Directory.assemble`, the last good directory untouched.
        """
        token = await _one(hub, SNAPSHOT)
        if token is None:
            return False
        last = self._directory
        if last is not None and digest(token.encode()) == last.snapshot.digest:
            return False
        known = await self._known_charters(hub, token)
        # Once it has followed the charters to one, a node goes on from there and no further back.
        rules = verify_charters(known, last.charter.digest if last else self._settings.charter_digest)
        snapshot = verify_snapshot(token, rules)
        admissions = await self._admissions(hub, snapshot, last)
        entries = await self._entries(hub, snapshot, admissions, rules, last)
        now = self._clock.now()
        directory = await asyncio.to_thread(
            lambda: Directory.assemble(
                known,
                self._settings.charter_digest,
                [read_cosigned(text) for text in admissions.values()],
                token,
                entries,
                now=now,
                previous=last,
            )
        )
        fresh = [
            *(
                (CHARTER, cosigned_text(one))
                for one in _in_order(known, directory)
                if one not in self._charters
            ),
            *((admission_path(member), text) for member, text in admissions.items()),
            *entries.items(),
        ]
        # Kept before it is used: after a crash we must not know less than we acted upon.
        await self._store.write(
            lambda session: keep(session, fresh, sequence=snapshot.sequence, snapshot=token, now=now)
        )
        if last is not None and directory.charter.digest != last.charter.digest:
            self._log.warning(
                "directory.charter_replaced",
                sequence=directory.charter.sequence,
                digest=directory.charter.digest,
            )
        self._directory, self._charters = directory, _in_order(known, directory)
        self._log.info("directory.renewed", snapshot=snapshot.sequence, count=len(snapshot.entries))
        return True

    async def _known_charters(self, hub: DirectoryHub, snapshot: str) -> tuple[CoSigned, ...]:
        """Those that we have, and when the snapshot is of none of them, those that the hub has."""
        named = read(snapshot, typ=StatementType.SNAPSHOT, max_bytes=MAX_SNAPSHOT_BYTES).claims.get("charter")
        if any(one.digest == named for one in self._charters):
            return self._charters
        offered = await charters_at(hub)
        fresh = [one for one in offered if all(one.digest != held.digest for held in self._charters)]
        return (*self._charters, *fresh)

    async def _admissions(
        self, hub: DirectoryHub, snapshot: Snapshot, last: Directory | None
    ) -> dict[str, str]:
        """Texts of the admissions that the snapshot names and `last` has not verified."""
        known = last.archive.admissions if last else {}
        lacking = [
            member
            for member, wanted in snapshot.admissions.items()
            if not any(admission.digest == wanted for admission, _ in known.get(member, ()))
        ]
        found = {}
        for _, path, text in await _read(
            hub, [directory_subject(NETWORK_WRITER, admission_path(member)) for member in lacking]
        ):
            if (member := member_of_admission(path)) is not None:
                found[member] = text
        return found

    async def _entries(
        self,
        hub: DirectoryHub,
        snapshot: Snapshot,
        fresh: dict[str, str],
        rules: Charter,
        last: Directory | None,
    ) -> dict[str, str]:
        """Tokens of the entries that the snapshot names and `last` has not verified.

        A member may write from any of its nodes, and where it has none any member's may carry what it has
        signed; of several texts the one that the snapshot names counts.
        """
        admitted = {member: verify_admission(read_cosigned(text), rules) for member, text in fresh.items()}
        everybody = {
            node
            for member in snapshot.admissions
            if (one := admitted.get(member) or (last.archive.admission(member) if last else None)) is not None
            for node in one.nodes
        }
        subjects = []
        for path, wanted in snapshot.entries.items():
            if last is not None and wanted in last.archive.held:
                continue
            member = path.partition("/")[0]
            admission = admitted.get(member) or (last.archive.admission(member) if last else None)
            writers = admission.nodes or sorted(everybody) if admission else ()
            subjects += [directory_subject(node, path) for node in writers]
        return {
            path: token
            for _, path, token in await _read(hub, subjects)
            if snapshot.entries.get(path) == digest(token.encode())
        }

    def _alarm(self, alarmed: bool) -> bool:
        """Say once that the directory ages, and once that it has expired."""
        directory = self._directory
        if directory is None:
            return alarmed
        freshness = directory.freshness(self._clock.now())
        if freshness == "good":
            return False
        if not alarmed or freshness == "expired":
            self._log.warning(
                "directory.ageing",
                state=freshness,
                snapshot=directory.snapshot.sequence,
                seconds=int((directory.snapshot.expires_at - self._clock.now()).total_seconds()),
            )
        return True


async def charters_at(hub: DirectoryHub) -> tuple[CoSigned, ...]:
    """Every charter that the hub has, oldest first; nobody has verified them yet.

    Refuses `statement.malformed`, also when the hub has none, and `directory.malformed`.
    """
    newest = read_cosigned(await _one(hub, CHARTER) or "")
    # Not verified yet: how far to look for those before it, and no more than that.
    sequence = parse_object(newest.payload, max_bytes=MAX_COSIGNED_BYTES).get("sequence", 1)
    if not isinstance(sequence, int) or not 1 <= sequence <= _MOST_CHARTERS:
        raise NotAcceptable("directory.malformed", "expected the number of a charter")
    earlier = await _read(
        hub, [directory_subject(NETWORK_WRITER, charter_path(number)) for number in range(1, sequence)]
    )
    return (*(read_cosigned(text) for _, _, text in earlier), newest)


async def _one(hub: DirectoryHub, path: str) -> str | None:
    for _, _, text in await hub.read_documents((directory_subject(NETWORK_WRITER, path),)):
        return text
    return None


async def _read(hub: DirectoryHub, subjects: list[str]) -> list[tuple[NodeCode, str, str]]:
    found: list[tuple[NodeCode, str, str]] = []
    for some in batched(subjects, _AT_ONCE):
        found += await hub.read_documents(some)
    return found


def _in_order(documents: Iterable[CoSigned], directory: Directory) -> tuple[CoSigned, ...]:
    """The documents of the directory's charters, oldest first."""
    by_digest = {one.digest: one for one in documents}
    chain = (*directory.charter.earlier, directory.charter)
    return tuple(by_digest[one.digest] for one in chain)


def _from_store(held: Remembered, known: Sequence[CoSigned], charter_digest: str, now: datetime) -> Directory:
    admissions = [read_cosigned(text) for path, text in held.history if member_of_admission(path) is not None]
    entries = {path: text for path, text in held.current.items() if not path.startswith("net/")}
    newest = held.snapshots[-1]
    snapshot = verify_snapshot(newest, verify_charters(known, charter_digest))
    # Expired since or not, it is where the directory has come to: put together as of its last good moment,
    # and `current` refuses to serve it past its expiry.
    at = max(snapshot.issued_at, min(now, snapshot.expires_at - timedelta(seconds=1)))
    directory = Directory.assemble(known, charter_digest, admissions, newest, entries, now=at)
    return directory.with_history(
        [(path, text) for path, text in held.history if not path.startswith("net/")],
        admissions=admissions,
        snapshots=held.snapshots,
    )
