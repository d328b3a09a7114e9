"""Nodes that acknowledge before they commit. They exist to be caught: see test_mutants.py.

    python -m tests.faults.hasty_node acks-the-hub-first --config node.toml
    python -m tests.faults.hasty_node answers-202-first --config node.toml

Everything but the order of two steps is the product's own code.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from service import app
from service.routing.inbox import Inbox
from service.routing.nats import Delivery
from service.settings import load
from service.store import store, writer

SLOW_DISK = 1.0
"""Seconds between the answer and the commit: wide enough to be killed in."""


class AcksTheHubFirst(Inbox):
    async def take(self, deliveries: Sequence[Delivery]) -> None:
        await asyncio.gather(*(delivery.ack() for delivery in deliveries))
        await super().take(deliveries)


class Answers202First(writer.Writer):
    def _write(self, group: list[writer._Queued]) -> None:
        session = writer.WorkSession(self._engine, expire_on_commit=False)
        done = self._perform(session, group)
        writer._answer(group)
        time.sleep(SLOW_DISK)
        if done:
            session._commit()
        session._discard()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mutation", choices=("acks-the-hub-first", "answers-202-first"))
    parser.add_argument("--config", type=Path, required=True)
    chosen = parser.parse_args()
    if chosen.mutation == "acks-the-hub-first":
        app.Inbox = AcksTheHubFirst  # type: ignore[misc]
    else:
        store.Writer = Answers202First  # type: ignore[misc]
    app.run_node(load(chosen.config, os.environ))


if __name__ == "__main__":
    main()
