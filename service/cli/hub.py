"""`focalpoint hub`: what the operator of a hub that several States share needs beside the server itself."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Annotated

import typer
from nats.aio.client import Client
from nats.errors import Error as NatsError

from protocol.limits import Limits
from service.errors import Unavailable
from service.private_files import write_private
from service.random_source import SystemRandomSource
from service.routing.accounts import HEADERS, accounts
from service.routing.hub import new_user_seed, public_user_key
from service.routing.provision import InboxQuota, provision
from service.routing.subjects import member_code

hub_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Set up a hub that several States share."
)

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
    url: Annotated[str, typer.Option(help="tls://host:port of one server.")],
    seed_file: Annotated[Path, typer.Option(help="Seed of the hub's own account.")],
    member: Annotated[list[str], typer.Option("--member", help="CODE of a member. Repeatable.")],
    replicas: Annotated[int, typer.Option(help="3 in a cluster of three.")] = 1,
    ca_file: Annotated[Path | None, typer.Option(help="PEM, when no public authority signed.")] = None,
) -> None:
    """Make the members' inboxes and the directory, or bring them up to date. May be repeated at any time."""
    quota = InboxQuota(max_payload=Limits().envelope + HEADERS, replicas=replicas)
    codes = [member_code(code) for code in member]

    async def run() -> None:
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
            await provision(nc, codes, quota=quota)
        finally:
            await nc.close()

    asyncio.run(run())
    typer.echo(f"provisioned: {', '.join(codes)}")


async def _quiet(_: Exception) -> None:
    """What fails is told where it is awaited."""
