"""`focalpoint-adapter template`: settings to a running adapter."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from adapters.kit.commands import common
from adapters.kit.settings import Settings, SettingsError
from adapters.template.client import Register
from adapters.template.worker import RegisterLink

__all__ = ["commands"]


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[RegisterLink]:
    told = settings.system
    faults = [f"[system] {word} is missing" for word in ("url", "api_key_file", "sender") if word not in told]
    if faults:
        raise SettingsError("; ".join(faults))
    key = settings.secret("api_key_file")
    async with Register(told["url"], key) as register:
        yield RegisterLink(register, sender=told["sender"], recipients=dict(told.get("recipients", {})))


commands = common(_opened, help="The register that adapters/template is written for.")
