"""`focalpoint token`: an access token, made on the node's own machine by whoever holds its keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from protocol.identifiers import Address, parse_address
from service.access.roles import CONTENT_SCOPES, ROLE_SCOPES, Role
from service.access.tokens import mint
from service.cli.at_node import ConfigOption, NetworkOption, NodeOption, keystore_of, settings_of
from service.clock import clock_of
from service.directory.publish import read_entries
from service.keystore import API_TOKEN
from service.random_source import SystemRandomSource
from service.settings import Settings

token_app = typer.Typer(no_args_is_help=True, add_completion=False, help="Make tokens for the node's API.")

_MOST_MINUTES = 480
"""A working day: while nobody signs in, people are handed a token in the morning. What a lost one costs is
bounded by this, or by replacing the `api-token` key, which ends every session at the node's next start."""


@token_app.callback()
def _() -> None:
    """Make tokens for the node's API."""


@token_app.command("mint")
def mint_token(
    role: Annotated[Role, typer.Option(help="One role; what it may do is in service/access/roles.py.")],
    person: Annotated[
        str,
        typer.Option(
            help="Who it is for, as the journal shall know them; a staff number rather than a name."
        ),
    ],
    authority: Annotated[
        list[str] | None, typer.Option(help="On whose behalf, such as ro.anpdca. Repeatable.")
    ] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, max=_MOST_MINUTES, help="Default: the setting `token_seconds`.")
    ] = None,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Print a bearer token. Two people need two tokens with two different --person: it is how the node tells
    them apart."""
    settings = settings_of(config, network, node)
    authorities = _authorities(settings, authority or [])
    if not person.strip():
        raise typer.BadParameter("expected a name or a number", param_hint="--person")
    if ROLE_SCOPES[role] & CONTENT_SCOPES and not authorities:
        raise typer.BadParameter(f"the role {role} acts for an authority: name it", param_hint="--authority")
    now = clock_of(settings).now()
    lifetime = timedelta(seconds=settings.token_seconds) if minutes is None else timedelta(minutes=minutes)
    token = mint(
        keystore_of(settings).signing(API_TOKEN),
        node=settings.node,
        person=person,
        role=role,
        authorities=authorities,
        now=now,
        random_bytes=SystemRandomSource().bytes,
        lifetime=lifetime,
    )
    typer.echo(token)
    typer.echo(f"Good until {now + lifetime:%Y-%m-%d %H:%M:%S} UTC, for {role} {person}.", err=True)
    typer.echo(
        "That it was made is in no journal: this command works beside the node. Note it yourself; what is"
        " done with it is journalled under that person.",
        err=True,
    )


def _authorities(settings: Settings, texts: list[str]) -> list[Address]:
    described = {
        f"{settings.state}.{path.rpartition('/')[2]}"
        for path in read_entries(settings.data_dir)
        if path.split("/")[1] == "authority"
    }
    for address in texts:
        if parse_address(address) not in described:
            known = ", ".join(sorted(described)) or "none yet: `focalpoint directory entry` comes first"
            raise typer.BadParameter(
                f"{address} has no entry here; those that have: {known}", param_hint="--authority"
            )
    return [Address(address) for address in texts]
