"""`focalpoint keys`: the node's keys, without their secrets, and each step of their lives."""

from __future__ import annotations

import json
from collections.abc import Set
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.at_node import ConfigOption, NetworkOption, NodeOption, keystore_of, settings_of
from service.cli.moments import moment_with_zone
from service.cli.root_key import RootKeyOption, RootPassphraseOption, root_signing_key
from service.clock import clock_of
from service.directory.facts_file import facts_of_last
from service.directory.key_acts import KeyAct, leave_note
from service.directory.key_desk import SEALING, KeyDesk, KeyPlan
from service.directory.publish import read_entries
from service.errors import NotFound
from service.keystore import FileKeyStore, KeyEntry
from service.ports import SealingPurpose
from service.settings import Settings
from service.store.checkpoints import received_before
from service.store.engine import database_file, open_engine

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
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and stop.")]


@keys_app.command("list")
def list_keys(config: ConfigOption = None, network: NetworkOption = None, node: NodeOption = None) -> None:
    """Every key there is or was, oldest first."""
    store = keystore_of(settings_of(config, network, node))
    in_use = _in_use(store)
    for entry in store.entries():
        typer.echo(
            f"{entry.kid:<18} {_use(entry):<15} {entry.owner:<24} {_standing(entry, in_use):<10}"
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
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Make a key, and print its public half for the directory.

    It is the current one at once, and a running node uses it. Until a signed directory entry lists it, other
    nodes refuse what it signs: hence `--replace` where there is a key already.
    """
    settings = settings_of(config, network, node)
    store = keystore_of(settings)
    if (owner is None) == (seal is None):
        raise typer.BadParameter("name an owner, or --seal content, or --seal identity")
    if owner is not None:
        _refuse_replacing(store, "sign", owner, replace)
        if dry_run:
            typer.echo(f"a new key for {owner}, in use at once and listed nowhere yet")
            return
        made = store.add_signing(owner).kid
    else:
        purpose = _purpose(seal)
        _refuse_replacing(store, "seal", purpose, replace)
        if dry_run:
            typer.echo(f"a new key to seal {purpose} to, listed nowhere yet")
            return
        made = store.add_sealing(purpose).kid
    act = KeyAct(act="generate", subject=f"{owner or seal} {made}", at=clock_of(settings).now())
    leave_note(settings.data_dir, act)
    _echo(store, _entry(store, made))
    typer.echo(
        "Next: list it in a directory entry (`keys publish`, or `directory entry` for a first one);"
        " peers believe no other.",
        err=True,
    )


@keys_app.command("publish")
def publish_keys(
    owner: OwnerArgument,
    dry_run: DryRunOption = False,
    root_key: RootKeyOption = None,
    root_passphrase_file: RootPassphraseOption = None,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Sign the owner's entry with the keys that it has today. The running node brings it to the hub."""
    desk = _desk(settings_of(config, network, node))
    plan = desk.publish(desk.settings.node if owner in SEALING else owner)
    _carry_out(desk, plan, dry_run, root_key, root_passphrase_file)


@keys_app.command("rotate")
def rotate_keys(
    owner: OwnerArgument,
    dry_run: DryRunOption = False,
    root_key: RootKeyOption = None,
    root_passphrase_file: RootPassphraseOption = None,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Make the next key, list it beside the old, and publish. Nothing stops and nothing is lost.

    A signing key takes over once the directory lists it; the old one verifies for weeks longer. `identity`:
    fills up the keys that are made ahead, which begin and are destroyed by themselves.
    """
    desk = _desk(settings_of(config, network, node))
    _carry_out(desk, desk.rotate(owner), dry_run, root_key, root_passphrase_file)


@keys_app.command("retire")
def retire_key(
    owner: SignerArgument,
    kid: KidOption = None,
    dry_run: DryRunOption = False,
    root_key: RootKeyOption = None,
    root_passphrase_file: RootPassphraseOption = None,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """End a key's signing, and make no other. What it has signed goes on verifying."""
    desk = _desk(settings_of(config, network, node))
    _carry_out(desk, desk.retire(owner, kid), dry_run, root_key, root_passphrase_file)


@keys_app.command("revoke")
def revoke_key(
    owner: SignerArgument,
    kid: KidOption = None,
    dry_run: DryRunOption = False,
    root_key: RootKeyOption = None,
    root_passphrase_file: RootPassphraseOption = None,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Let nothing that a key signs from now on count, and go on with a new one. What came before stands.

    Where somebody else may have had the key, use `compromised` instead.
    """
    desk = _desk(settings_of(config, network, node))
    _carry_out(desk, desk.revoke(owner, kid), dry_run, root_key, root_passphrase_file)


@keys_app.command("compromised")
def compromised_key(
    owner: SignerArgument,
    since: Annotated[
        str,
        typer.Option(help="2027-01-31T12:00Z: the last moment at which you are sure that nobody had it."),
    ],
    kid: KidOption = None,
    dry_run: DryRunOption = False,
    root_key: RootKeyOption = None,
    root_passphrase_file: RootPassphraseOption = None,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Give a key up as stolen since a moment, and go on with a new one.

    Nothing that it signed since then counts. A thief writes any date: what is dated earlier stands only as
    far as peers had confirmed before that moment that they had it.
    """
    moment = moment_with_zone(since)
    if moment is None:
        raise typer.BadParameter("expected a moment with its time zone", param_hint="--since")
    desk = _desk(settings_of(config, network, node))
    _carry_out(desk, desk.compromised(owner, moment, kid), dry_run, root_key, root_passphrase_file)


def _desk(settings: Settings) -> KeyDesk:
    last = read_entries(settings.data_dir)

    def checkpoints(before: datetime) -> tuple[str, ...]:
        file = database_file(settings.database)
        if file is not None and not file.exists():
            return ()
        engine = open_engine(settings.database, read_only=True)
        try:
            with engine.connect() as connection:
                return received_before(connection, settings.node, before)
        finally:
            engine.dispose()

    return KeyDesk(
        settings=settings,
        keys=keystore_of(settings),
        said=facts_of_last(last),
        last=last,
        now=clock_of(settings).now(),
        checkpoints=checkpoints,
    )


def _carry_out(
    desk: KeyDesk, plan: KeyPlan, dry_run: bool, root_key: Path | None, passphrase_file: Path | None
) -> None:
    for one in plan.entries:
        changes = one.changes(desk.now)
        typer.echo(f"{one.path}: {'' if changes else 'unchanged'}".rstrip())
        for change in changes:
            typer.echo(f"  {change}")
    for line in plan.says:
        typer.echo(line)
    if dry_run:
        typer.echo("Nothing was changed.", err=True)
        return
    root = root_signing_key(desk.keys, root_key, passphrase_file) if plan.needs_root else None
    signed = desk.carry_out(plan, root)
    typer.echo(
        f"Done. Signed: {signed}. A running node goes on with it by itself, and brings entries to the hub"
        f" within {desk.settings.directory_check_seconds:g} seconds.",
        err=True,
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
        "standing": _standing(entry, _in_use(store)),
        "created_at": entry.created_at.isoformat(),
    }
    public = _public(store, entry)
    if public is not None:
        described["public"] = public
    typer.echo(json.dumps(described, indent=2, ensure_ascii=False))


def _in_use(store: FileKeyStore) -> frozenset[str]:
    signs = {entry.kid for entry in store.entries() if entry.current and entry.kind != "seal"}
    purposes = {entry.purpose for entry in store.entries() if entry.destroyed_at is None and entry.purpose}
    return frozenset(signs | {store.current_sealing_kid(purpose) for purpose in purposes})


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


def _standing(entry: KeyEntry, in_use: Set[str]) -> str:
    if entry.destroyed_at is not None:
        return "destroyed"
    if entry.waiting or (entry.not_before is not None and not entry.current):
        return "ahead" if entry.kid not in in_use else "current"
    return "current" if entry.kid in in_use else "former"
