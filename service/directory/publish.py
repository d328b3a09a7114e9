"""A State's own entries on their way to the hub.

They are signed elsewhere and laid out (`service.directory.laid_out`). This worker puts there what the hub
lacks, also after the hub lost its store. It writes nothing but this node's own State: the hub would not take
more, and readers would not believe it.
"""

from __future__ import annotations

import asyncio

from protocol.errors import Refused
from service.directory.laid_out import ENTRIES, lay_out, read_entries
from service.errors import NodeError
from service.node import Node
from service.routing.nats import HubLink

__all__ = ["ENTRIES", "Publisher", "lay_out", "read_entries"]


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
