"""One key as the commands show it: its standing, and its public half."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

import typer

from service.errors import NotFound
from service.keystore import FileKeyStore, KeyEntry

__all__ = ["echo_key", "in_use_of", "key_of", "standing_of", "use_of"]


def key_of(store: FileKeyStore, kid: str) -> KeyEntry:
    """NotFound `keystore.unknown_key`."""
    for entry in store.entries():
        if entry.kid == kid:
            return entry
    raise NotFound("keystore.unknown_key", "there is no such key; `keys list` shows those there are")


def echo_key(store: FileKeyStore, entry: KeyEntry) -> None:
    """As JSON, with the public half that a directory entry holds."""
    described: dict[str, Any] = {
        "kid": entry.kid,
        "use": use_of(entry),
        "owner": entry.owner,
        "standing": standing_of(entry, in_use_of(store)),
        "created_at": entry.created_at.isoformat(),
    }
    public = _public(store, entry)
    if public is not None:
        described["public"] = public
    typer.echo(json.dumps(described, indent=2, ensure_ascii=False))


def in_use_of(store: FileKeyStore) -> frozenset[str]:
    signs = {entry.kid for entry in store.entries() if entry.current and entry.kind != "seal"}
    purposes = {entry.purpose for entry in store.entries() if entry.destroyed_at is None and entry.purpose}
    return frozenset(signs | {store.current_sealing_kid(purpose) for purpose in purposes})


def _public(store: FileKeyStore, entry: KeyEntry) -> Any:
    signing, sealing = store.signing_by_kid(entry.kid), store.sealing(entry.kid)
    if signing is not None:
        return signing.public.jwk()
    return None if sealing is None else sealing.public.jwk()


def use_of(entry: KeyEntry) -> str:
    match entry.kind:
        case "sign":
            return "signs"
        case "seal":
            return f"opens {entry.purpose}"
        case "open":
            return "opens earlier"
        case "wrap":
            return "wraps keys"


def standing_of(entry: KeyEntry, in_use: Set[str]) -> str:
    if entry.destroyed_at is not None:
        return "destroyed"
    if entry.waiting or (entry.not_before is not None and not entry.current):
        return "ahead" if entry.kid not in in_use else "current"
    return "current" if entry.kid in in_use else "former"
