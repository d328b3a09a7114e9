"""What a State that has no node signs, on its own machine: the request to be admitted, and its entries.

Neither an intermediary nor a keeper ever holds its root key. The signed entries may lie in the `entries/`
directory of any member's node: also that of another State, so that a mandate can be revoked past the one who
holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from protocol.claims import seconds_of
from protocol.directory.between import MANDATE_TYPE
from protocol.directory.entries import (
    AUTHORITY_TYPE,
    KeyPurpose,
    KeyRecord,
    key_record,
    read_entry,
    sealing_key_record,
)
from protocol.errors import NotAcceptable
from protocol.identifiers import StateCode
from protocol.statements import SigningKey, Statement, StatementType, VerifyKey, issue
from service.directory.own_keys import REAL, KeyLives, spans
from service.keystore import FileKeyStore
from service.ports import SealingPurpose

__all__ = ["admission_request", "make_sealing_keys", "sign_entry"]

_METADATA: Final = {"authority": AUTHORITY_TYPE, "mandate": MANDATE_TYPE}
_LASTS: Final = timedelta(days=365)
_ROOT_LIVES: Final = KeyLives(signs=timedelta(days=5 * 365), verifies=timedelta(days=10 * 365))
"""As of a State's with a node: signs for five years, and verifies for ten."""


def admission_request(state: StateCode, root: VerifyKey, now: datetime) -> dict[str, Any]:
    """As `focalpoint node init` prints it, without a node."""
    return {"member": state, "root_key": key_record(root, **spans(now, _ROOT_LIVES)).to_json()}


def make_sealing_keys(keys: FileKeyStore, now: datetime) -> tuple[KeyRecord, ...]:
    """New keys to seal to, one for content and one for identity, in an authority's own keystore; their
    records are the `keys` of its entry. Former ones there go on opening."""
    purposes: tuple[tuple[SealingPurpose, KeyPurpose], ...] = (
        ("content", KeyPurpose.SEAL_CONTENT),
        ("identity", KeyPurpose.SEAL_IDENTITY),
    )
    return tuple(
        sealing_key_record(keys.add_sealing(purpose).public, listed, **spans(now, REAL))
        for purpose, listed in purposes
    )


def sign_entry(
    state: StateCode,
    kind: str,
    name: str,
    facts: Mapping[str, Any],
    *,
    network: str,
    now: datetime,
    key: SigningKey,
) -> str:
    """The token. `facts`: the metadata of the entry; of a mandate also its `intermediary`, and of an
    authority perhaps `keys`, to which others may seal past whoever serves it.

    Refuses as `read_entry`, and `directory.wrong_path` for a kind that such a State does not publish.
    """
    if kind not in _METADATA:
        raise NotAcceptable("directory.wrong_path", "expected an authority or a mandate")
    said = dict(facts)
    keys = said.pop("keys", []) if kind == "authority" else None
    subject = f"{state}.{name}" if kind == "authority" else said.pop("intermediary", "")
    claims = {
        "iss": state,
        "sub": subject,
        "iat": seconds_of(now),
        "exp": seconds_of(now + _LASTS),
        "authority_hints": [network],
        **({} if keys is None else {"jwks": {"keys": keys}}),
        "metadata": {_METADATA[kind]: said},
    }
    unsigned = Statement(
        typ=StatementType.STATE_ENTRY, kid="unsigned", claims=claims, token="", digest="unsigned"
    )
    read_entry(f"{state}/{kind}/{name}", unsigned)
    return issue(StatementType.STATE_ENTRY, claims, key).token
