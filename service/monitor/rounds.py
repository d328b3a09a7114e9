"""Workers that look again and again, whatever one look came to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from protocol.errors import FocalpointError
from service.node import Node

__all__ = ["round_after_round"]


async def round_after_round(
    node: Node, look: Callable[[], Awaitable[object]], *, failed: str, every: float
) -> NoReturn:
    """Until cancelled. What stopped one look is logged as the event `failed`; after `every` seconds comes the
    next."""
    while True:
        try:
            await look()
        except FocalpointError as reason:
            node.log.warning(failed, code=getattr(reason, "code", "internal"))
        await asyncio.sleep(every)
