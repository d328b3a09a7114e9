"""`focalpoint directory profile`: what two States agree between them, from a draft to its publication.

profile draft agreed.json --network … --terms terms.json     one of them
profile sign agreed.json --root-key …                        each, where its root key is
profile assemble agreed.json theirs.json                     where they signed apart
profile publish agreed.json ro                               by the other State's code, at one's own node
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from protocol.errors import NotAcceptable
from protocol.statements import CoSigned
from service.cli.at_api import talks_to_a_node
from service.cli.root_key import RootPassphraseOption, root_passphrase
from service.client import Approval, Client
from service.clock import SystemClock
from service.directory.corridor import (
    BOTH,
    assembled,
    draft_profile,
    facts_of_profile,
    meaning,
    read_draft,
    signed,
    signers,
)
from service.errors import Conflict, Misconfigured
from service.private_files import write_private
from service.root_key_file import read_root_key

__all__ = ["profile_app"]

profile_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="A corridor profile: deadlines, costs, languages and retention that two States agree.",
)

Profile = Annotated[Path, typer.Argument(help="The profile's file. It holds no secret.")]


@profile_app.command()
def draft(
    target: Profile,
    terms: Annotated[Path, typer.Option(help="What was agreed, JSON.")],
    network: Annotated[str, typer.Option(help="The network's name, as its charter has it.")],
) -> None:
    """Write the bytes that both States sign."""
    if target.exists():
        raise Conflict("keystore.exists", f"{target} is there already; name another file")
    try:
        said = json.loads(_text(terms))
    except ValueError:
        raise Misconfigured("settings.unreadable", f"{terms} is no JSON that can be read") from None
    document = draft_profile(network, said if isinstance(said, dict) else {}, now=SystemClock().now())
    _show(document)
    _write(target, document)


@profile_app.command()
def show(target: Profile) -> None:
    """What it says, and who has signed."""
    _show(read_draft(_text(target)))


@profile_app.command()
def sign(
    target: Profile,
    root_key: Annotated[Path, typer.Option("--root-key", help="The State's encrypted root key.")],
    passphrase_file: RootPassphraseOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Sign it for this State, after it was shown what it means. The file is changed in place; no node is
    asked."""
    document = read_draft(_text(target))
    _show(document)
    if not (yes or typer.confirm("Sign this for the State?", err=True)):
        typer.echo("Nothing was signed.", err=True)
        return
    document = signed(document, read_root_key(root_key, root_passphrase(passphrase_file, twice=False)))
    _write(target, document)
    _missing(document)


@profile_app.command()
def assemble(
    target: Profile,
    others: Annotated[list[Path], typer.Argument(help="The same profile, as others signed it.")],
) -> None:
    """Put signatures that were made apart over the same bytes into one file."""
    document = assembled([read_draft(_text(one)) for one in (target, *others)])
    _write(target, document)
    _show(document)


@profile_app.command()
@talks_to_a_node
async def publish(
    node: Client,
    target: Profile,
    other: Annotated[str, typer.Argument(help="The other State's code, such as ro.")],
    claims: Annotated[
        Path | None,
        typer.Option(help="Publish nothing: write the entry's claims here, for `directory sign`."),
    ] = None,
) -> None:
    """Propose it as an entry of this State. It counts once another administrator has approved and a snapshot
    lists it."""
    document = read_draft(_text(target))
    if len(signers(document)) < BOTH:
        raise NotAcceptable(
            "directory.profile_signatures", "a root key of each of the two States has to sign a profile"
        )
    facts = facts_of_profile(document)
    if claims is None:
        echo_proposed(await node.propose_entry("corridor", other, facts=facts))
        return
    draft = await node.preview_entry("corridor", other, facts)
    claims.write_text(json.dumps(draft["claims"], indent=1), "utf-8")
    for change in draft["changes"]:
        typer.echo(f"{draft['path']}: {change}")


def echo_proposed(waits: Approval) -> None:
    """What was proposed to a second administrator, and how it goes on."""
    for change in waits["preview"]:
        typer.echo(f"{waits['subject']}: {change}")
    typer.echo(f"proposed {waits['id']}")
    if "in_force_since" in waits:
        typer.echo("Published: it only takes power away. Another administrator confirms it.", err=True)
    else:
        typer.echo("Another administrator decides: `focalpoint approve`.", err=True)


def _show(document: CoSigned) -> None:
    for line in meaning(document):
        typer.echo(line)
    _missing(document)


def _missing(document: CoSigned) -> None:
    kids = signers(document)
    typer.echo(
        f"Signed by {len(kids)} keys ({', '.join(kids) or 'none'}), one of each State is needed", err=True
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise Misconfigured("settings.unreadable", f"{path} cannot be read") from None


def _write(path: Path, document: CoSigned) -> None:
    write_private(path, (json.dumps(facts_of_profile(document), indent=1) + "\n").encode())
