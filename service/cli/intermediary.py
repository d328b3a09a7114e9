"""`focalpoint intermediary`: how a State without a node joins, at its own desk and offline; and how its cases
move to its own node later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from protocol.directory.entries import is_member_code, state_of_member
from protocol.identifiers import StateCode
from protocol.statements import LocalSigningKey
from service.cli.at_api import talks_to_a_node
from service.cli.files import pieces, write_pieces
from service.cli.root_key import RootPassphraseOption, root_passphrase
from service.client import Client
from service.clock import SystemClock
from service.directory.nodeless import admission_request, make_sealing_keys, sign_entry
from service.errors import Conflict
from service.keystore import FileKeyStore
from service.random_source import SystemRandomSource
from service.root_key_file import read_root_key, write_root_key

__all__ = ["intermediary_app"]

intermediary_app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
hand_over_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="A State's open cases move to its own node."
)
intermediary_app.add_typer(hand_over_app, name="hand-over")


@intermediary_app.command()
def join(
    state: Annotated[str, typer.Argument(help="The State's code, such as md.")],
    root_key: Annotated[
        Path, typer.Option("--root-key", help="The new, encrypted root key. Keep it offline.")
    ],
    passphrase_file: RootPassphraseOption = None,
) -> None:
    """Make the root key of a State that has no node, on that State's own machine. Printed is what the
    network's keepers need to admit it. Whoever serves the State never holds this key."""
    if root_key.exists():
        raise Conflict("keystore.exists", f"{root_key} is there already; name another file")
    if not is_member_code(state) or state_of_member(state) == "int":
        raise typer.BadParameter("expected a State's code, such as md")
    root = LocalSigningKey.from_seed(None, SystemRandomSource().bytes(32))
    write_root_key(root_key, root, root_passphrase(passphrase_file, twice=True))
    typer.echo(json.dumps(admission_request(StateCode(state), root.public, SystemClock().now()), indent=2))


@intermediary_app.command()
def entry(
    kind: Annotated[str, typer.Argument(help="authority or mandate.")],
    name: Annotated[str, typer.Argument(help="Its name in the State: protectia-copilului, iom.")],
    facts: Annotated[
        Path, typer.Argument(help="Its metadata, JSON, as `directory preview` takes it.", exists=True)
    ],
    state: Annotated[str, typer.Option(help="The State's code.")],
    network: Annotated[str, typer.Option(help="The network's name, as its charter has it.")],
    root_key: Annotated[
        Path, typer.Option("--root-key", help="The State's encrypted root key.", exists=True)
    ],
    passphrase_file: RootPassphraseOption = None,
) -> None:
    """Sign an entry of a State that has no node, where its root key is. Printed is the entry: it goes as
    STATE.KIND.NAME.jws into the entries directory of any member's node."""
    said = json.loads(facts.read_bytes())
    key = read_root_key(root_key, root_passphrase(passphrase_file, twice=False))
    now = SystemClock().now()
    typer.echo(sign_entry(StateCode(state), kind, name, said, network=network, now=now, key=key))


@intermediary_app.command("keys")
def make_keys(
    into: Annotated[Path, typer.Argument(metavar="DIR", help="Where the keys go; a new directory.")],
    again: Annotated[
        bool, typer.Option("--again", help="Into one that is there: the next keys; the former go on opening.")
    ] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="What opens them; asked for at the terminal otherwise.")
    ] = None,
) -> None:
    """Make the keys to which others seal what the intermediary may not read, on the authority's own machine.
    Printed is `keys` for its entry, which the State signs (`intermediary entry authority`).

    Nobody else opens what is sealed to them, and nothing replaces them: keep a copy of the directory, and its
    passphrase elsewhere. `courier open` opens with them.
    """
    clock, random = SystemClock(), SystemRandomSource()
    if again == (not into.exists()):
        raise Conflict(
            "keystore.exists", f"{into} is there already, or is not: use --again for the next keys"
        )
    passphrase = root_passphrase(passphrase_file, twice=not again, of="the keys")
    make = FileKeyStore if again else FileKeyStore.create
    records = make_sealing_keys(make(into, passphrase, clock=clock, random=random), clock.now())
    typer.echo(json.dumps({"keys": [record.to_json() for record in records]}, indent=2))


@hand_over_app.command("export")
@talks_to_a_node
async def export_(
    node: Client,
    state: Annotated[str, typer.Argument(help="Its code, such as md. It has to have a node by now.")],
    into: Annotated[Path, typer.Argument(help="A new file; sealed, so whoever carries it reads nothing.")],
) -> None:
    """Write the State's cases and documents for its own node. Here they are blocked from then on."""
    await write_pieces(into, node.export_hand_over(state))
    typer.echo(str(into))


@hand_over_app.command("import")
@talks_to_a_node
async def import_(node: Client, file: Annotated[Path, typer.Argument(exists=True)]) -> None:
    """Take the cases in at the State's own node. Twice does no harm; what broke off goes on."""
    taken = await node.import_hand_over(pieces(file))
    typer.echo(f"{taken['cases']} case(s), {taken['messages']} message(s) that were not here yet")
    if taken["sealed"]:
        typer.echo(
            f"{taken['sealed']} stay sealed: give the node their authority's keys (`keys take-over`),"
            " and import the same file again",
            err=True,
        )
