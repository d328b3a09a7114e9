"""A State's own entries on their way to the hub.

They are signed elsewhere, with the State's root key, which need not be on this machine, and laid into
`data_dir`/entries, one token per file. This worker puts there what the hub lacks, also after the hub lost its
store. It writes nothing but this node's own State: the hub would not take more, and readers would not believe
it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from protocol.directory.entries import split_path
from protocol.errors import Refused
from protocol.statements import StatementType, read
from service.errors import NodeError
from service.node import Node
from service.private_files import make_private_directory, write_private
from service.routing.nats import HubLink

__all__ = ["ENTRIES", "Publisher", "lay_out", "read_entries"]

ENTRIES = "entries"
_SUFFIX = ".jws"


def lay_out(data_dir: Path, path: str, token: str) -> None:
    """Lay one signed entry where the node takes it from."""
    directory = make_private_directory(data_dir / ENTRIES)
    write_private(directory / f"{path.replace('/', '.')}{_SUFFIX}", token.encode("ascii"))


def read_entries(data_dir: Path) -> dict[str, str]:
    """Tokens by path, of what lies there and is an entry at all.

    Refuses `statement.*` and `directory.*` codes when a file is not the entry that its name says.
    """
    found = {}
    for file in sorted((data_dir / ENTRIES).glob(f"*{_SUFFIX}")):
        path = "/".join(file.name.removesuffix(_SUFFIX).split("."))
        token = file.read_text(encoding="ascii").strip()
        member, _, _ = split_path(path)
        unverified = read(token, typ=StatementType.STATE_ENTRY)
        if unverified.claims.get("iss") != member:
            raise Refused("directory.wrong_state", f"the entry in {file.name} is spoken by another")
        found[path] = token
    return found


class Publisher:
    """Keeps the hub's copy of our entries equal to what was laid out."""

    def __init__(self, node: Node, link: HubLink) -> None:
        self._node = node
        self._link = link

    async def run(self) -> None:
        """Until cancelled: whenever the hub says that something changed, and every so often for new files."""
        pause = self._node.settings.directory_check_seconds
        while True:
            seen = self._link.directory_changed.count
            if self._link.connected:
                try:
                    await self.publish()
                except (Refused, NodeError) as reason:
                    self._node.log.warning("directory.not_published", code=reason.code)
            await self._link.directory_changed.wait(seen, timeout=pause)

    async def publish(self) -> int:
        """Put what the hub lacks. Returns how many documents that was."""
        ours = await asyncio.to_thread(read_entries, self._node.settings.data_dir)
        there = {path: token for _, path, token in await self._link.read_directory(self._node.code)}
        lacking = {path: token for path, token in ours.items() if there.get(path) != token}
        for path, token in lacking.items():
            await self._link.put_directory(path, token)
        if lacking:
            self._node.log.info("directory.published", count=len(lacking))
        return len(lacking)
