"""The worker behind attachments: gives the outbox a few chunks at a time, and verifies what came as a whole.

It holds one chunk at a time, and what it does is in rows: after a crash it goes on where the last commit was.
"""

from __future__ import annotations

from protocol.errors import Refused
from service.errors import NodeError
from service.exchange import chunks
from service.node import Node
from service.store import attachments

__all__ = ["Attachments"]


class Attachments:
    def __init__(self, node: Node) -> None:
        self._node = node

    async def run(self) -> None:
        """Until cancelled."""
        node = self._node
        while True:
            seen = node.wake.attachments_due.count
            try:
                moved = await self.once()
            except (Refused, NodeError) as reason:
                node.log.warning("attachments.round_failed", code=reason.code)
                moved = 0
            if not moved:
                await node.wake.attachments_due.wait(seen, timeout=node.settings.outbox_poll_seconds)

    async def once(self) -> int:
        """How many attachments were verified and how many chunks given to the outbox."""
        node = self._node
        if not await node.store.read(lambda session: attachments.has_something_to_do(session.connection())):
            return 0
        whole = await node.store.read(lambda session: attachments.whole(session.connection()))
        for row in whole:
            await chunks.verify(node, row)
        now = node.clock.now()
        if not await node.store.read(lambda session: bool(attachments.to_feed(session.connection()))):
            return len(whole)
        given = await node.store.write(lambda session: chunks.feed(node, session, now))
        if given:
            node.wake.outbox_ready.notify()
        return len(whole) + given
