"""`focalpoint directory`: who is who, as a node has it now; and what this State says of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from protocol.directory.carried import write_directory
from protocol.statements import StatementType, sign
from service.cli.at_api import talks_to_a_node
from service.cli.calendar import calendar_app
from service.cli.corridor import echo_proposed, profile_app
from service.cli.entry import sign_entries
from service.cli.files import write_new
from service.cli.proven import own_directory
from service.cli.root_key import RootPassphraseOption, root_passphrase
from service.client import Client
from service.errors import NotFound
from service.root_key_file import read_root_key

directory_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Look authorities up in a node's directory; publish this State's own.",
)
directory_app.command("entry")(sign_entries)
directory_app.add_typer(profile_app, name="profile")
directory_app.add_typer(calendar_app, name="calendar")


@directory_app.command("list")
@talks_to_a_node
async def list_authorities(
    node: Client,
    state: Annotated[str | None, typer.Option(help="Only this State's, such as ro.")] = None,
    procedure: Annotated[str | None, typer.Option(help="Only those competent for it.")] = None,
) -> None:
    """Every authority: address, role, name, and what it is competent for."""
    for entry in await node.authorities(state=state, procedure=procedure):
        names = entry["names"]
        name = names.get("en") or next(iter(names.values()), "")
        typer.echo(f"{entry['address']:<26} {entry['role']:<14} {name}")
        typer.echo(f"{'':<26} {', '.join(entry['competences'])}")


@directory_app.command("state")
@talks_to_a_node
async def show_state(node: Client) -> None:
    """Which directory the node has, how long it is good, and what peers see of it."""
    typer.echo(json.dumps(await node.directory_state(), indent=2))


@directory_app.command("export")
def export(
    config: Annotated[Path, typer.Option("--config", exists=True, help="The node's settings, a TOML file.")],
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The new file.")],
) -> None:
    """Write the directory as this node has it into a file, with its history, for whoever has to verify
    something on a machine without a node (`courier open`). It is believed by the charter's digest alone."""
    directory = own_directory(config)
    assert directory is not None, "settings were given"
    write_new(output, write_directory(directory))
    typer.echo(str(output))


@directory_app.command("preview")
@talks_to_a_node
async def preview(
    node: Client,
    kind: Annotated[str, typer.Argument(help="authority, mandate or corridor.")],
    name: Annotated[str, typer.Argument(help="Its name: anpdca, iom, the other State's code.")],
    facts: Annotated[Path, typer.Argument(help="Its metadata, JSON.")],
    claims: Annotated[
        Path | None, typer.Option(help="Where the claims go, to be signed where the root key is.")
    ] = None,
) -> None:
    """What an entry of this State would say and change. Nothing is signed."""
    draft = await node.preview_entry(kind, name, json.loads(facts.read_text("utf-8")))
    for change in draft["changes"]:
        typer.echo(f"{draft['path']}: {change}")
    if claims is not None:
        claims.write_text(json.dumps(draft["claims"], indent=1), "utf-8")


@directory_app.command("publish")
@talks_to_a_node
async def publish(
    node: Client,
    kind: Annotated[str, typer.Argument(help="authority, mandate or corridor.")],
    name: Annotated[str, typer.Argument(help="Its name.")],
    entry: Annotated[Path | None, typer.Option(help="What `directory sign` printed.")] = None,
    facts: Annotated[Path | None, typer.Option(help="Or facts, where the node holds the root key.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With facts: show it, and stop.")] = False,
) -> None:
    """Propose an entry of this State; another administrator sees what it changes, and publishes it by
    approving. What only revokes a mandate is published at once, and confirmed."""
    if (entry is None) == (facts is None):
        raise typer.BadParameter("name --entry FILE or --facts FILE")
    said = None if facts is None else json.loads(facts.read_text("utf-8"))
    if dry_run:
        if said is None:
            raise typer.BadParameter("a signed entry is shown by `directory preview` before it is signed")
        draft = await node.preview_entry(kind, name, said)
        for change in draft["changes"]:
            typer.echo(f"{draft['path']}: {change}")
    elif entry is not None:
        echo_proposed(await node.propose_entry(kind, name, entry=entry.read_text("ascii").strip()))
    else:
        echo_proposed(await node.propose_entry(kind, name, facts=said))


@directory_app.command("sign")
def sign_claims(
    claims: Annotated[Path, typer.Argument(help="What `directory preview --claims` wrote.")],
    root_key: Annotated[Path, typer.Option("--root-key", help="The State's encrypted root key.")],
    passphrase_file: RootPassphraseOption = None,
) -> None:
    """Sign an entry on the machine where the root key is. No node is asked."""
    said = json.loads(claims.read_bytes())
    key = read_root_key(root_key, root_passphrase(passphrase_file, twice=False))
    typer.echo(sign(StatementType.STATE_ENTRY, said, key))


@directory_app.command("show")
@talks_to_a_node
async def show_authority(
    node: Client, address: Annotated[str, typer.Argument(help="Such as ro.anpdca.")]
) -> None:
    """One authority's entry, as JSON: competences, languages, working hours, offices."""
    for entry in await node.authorities(state=address.partition(".")[0]):
        if entry["address"] == address:
            typer.echo(json.dumps(entry, indent=2, ensure_ascii=False))
            return
    raise NotFound("directory.unknown_authority", f"the directory has no authority {address}")
