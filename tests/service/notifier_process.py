"""A worker in a process of its own, to be killed: python -m tests.service.notifier_process DATABASE"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import structlog

from service.metrics import Metrics
from service.node import Node
from service.notifying.webhook import Webhook
from service.notifying.worker import Notifier
from service.random_source import SystemRandomSource
from service.store import Store
from service.wake import Wake
from tests.protocol.sample_directory import seeded_key


class Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


def main(database: str) -> None:
    settings = SimpleNamespace(
        on_this_machine=True, webhook_networks="", webhook_ca_file=None, notices_keep_days=90
    )
    stand_in = SimpleNamespace(
        settings=settings,
        clock=Now(),
        random=SystemRandomSource(),
        store=Store(database, readers=1),
        wake=Wake(),
        metrics=Metrics(),
        log=structlog.get_logger().bind(),
    )
    node = cast("Node", stand_in)
    webhook = Webhook(cast("Any", settings), lambda _: (seeded_key("webhook"),))
    asyncio.run(Notifier(node, {"webhook": webhook}).run())


if __name__ == "__main__":
    main(sys.argv[1])
