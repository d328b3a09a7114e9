"""A State's root key in a file of its own, so that it need not lie on the node's machine.

PKCS#8 PEM, encrypted under a passphrase: any tool that knows the format can read it, in ten years too.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from protocol.statements import LocalSigningKey
from service.errors import Conflict, Misconfigured
from service.private_files import write_private

__all__ = ["read_root_key", "write_root_key"]


def write_root_key(path: Path, key: LocalSigningKey, passphrase: bytes) -> None:
    """To a new file, 0600. Conflict `keystore.exists`."""
    if path.exists():
        raise Conflict("keystore.exists", f"{path} is there already; a root key is not replaced by accident")
    private = Ed25519PrivateKey.from_private_bytes(key.seed())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
    write_private(path, pem)


def read_root_key(path: Path, passphrase: bytes) -> LocalSigningKey:
    """Named by its thumbprint, as when it was made. Misconfigured `keystore.missing`,
    `keystore.passphrase`."""
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase)
    except OSError as reason:
        raise Misconfigured("keystore.missing", f"{path} cannot be read: {reason.strerror}") from reason
    except (ValueError, TypeError, UnsupportedAlgorithm) as reason:
        raise Misconfigured(
            "keystore.passphrase", f"the passphrase does not fit, or {path} holds no encrypted key"
        ) from reason
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured("keystore.damaged", f"{path} holds a key, and not one for Ed25519")
    return LocalSigningKey.from_seed(None, key.private_bytes_raw())
