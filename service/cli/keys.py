"""`focalpoint keys`: the node's keys, without their secrets, and each step of their lives."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from service.cli.at_key_desk import at_the_key_desk
from service.cli.at_node import ConfigOption, NetworkOption, NodeOption, keystore_of, settings_of
from service.cli.key_lines import echo_key, in_use_of, key_of, standing_of, use_of
from service.cli.moments import moment_with_zone
from service.cli.root_key import root_passphrase
from service.clock import clock_of
from service.directory.key_desk import SEALING, KeyRequest
from service.keystore import FileKeyStore
from service.random_source import SystemRandomSource

_TAKEN_OVER_FOR: Final = timedelta(days=60)
"""Project choice: what an intermediary still holds comes with its hand-over, and is sealed anew here."""

keys_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List, make and show the node's keys."
)


OwnerArgument = Annotated[
    str, typer.Argument(help="An authority's address, the node's code, api-token, content, or identity.")
]
SignerArgument = Annotated[str, typer.Argument(help="An authority's address, the node's code, or api-token.")]
KidOption = Annotated[
    str | None, typer.Option("--kid", help="Which of its keys; without it the one that signs now.")
]


@keys_app.command("list")
def list_keys(config: ConfigOption = None, network: NetworkOption = None, node: NodeOption = None) -> None:
    """Every key there is or was, oldest first."""
    store = keystore_of(settings_of(config, network, node))
    in_use = in_use_of(store)
    for entry in store.entries():
        typer.echo(
            f"{entry.kid:<18} {use_of(entry):<15} {entry.owner:<24} {standing_of(entry, in_use):<10}"
            f" since {entry.starts_at:%Y-%m-%d}"
        )


# One key id in 64 begins with a hyphen.
@keys_app.command("show", context_settings={"ignore_unknown_options": True})
def show_key(
    kid: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """The public half of one key, as JSON: what a directory entry holds of it."""
    store = keystore_of(settings_of(config, network, node))
    echo_key(store, key_of(store, kid))


@keys_app.command("generate")
@at_the_key_desk
def generate_key(
    owner: Annotated[
        str | None,
        typer.Argument(help="Who signs with it: an authority's address, the node's code, or api-token."),
    ] = None,
    seal: Annotated[
        str | None, typer.Option(help="Make a sealing key instead, for `content` or `identity`.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Make it although there is one; the new one is used from then on."),
    ] = False,
) -> KeyRequest:
    """Make a key, and use it from then on. Until a signed directory entry lists it, other nodes refuse what
    it signs: hence `--replace` where there is a key already; `keys rotate` does it without a gap."""
    if (owner is None) == (seal is None):
        raise typer.BadParameter("name an owner, or --seal content, or --seal identity")
    if seal not in (None, *SEALING):
        raise typer.BadParameter("expected content or identity", param_hint="--seal")
    return KeyRequest(act="generate", owner=owner or seal or "", replace=replace)


@keys_app.command("take-over")
def take_over(
    owner: Annotated[str, typer.Argument(help="The authority whose keys they are.")],
    keys: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, help="What `intermediary keys` made for it.")
    ],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="What opens them; asked for at the terminal otherwise.")
    ] = None,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Let the State's own node open, for sixty days, what was sealed past its intermediary to an authority's
    own keys. Nobody is told to seal to them; then they are destroyed here. Twice does no harm."""
    settings = settings_of(config, network, node)
    clock = clock_of(settings)
    store = keystore_of(settings)
    passphrase = root_passphrase(passphrase_file, twice=False, of="the keys")
    theirs = FileKeyStore(keys, passphrase, clock=clock, random=SystemRandomSource())
    here = {entry.kid for entry in store.entries()}
    for entry in theirs.entries():
        key = theirs.sealing(entry.kid) if entry.kind == "seal" else None
        if key is None or entry.kid in here:
            continue
        store.take_over(owner, key, clock.now() + _TAKEN_OVER_FOR)
        typer.echo(f"{entry.kid}  opens what was sealed to {owner}")


@keys_app.command("publish")
@at_the_key_desk
def publish_keys(owner: OwnerArgument) -> KeyRequest:
    """Sign the owner's entry with the keys that it has today. The running node brings it to the hub."""
    return KeyRequest(act="publish", owner=owner)


@keys_app.command("rotate")
@at_the_key_desk
def rotate_keys(owner: OwnerArgument) -> KeyRequest:
    """Make the next key, list it beside the old, and publish. Nothing stops and nothing is lost.

    A signing key takes over once the directory lists it; the old one verifies for weeks longer. `identity`:
    fills up the keys that are made ahead, which begin and are destroyed by themselves.
    """
    return KeyRequest(act="rotate", owner=owner)


@keys_app.command("retire")
@at_the_key_desk
def retire_key(owner: SignerArgument, kid: KidOption = None) -> KeyRequest:
    """End a key's signing, and make no other. What it has signed goes on verifying."""
    return KeyRequest(act="retire", owner=owner, kid=kid)


@keys_app.command("revoke")
@at_the_key_desk
def revoke_key(owner: SignerArgument, kid: KidOption = None) -> KeyRequest:
    """Let nothing that a key signs from now on count, and go on with a new one. What came before stands.

    In force at once; a second administrator confirms it. Where somebody else may have had the key, use
    `compromised` instead.
    """
    return KeyRequest(act="revoke", owner=owner, kid=kid)


@keys_app.command("compromised")
@at_the_key_desk
def compromised_key(
    owner: SignerArgument,
    since: Annotated[
        str,
        typer.Option(help="2027-01-31T12:00Z: the last moment at which you are sure that nobody had it."),
    ],
    kid: KidOption = None,
) -> KeyRequest:
    """Give a key up as stolen since a moment, and go on with a new one.

    At once nothing counts that it signs from now on. That nothing counts which it signed since the moment
    takes a second administrator: it disowns what the State has said. A thief writes any date: what is dated
    earlier stands only as far as peers had confirmed before that moment that they had it.
    """
    moment = moment_with_zone(since)
    if moment is None:
        raise typer.BadParameter("expected a moment with its time zone", param_hint="--since")
    return KeyRequest(act="compromised", owner=owner, kid=kid, since=moment)
