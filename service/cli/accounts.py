"""`focalpoint client` and `focalpoint person`: who may ask the node, said by its administrator.

focalpoint client add registry keys.json --authority it.servizio-minori --role administrator …
focalpoint person add supervisor --authority it.servizio-minori --role administrator …
focalpoint person invite person-… --role administrator …
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from service.cli.at_api import talks_to_a_node
from service.client import Approval, Client, RegisteredClient, RegisteredPerson

__all__ = ["client_app", "person_app"]

client_app = typer.Typer(no_args_is_help=True, add_completion=False, help="Agencies' systems.")
person_app = typer.Typer(no_args_is_help=True, add_completion=False, help="People who may sign in.")

Authorities = Annotated[
    list[str] | None, typer.Option("--authority", help="On whose behalf, such as ro.anpdca. Repeatable.")
]


@client_app.command("add")
@talks_to_a_node
async def add_client(
    node: Client,
    id: Annotated[str, typer.Argument(help="The system's client id.")],  # noqa: A002
    keys: Annotated[Path, typer.Argument(help="Its public keys: a JSON Web Key, or a set of them.")],
    kind: Annotated[
        str, typer.Option(help="agency-system, operator (metrics and deadlines) or statistician.")
    ] = "agency-system",
    authority: Authorities = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="Fewer than all of it. Repeatable.")
    ] = None,
) -> None:
    """Propose a system, or to replace what was registered under its id, keys included. Another administrator
    approves it."""
    waits = await node.register_client(
        id, role=kind, keys=_keys(keys), authorities=authority or (), scopes=scope or None
    )
    _waits(waits)


@client_app.command("list")
@talks_to_a_node
async def list_clients(node: Client) -> None:
    """Every system that was ever registered."""
    for client in await node.clients():
        typer.echo(_client_line(client))


@client_app.command("disable")
@talks_to_a_node
async def disable_client(
    node: Client,
    id: Annotated[str, typer.Argument(help="The system's client id.")],  # noqa: A002
) -> None:
    """Give a system no more tokens. Those that it has live out their minutes."""
    typer.echo(_client_line(await node.disable_client(id)))


@person_app.command("add")
@talks_to_a_node
async def add_person(
    node: Client,
    kind: Annotated[str, typer.Argument(help="Their role, such as case-officer.")],
    authority: Authorities = None,
    subject: Annotated[
        str | None, typer.Option(help="What the identity provider calls them; only its digest is kept.")
    ] = None,
) -> None:
    """Register somebody under an opaque name, and print it. Note yourself who it is: the node never knows.

    A role that shows what is said of a child, or administers, takes another administrator's approval.
    """
    added = await node.add_person(role=kind, authorities=authority or (), subject=subject)
    if "kind" in added:
        _waits(cast("Approval", added))
    else:
        typer.echo(_person_line(added))


@person_app.command("list")
@talks_to_a_node
async def list_people(node: Client) -> None:
    """Everybody who was ever registered."""
    for known in await node.people():
        typer.echo(_person_line(known))


@person_app.command("invite")
@talks_to_a_node
async def invite(
    node: Client,
    id: Annotated[str, typer.Argument(help="Their opaque name, person-…")],  # noqa: A002
) -> None:
    """Print a link that signs them in once. Hand it over where nobody else reads."""
    made = await node.invite(id)
    if "kind" in made:
        _waits(cast("Approval", made))
        return
    typer.echo(made["link"])
    typer.echo(f"Good once, until {made['expires_at']}. Earlier links of this person have ended.", err=True)


@person_app.command("disable")
@talks_to_a_node
async def disable_person(
    node: Client,
    id: Annotated[str, typer.Argument(help="Their opaque name, person-…")],  # noqa: A002
) -> None:
    """Let them in no more: their sessions and links end at once."""
    typer.echo(_person_line(await node.disable_person(id)))


def _waits(approval: Approval) -> None:
    for line in approval["preview"]:
        typer.echo(line)
    typer.echo(f"proposed {approval['id']} for {approval['subject']}")
    typer.echo("Another administrator decides: `focalpoint approve`.", err=True)


def _keys(path: Path) -> list[dict[str, Any]]:
    try:
        given = json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise typer.BadParameter("expected a JSON Web Key or a set of them", param_hint="KEYS") from None
    found = given.get("keys", [given]) if isinstance(given, dict) else given
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise typer.BadParameter("expected a JSON Web Key or a set of them", param_hint="KEYS")
    return found


def _client_line(client: RegisteredClient) -> str:
    return _line(
        client["id"], client["role"], client["authorities"], client.get("disabled_at"), client["kids"]
    )


def _person_line(known: RegisteredPerson) -> str:
    how = ["by the identity provider" if known["by_provider"] else "by links"]
    return _line(known["id"], known["role"], known["authorities"], known.get("disabled_at"), how)


def _line(name: str, role: str, authorities: list[str], disabled_at: str | None, more: list[str]) -> str:
    ended = f"  disabled {disabled_at}" if disabled_at else ""
    return f"{name}  {role}  {', '.join(authorities) or '-'}  {', '.join(more)}{ended}"
