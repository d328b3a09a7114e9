"""The keystore that the settings choose, opened: files, or files beside a hardware module."""

from __future__ import annotations

from pathlib import Path

from service.errors import Misconfigured
from service.keystore import FileKeyStore, read_passphrase
from service.keystore_pkcs11 import Pkcs11KeyStore, Token
from service.ports import Clock, RandomSource
from service.settings import Settings

__all__ = ["open_keystore"]


def open_keystore(settings: Settings, *, clock: Clock, random: RandomSource) -> FileKeyStore:
    """Misconfigured as `FileKeyStore`, and `keystore.module`."""
    passphrase = read_passphrase(settings.passphrase_file)
    if settings.keystore == "file":
        return FileKeyStore(settings.keystore_dir, passphrase, clock=clock, random=random)
    assert settings.pkcs11_library is not None
    assert settings.pkcs11_pin_file is not None
    return Pkcs11KeyStore(
        settings.keystore_dir,
        passphrase,
        clock=clock,
        random=random,
        token=Token(
            settings.pkcs11_library,
            settings.pkcs11_token,
            _pin(settings.pkcs11_pin_file),
        ),
    )


def _pin(file: Path) -> str:
    try:
        return read_passphrase(file, least=4).decode()
    except UnicodeDecodeError:
        raise Misconfigured("keystore.passphrase_file", "the PIN file is not UTF-8") from None
