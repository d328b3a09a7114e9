"""How the processes that connect this node with other systems are, as they say themselves.

An adapter that falls silent is worse than one that complains: `silent` is ours, not theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, func, insert, select
from sqlmodel import Session

from service.access.actor import Actor
from service.errors import TooLarge
from service.exchange.views import AdapterHealth, AdaptersView, AdapterView
from service.node import Node
from service.store.adapters import SILENT_AFTER
from service.store.tables import ADAPTER

__all__ = ["list_adapters", "report_adapter"]

MOST_OF_ONE: Final = 32
"""Names that one client may report under."""


async def report_adapter(node: Node, actor: Actor, name: str, health: AdapterHealth) -> AdapterView:
    """Keep what the adapter `name` says of itself, in place of what it said before.

    TooLarge `request.too_large` for a client that reports under ever new names.
    """
    now = node.clock.now()
    values = {
        "client": actor.person,
        "name": name,
        "version": health.version,
        "state": health.state,
        "code": health.code,
        # A clock that runs ahead must not make it younger than it is.
        "since": min(health.since, now),
        "set_aside": health.set_aside,
        "counts": json.dumps(dict(health.counts), sort_keys=True, separators=(",", ":")),
        "heard_at": now,
    }

    def work(session: Session) -> None:
        connection = session.connection()
        mine = ADAPTER.c.client == actor.person
        known = connection.execute(delete(ADAPTER).where(mine, ADAPTER.c.name == name)).rowcount
        count = select(func.count()).select_from(ADAPTER).where(mine)
        if not known and connection.execute(count).scalar_one() >= MOST_OF_ONE:
            raise TooLarge("request.too_large", f"expected at most {MOST_OF_ONE} names of one client")
        connection.execute(insert(ADAPTER), values)

    await node.store.write(work)
    node.log.info("adapter.reported", source=name, state=health.state, code=health.code or "none")
    return AdapterView(name=name, client=actor.person, heard_at=now, silent=False, **_facts(values))


async def list_adapters(node: Node, actor: Actor) -> AdaptersView:  # noqa: ARG001 (its scope is enough)
    """Every adapter that ever reported, the unwell first."""
    now = node.clock.now()

    def work(session: Session) -> AdaptersView:
        rows = session.connection().execute(select(ADAPTER)).mappings()
        views = [
            AdapterView(
                name=row["name"],
                client=row["client"],
                heard_at=row["heard_at"],
                silent=row["state"] != "stopped" and now - row["heard_at"] > SILENT_AFTER,
                **_facts(dict(row)),
            )
            for row in rows
        ]
        return AdaptersView(
            at=now,
            adapters=tuple(
                sorted(views, key=lambda view: (view.state == "well" and not view.silent, view.name))
            ),
        )

    return await node.store.read(work)


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: row[name] for name in ("version", "state", "code", "since", "set_aside")}
    return facts | {"counts": json.loads(row["counts"])}
