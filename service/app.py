"""The composition root: from settings to a running node. The only place that knows every part.

settings -> store, keys, vault, directory -> Node -> workers + HTTP application -> one event loop
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from protocol.errors import Refused
from protocol.statements import CoSigned
from service import exchange
from service.access.provider import Provider
from service.access.tokens import TokenVerifier
from service.api.app import build_api
from service.clock import clock_of
from service.directory.follow import ReplicatedDirectory, charters_at
from service.directory.publish import Publisher
from service.directory.rotate import KeyLife
from service.errors import Misconfigured, NodeError
from service.exchange.running import begin_running, note_position_now
from service.keystore import API_TOKEN, FileKeyStore
from service.logs import configure
from service.metrics import Metrics
from service.monitor.gauges import Gauges
from service.monitor.overdue import Overdue
from service.monitor.reminders import Reminders
from service.monitor.retention import Retention
from service.monitor.watch import Watch
from service.node import Node
from service.notifying.webhook import ensure_key
from service.notifying.worker import Notifier
from service.open_keystore import open_keystore
from service.ports import Clock
from service.random_source import SystemRandomSource
from service.routing.attachments import Attachments
from service.routing.inbox import Inbox
from service.routing.nats import HubLink
from service.routing.outbox import Outbox
from service.routing.reconciler import Reconciler
from service.settings import Settings
from service.store import Store, Vault
from service.store.ledger import Ledger
from service.store.migrate import upgrade
from service.store.wiping import clear_what_is_freed
from service.wake import Wake

__all__ = ["build_node", "load_directory", "run_node"]

_HUB_AT_START = 10.0
"""Seconds to wait for the hub where the node cannot start without asking it."""


def build_node(settings: Settings) -> Node:
    """Open everything that is on this machine. Misconfigured when something needs an operator first."""
    clock, random = clock_of(settings), SystemRandomSource()
    metrics = Metrics()
    log = configure(level=settings.log_level, file=settings.log_file, on_dropped=metrics.fields_dropped)
    log = log.bind(node=settings.node)
    if settings.simulated_clock_file:
        log.warning("clock.simulated")
    keys = open_keystore(settings, clock=clock, random=random)
    ledger = Ledger(settings.ledger_dir, keys.kek(), salt=random.bytes(32))
    upgrade(settings.database)
    store = Store(settings.database, readers=settings.store_readers, on_group=metrics.group)
    return Node(
        settings=settings,
        code=settings.node,
        state=settings.state,
        clock=clock,
        random=random,
        store=store,
        keys=keys,
        vault=Vault(keys.kek(), clock=clock, random=random),
        ledger=ledger,
        directory=load_directory(store, settings=settings, clock=clock, log=log),
        wake=Wake(),
        metrics=metrics,
        log=log,
    )


def load_directory(store: Store, *, settings: Settings, clock: Clock, log: Any) -> ReplicatedDirectory:
    """The last good directory. Where the settings name a newer charter than the store has, the hub is asked
    for those between. Refuses as `ReplicatedDirectory.load`, also when the hub is away."""
    try:
        return ReplicatedDirectory.load(store, settings=settings, clock=clock, log=log)
    except Misconfigured as reason:
        if reason.code != "directory.wrong_charter":
            raise
        try:
            offered = asyncio.run(_charters_at_the_hub(settings, log))
        except (Refused, NodeError):
            raise reason from None
        return ReplicatedDirectory.load(store, settings=settings, clock=clock, log=log, offered=offered)


async def _charters_at_the_hub(settings: Settings, log: Any) -> Sequence[CoSigned]:
    async with _link(settings, log) as link:
        await link.wait_connected(_HUB_AT_START)
        return await charters_at(link)


def _link(settings: Settings, log: Any) -> HubLink:
    return HubLink(
        settings.hub_url,
        code=settings.node,
        seed=settings.hub_seed_file.read_text(encoding="ascii").strip(),
        log=log,
        ca_file=settings.hub_ca_file,
        batch=settings.inbox_batch,
    )


def build_app(node: Node, link: HubLink) -> FastAPI:
    """The HTTP application, whose lifetime is that of the workers beside it."""
    directory = node.directory
    assert isinstance(directory, ReplicatedDirectory)

    async def directory_is_good() -> bool:
        try:
            node.directory.current().node(node.code)
        except Refused:
            return False
        return True

    async def store_is_written() -> bool:
        return node.store.alive

    keys = node.keys
    assert isinstance(keys, FileKeyStore)
    keys.signing(API_TOKEN)  # there is one, or the node does not start
    ensure_key(keys)
    app = build_api(
        node,
        exchange=exchange,
        tokens=TokenVerifier(node=node.code, keys=lambda kid: keys.honoured(API_TOKEN, kid)),
        probes={"store": store_is_written, "directory": directory_is_good},
        provider=Provider(node.settings) if node.settings.oidc_issuer else None,
    )

    @asynccontextmanager
    async def beside_the_api(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(link)
            for name, run in _workers(node, link, directory):
                task = asyncio.create_task(_kept_running(node, name, run), name=name)
                stack.push_async_callback(_stopped, task)
            yield

    app.router.lifespan_context = beside_the_api
    return app


def run_node(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    clear_what_is_freed()
    node = build_node(settings)
    link = _link(settings, node.log)
    server = uvicorn.Server(
        uvicorn.Config(
            build_app(node, link),
            host=settings.api_host,
            port=settings.api_port,
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            # Longer than clients and proxies keep one: the side that closes first must be the side that asks,
            # or a request is sent into a connection that is just being closed.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
        )
    )
    begin_running(node)
    node.log.info("node.starting", pid=os.getpid())
    try:
        uvloop.run(server.serve())
    finally:
        note_position_now(node)
        node.store.close()
        node.log.info("node.stopped")


type _Run = Callable[[], Coroutine[Any, Any, None]]


def _workers(node: Node, link: HubLink, directory: ReplicatedDirectory) -> tuple[tuple[str, _Run], ...]:
    return (
        ("directory-follow", lambda: directory.follow(link)),
        ("directory-publish", Publisher(node, link).run),
        ("outbox", Outbox(node, link).run),
        ("inbox", Inbox(node, link).run),
        ("attachments", Attachments(node).run),
        ("reconcile", Reconciler(node, link).run),
        ("overdue", Overdue(node).run),
        ("reminders", Reminders(node).run),
        ("retention", Retention(node).run),
        ("notices", Notifier(node).run),
        ("gauges", Gauges(node, link).run),
        ("watch", Watch(node).run),
        *((("key-life", KeyLife(node, node.keys).run),) if isinstance(node.keys, FileKeyStore) else ()),
    )


async def _kept_running(node: Node, name: str, run: _Run) -> None:
    """A worker that ends is a bug: said aloud, and started again, because silence would be worse."""
    node.metrics.expect_worker(name)
    while True:
        try:
            await run()
            node.log.error("worker.ended", worker=name)
        except Exception as error:
            node.log.error("worker.failed", worker=name, exc_info=error)
        node.metrics.worker_failed(name)
        await asyncio.sleep(1)


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
