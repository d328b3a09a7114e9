"""`focalpoint-adapter xroad`."""

from __future__ import annotations

from adapters.kit.commands import common
from adapters.xroad.worker import opened

__all__ = ["commands"]

commands = common(opened, help="The node's API behind an X-Road Security Server.")
