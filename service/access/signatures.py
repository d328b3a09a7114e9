"""What others signed as compact JWS, verified by joserfc."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Final

from joserfc import jws
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

__all__ = ["REGISTRY", "verified_payload"]


_ACCEPTED: Final = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")

# `EdDSA` beside RFC 9864's `Ed25519`: the older name is what most libraries still write, and with a key of
# one curve it says the same. The library would warn of it each time.
_eddsa = copy.copy(JWSRegistry.algorithms["EdDSA"])
_eddsa.security_warning = None


def _registry(allowed: Iterable[str]) -> JWSRegistry:
    made = JWSRegistry(algorithms=[name for name in allowed if name in _ACCEPTED])
    made.algorithms = {**JWSRegistry.algorithms, "EdDSA": _eddsa}
    return made


REGISTRY: Final = _registry(_ACCEPTED)


def verified_payload(token: str, key: Key, algorithms: Iterable[str]) -> bytes:
    """The payload, when `key` signed it with one of `algorithms`. Raises the library's JoseError, or a
    ValueError or TypeError of what is no token."""
    return jws.deserialize_compact(token, key, registry=_registry(algorithms)).payload
