"""Where the State's root key is, for the commands that need it: `--root-key FILE`, or the node's keystore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from protocol.statements import SigningKey
from service.keystore import PASSPHRASE_LEAST, STATE_ROOT, FileKeyStore, read_passphrase
from service.root_key_file import read_root_key

__all__ = ["RootKeyOption", "RootPassphraseOption", "root_passphrase", "root_signing_key"]

RootKeyOption = Annotated[
    Path | None,
    typer.Option("--root-key", help="Encrypted PEM file with the State's root key, kept off this machine."),
]
RootPassphraseOption = Annotated[
    Path | None,
    typer.Option("--root-passphrase-file", help="What opens it; asked for at the terminal otherwise."),
]


def root_passphrase(file: Path | None, *, twice: bool, of: str = "the root key") -> bytes:
    """From `file`, or typed; `twice` when it is a new one. Misconfigured as `read_passphrase`."""
    if file is not None:
        return read_passphrase(file)
    typed: str = typer.prompt(f"Passphrase of {of}", hide_input=True, confirmation_prompt=twice, err=True)
    if len(typed.encode()) < PASSPHRASE_LEAST:
        raise typer.BadParameter(f"expected a passphrase of at least {PASSPHRASE_LEAST} bytes")
    return typed.encode()


def root_signing_key(keys: FileKeyStore, file: Path | None, passphrase_file: Path | None) -> SigningKey:
    """The State's root key. NotFound `keystore.unknown_owner` where it is neither named nor in the keystore;
    Misconfigured as `read_root_key`."""
    if file is None:
        return keys.signing(STATE_ROOT)
    return read_root_key(file, root_passphrase(passphrase_file, twice=False))
