"""`focalpoint node init`: everything that a new node needs before its first start."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from protocol.directory import KeyRecord, key_record
from protocol.identifiers import parse_address, state_of
from protocol.statements import LocalSigningKey
from service.cli.root_key import RootKeyOption, RootPassphraseOption, root_passphrase
from service.clock import SystemClock
from service.directory.identity_keys import Policy, make_ahead
from service.directory.own_keys import KeyLives, spans
from service.errors import Conflict
from service.keystore import API_TOKEN, STATE_ROOT
from service.node_files import lay_out_node, write_settings
from service.random_source import SystemRandomSource
from service.root_key_file import write_root_key
from service.routing.subjects import member_code
from service.settings import settings_from

__all__ = ["init"]

_ROOT_LIVES = KeyLives(signs=timedelta(days=5 * 365), verifies=timedelta(days=10 * 365))
_SETTINGS = "node.toml"


def init(
    directory: Annotated[Path, typer.Argument(help="The node's own; made 0700. It must be empty.")],
    code: Annotated[str, typer.Option(help="The node's code at the hub: the State's, such as ro.")],
    state: Annotated[str, typer.Option(help="ISO 3166-1 alpha-2 in lower case, or `int`.")],
    hub_url: Annotated[str, typer.Option(help="tls://host:port")],
    charter_digest: Annotated[
        str, typer.Option(help="43 characters, from a person you trust, and not from the network.")
    ],
    authority: Annotated[
        list[str] | None, typer.Option(help="Make a signing key for it too, such as ro.anpdca. Repeatable.")
    ] = None,
    hub_ca_file: Annotated[
        Path | None, typer.Option(help="PEM, when no public authority signs the hub's certificate.")
    ] = None,
    root_key: RootKeyOption = None,
    root_passphrase_file: RootPassphraseOption = None,
) -> None:
    """Make a node's directory: keys, passphrase, hub seed, settings. Print what the network's keepers need to
    admit it; that holds no secret."""
    signers = [parse_address(text) for text in authority or ()]
    values: dict[str, Any] = {
        "node": member_code(code),
        "state": state,
        "charter_digest": charter_digest,
        "data_dir": ".",
        "hub_url": hub_url,
        **({"hub_ca_file": str(hub_ca_file.resolve())} if hub_ca_file else {}),
    }
    settings = settings_from(values, base=directory.resolve())
    if strange := [address for address in signers if state_of(address) != settings.state]:
        raise typer.BadParameter(f"{strange[0]} is another State's", param_hint="--authority")
    if directory.exists() and any(directory.iterdir()):
        raise Conflict("keystore.exists", f"{directory} is not empty; keys are not replaced by accident")
    if root_key is not None and root_key.exists():
        raise Conflict("keystore.exists", f"{root_key} is there already; name another file")

    clock, random = SystemClock(), SystemRandomSource()
    # The passphrase first: nothing shall be half made because somebody mistyped it.
    passphrase = root_passphrase(root_passphrase_file, twice=True) if root_key else b""
    root = LocalSigningKey.from_seed(None, random.bytes(32))
    files = lay_out_node(directory, (settings.node, API_TOKEN, *signers), clock=clock, random=random)
    # Listed by the first entry: nobody has to fetch the root key a second time in the first week.
    make_ahead(files.keys, Policy.of(settings), clock.now())
    if root_key is not None:
        write_root_key(root_key, root, passphrase)
    else:
        files.keys.add_signing(STATE_ROOT, root)
    write_settings(
        directory / _SETTINGS, values, heading="Written by `focalpoint node init`; yours to change."
    )

    record: KeyRecord = key_record(root.public, **spans(clock.now(), _ROOT_LIVES))
    request = {
        "member": settings.node if settings.state == "int" else settings.state,
        "node": settings.node,
        # A State speaks for all of its own; a body for those that its admission names.
        **({"authorities": signers} if settings.state == "int" else {}),
        "root_key": record.to_json(),
        "hub_key": files.hub_key,
    }
    typer.echo(json.dumps(request, indent=2))
    for line in _advice(directory, root_key):
        typer.echo(line, err=True)


def _advice(directory: Path, root_key: Path | None) -> tuple[str, ...]:
    whose = (
        f"The ROOT KEY is in {root_key}. Keep that file and its passphrase offline, each with somebody else;"
        " `directory entry --root-key FILE` needs it."
        if root_key
        else "The ROOT KEY lies in this node's keystore. It belongs offline: whoever has it speaks for the"
        " whole State. For a real node, begin again with --root-key FILE on a medium that you take away."
    )
    return (
        "",
        whose,
        f"Keep a copy of {directory / 'passphrase'} apart from this machine and from its backups.",
        "Next: give the JSON above to the network's keepers, in person or by a way that cannot be forged;",
        f"      focalpoint directory entry --config {directory / _SETTINGS} --facts FILE;",
        f"      focalpoint doctor --config {directory / _SETTINGS}.",
    )
