"""`focalpoint hub`: what the operator of a hub that several States share needs beside the server itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import typer
from nats.aio.client import Client
from nats.errors import Error as NatsError
from prometheus_client import generate_latest, start_http_server

from protocol.limits import Limits
from service.clock import SystemClock
from service.errors import Unavailable
from service.private_files import write_private
from service.random_source import SystemRandomSource
from service.routing.accounts import HEADERS, accounts
from service.routing.hub import new_user_seed, public_user_key
from service.routing.hub_watch import HubMetrics, HubWatch, inbox_lines
from service.routing.provision import InboxQuota, provision
from service.routing.subjects import member_code

hub_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Set up a hub that several States share."
)

_MEASURED_EVERY = 15.0
"""Seconds."""

UrlOption = Annotated[str, typer.Option(help="tls://host:port of one server.")]
SeedOption = Annotated[Path, typer.Option(help="Seed of the hub's own account.")]
SystemSeedOption = Annotated[
    Path | None,
    typer.Option(help="Seed of the system account: with it, connections are seen, not only who fetches."),
]
CaOption = Annotated[Path | None, typer.Option(help="PEM, when no public authority signed.")]
Members = Annotated[list[str], typer.Option("--member", help="CODE=PUBLIC_KEY, such as ro=UD…. Repeatable.")]


@hub_app.command()
def key(file: Annotated[Path, typer.Argument(help="Where the seed goes; it must not exist.")]) -> None:
    """Make a user key. The seed stays in FILE, readable to you alone; the public key is printed, to pass
    on."""
    if file.exists():
        raise typer.BadParameter("it exists, and a key is not replaced by accident", param_hint="FILE")
    seed = new_user_seed(SystemRandomSource().bytes)
    write_private(file, seed.encode())
    typer.echo(public_user_key(seed))


@hub_app.command("accounts")
def print_accounts(
    member: Members,
    hub_key: Annotated[str, typer.Option(help="Public key of the hub's own account.")],
    system_key: Annotated[str, typer.Option(help="Public key of the system account.")],
) -> None:
    """Print the accounts part of the server's configuration. It holds no secret."""
    pairs = [text.partition("=") for text in member]
    if not all(equals for _, equals, _ in pairs):
        raise typer.BadParameter("expected CODE=PUBLIC_KEY", param_hint="--member")
    members = {member_code(code): public for code, _, public in pairs}
    typer.echo(accounts(members, hub_key=hub_key, system_key=system_key), nl=False)


@hub_app.command("provision")
def provision_members(
    url: UrlOption,
    seed_file: SeedOption,
    member: Annotated[list[str], typer.Option("--member", help="CODE of a member. Repeatable.")],
    replicas: Annotated[int, typer.Option(help="3 in a cluster of three.")] = 1,
    ca_file: CaOption = None,
) -> None:
    """Make the members' inboxes and the directory, or bring them up to date. May be repeated at any time."""
    quota = InboxQuota(max_payload=Limits().envelope + HEADERS, replicas=replicas)
    codes = [member_code(code) for code in member]

    async def run() -> None:
        async with _connected(url, seed_file, ca_file) as nc:
            await provision(nc, codes, quota=quota)

    asyncio.run(run())
    typer.echo(f"provisioned: {', '.join(codes)}")


@hub_app.command()
def watch(
    url: UrlOption,
    seed_file: SeedOption,
    system_seed_file: SystemSeedOption = None,
    ca_file: CaOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Who is away, what lies in each inbox and since when, and how full the hub is. Envelopes from outside:
    nothing of what they say."""

    async def run() -> None:
        async with (
            _connected(url, seed_file, ca_file) as nc,
            _maybe_connected(url, system_seed_file, ca_file) as system,
        ):
            state = await HubWatch(nc, system).look(SystemClock().now())
        if as_json:
            typer.echo(json.dumps(state.to_json(), indent=2))
            return
        for line in inbox_lines(state):
            typer.echo(line)
        limit = f" of {state.most_storage}" if state.most_storage > 0 else ""
        typer.echo(f"storage {state.storage}{limit} bytes; directory {state.directory_documents} documents")

    asyncio.run(run())


@hub_app.command()
def metrics(
    url: UrlOption,
    seed_file: SeedOption,
    system_seed_file: SystemSeedOption = None,
    ca_file: CaOption = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT for Prometheus. Reachable by it alone.")] = "",
) -> None:
    """Serve the same as metrics until it is ended, or without --listen print them once."""
    host, _, port = listen.rpartition(":")
    if listen and not (host and port.isdecimal()):
        raise typer.BadParameter("expected HOST:PORT", param_hint="--listen")
    shown = HubMetrics()

    async def once() -> None:
        async with (
            _connected(url, seed_file, ca_file) as nc,
            _maybe_connected(url, system_seed_file, ca_file) as system,
        ):
            watching = HubWatch(nc, system)
            await watching.listen()
            while True:
                shown.show(await watching.look(SystemClock().now()))
                if not listen:
                    return
                await asyncio.sleep(_MEASURED_EVERY)

    async def serve() -> None:
        while True:
            try:
                await once()
            except (Unavailable, NatsError) as reason:
                shown.unreachable()
                typer.echo(f"the hub is away: {reason}", err=True)
            await asyncio.sleep(_MEASURED_EVERY)

    if not listen:
        asyncio.run(once())
        typer.echo(generate_latest(shown.registry).decode(), nl=False)
        return
    shown.unreachable()
    start_http_server(int(port), host, registry=shown.registry)
    asyncio.run(serve())


@contextlib.asynccontextmanager
async def _connected(url: str, seed_file: Path, ca_file: Path | None) -> AsyncIterator[Client]:
    """Unavailable `hub.unreachable`."""
    nc = Client()
    tls = ssl.create_default_context(cafile=ca_file) if url.startswith("tls://") else None
    try:
        await nc.connect(
            url,
            nkeys_seed_str=seed_file.read_text().strip(),
            allow_reconnect=False,
            tls=tls,
            error_cb=_quiet,
        )
    except (OSError, NatsError) as reason:
        raise Unavailable("hub.unreachable", type(reason).__name__) from reason
    try:
        yield nc
    finally:
        await nc.close()


def _maybe_connected(
    url: str, seed_file: Path | None, ca_file: Path | None
) -> contextlib.AbstractAsyncContextManager[Any]:
    return contextlib.nullcontext() if seed_file is None else _connected(url, seed_file, ca_file)


async def _quiet(_: Exception) -> None:
    """What fails is told where it is awaited."""
