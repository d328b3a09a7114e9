"""`focalpoint keys`: the node's keys, without their secrets."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from service.cli.at_node import ConfigOption, NetworkOption, NodeOption, keystore_of, settings_of
from service.errors import NotFound
from service.keystore import FileKeyStore, KeyEntry
from service.ports import SealingPurpose

keys_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="List, make and show the node's keys."
)


@keys_app.command("list")
def list_keys(config: ConfigOption = None, network: NetworkOption = None, node: NodeOption = None) -> None:
    """Every key there is or was, oldest first."""
    for entry in keystore_of(settings_of(config, network, node)).entries():
        typer.echo(
            f"{entry.kid:<18} {_use(entry):<15} {entry.owner:<24} {_standing(entry):<10}"
            f" since {entry.created_at:%Y-%m-%d}"
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
    _echo(store, _entry(store, kid))


@keys_app.command("generate")
def generate_key(
    owner: Annotated[
        str | None,
        typer.Argument(
            help="Who signs with it: an authority's address, the node's code, api-token, state-root."
        ),
    ] = None,
    seal: Annotated[
        str | None, typer.Option(help="Make a sealing key instead, for `content` or `identity`.")
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Make it although there is one; the new one is used from now on."),
    ] = False,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Make a key, and print its public half for the directory.

    It is the current one at once, and a running node uses it. Until a signed directory entry lists it, other
    nodes refuse what it signs: hence `--replace` where there is a key already.
    """
    store = keystore_of(settings_of(config, network, node))
    if (owner is None) == (seal is None):
        raise typer.BadParameter("name an owner, or --seal content, or --seal identity")
    if owner is not None:
        _refuse_replacing(store, "sign", owner, replace)
        made = store.add_signing(owner).kid
    else:
        purpose = _purpose(seal)
        _refuse_replacing(store, "seal", purpose, replace)
        made = store.add_sealing(purpose).kid
    _echo(store, _entry(store, made))
    typer.echo(
        "Next: publish a directory entry that lists it (`directory entry`); peers believe no other.", err=True
    )


def _purpose(seal: str | None) -> SealingPurpose:
    match seal:
        case "content" | "identity":
            return seal
        case _:
            raise typer.BadParameter("expected content or identity", param_hint="--seal")


def _refuse_replacing(store: FileKeyStore, kind: str, whose: str, replace: bool) -> None:
    there = any(
        entry.current and entry.kind == kind and whose in (entry.owner, entry.purpose)
        for entry in store.entries()
    )
    if there and not replace:
        raise typer.BadParameter(
            f"{whose} has a key; peers refuse what a new one signs until the directory lists it."
            " Repeat with --replace if that is prepared",
        )


def _entry(store: FileKeyStore, kid: str) -> KeyEntry:
    for entry in store.entries():
        if entry.kid == kid:
            return entry
    raise NotFound("keystore.unknown_key", "there is no such key; `keys list` shows those there are")


def _echo(store: FileKeyStore, entry: KeyEntry) -> None:
    described: dict[str, Any] = {
        "kid": entry.kid,
        "use": _use(entry),
        "owner": entry.owner,
        "standing": _standing(entry),
        "created_at": entry.created_at.isoformat(),
    }
    public = _public(store, entry)
    if public is not None:
        described["public"] = public
    typer.echo(json.dumps(described, indent=2, ensure_ascii=False))


def _public(store: FileKeyStore, entry: KeyEntry) -> Any:
    signing, sealing = store.signing_by_kid(entry.kid), store.sealing(entry.kid)
    if signing is not None:
        return signing.public.jwk()
    return None if sealing is None else sealing.public.jwk()


def _use(entry: KeyEntry) -> str:
    match entry.kind:
        case "sign":
            return "signs"
        case "seal":
            return f"opens {entry.purpose}"
        case "wrap":
            return "wraps keys"


def _standing(entry: KeyEntry) -> str:
    if entry.destroyed_at is not None:
        return "destroyed"
    return "current" if entry.current else "former"
