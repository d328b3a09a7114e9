"""Telling a system by webhook, as Standard Webhooks has it: https://www.standardwebhooks.com (specification
1.0, "Webhook headers", "Signature scheme").

    webhook-id           the same at every attempt: a receiver keeps it and drops what it had
    webhook-timestamp    seconds since 1970 of this attempt, which the receiver compares with its clock
    webhook-signature    `v1a,` and the base64 of an Ed25519 signature over `id.timestamp.body`; while a key
                         is being replaced one of each, with a space between

The key is the node's own for this and nothing else. Its public half is at
`/.well-known/focalpoint-webhook-key`, as `whpk_` and base64.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import httpcore

from protocol.statements import SigningKey, VerifyKey
from service.keystore import WEBHOOK, FileKeyStore
from service.notifying.addresses import AllowedAddresses, Guide, is_tls_fault, is_webhook_url, tls_context
from service.notifying.outgoing import NotTaken, Outgoing, Told
from service.settings import Settings

__all__ = [
    "TIMEOUT",
    "Webhook",
    "body_of",
    "ensure_key",
    "published",
    "signature_headers",
    "signing_keys",
]

TIMEOUT: Final = 10.0
"""Seconds for all of it: the name, the connection, the request, the first line of the answer."""
_GONE: Final = 410
_KEY_PREFIX: Final = "whpk_"
USER_AGENT: Final = "Focalpoint-Webhook"


def ensure_key(keys: FileKeyStore) -> None:
    """Give the node its webhook key, if it has none yet."""
    if not any(entry.owner == WEBHOOK and entry.current for entry in keys.entries()):
        keys.add_signing(WEBHOOK)


def signing_keys(keys: Any, now: datetime) -> tuple[SigningKey, ...]:
    """The current key, and behind it a former one for as long as it is honoured."""
    current: SigningKey = keys.signing(WEBHOOK)
    if not isinstance(keys, FileKeyStore):
        return (current,)
    former = (
        keys.signing_by_kid(entry.kid)
        for entry in keys.entries()
        if entry.owner == WEBHOOK
        and not entry.current
        and entry.destroyed_at is None
        and entry.until is not None
        and now < entry.until
    )
    return (current, *(key for key in former if key is not None))


def published(key: VerifyKey) -> str:
    """A public key as Standard Webhooks writes it."""
    return _KEY_PREFIX + b64encode(key.raw).decode()


def body_of(outgoing: Outgoing) -> bytes:
    """Of one notice its type, id and due date; of a daily digest those of each."""
    if not outgoing.daily:
        (told,) = outgoing.notices
        said: dict[str, Any] = {"type": told.kind, "data": _data(told)}
    else:
        said = {
            "type": "digest",
            "data": {"notices": [{"type": told.kind, **_data(told)} for told in outgoing.notices]},
        }
    return json.dumps(said, separators=(",", ":")).encode()


def _data(told: Told) -> dict[str, str]:
    due = {} if told.due_at is None else {"due_at": _written(told.due_at)}
    return {"id": told.id, **due}


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def signature_headers(id_: str, body: bytes, keys: Sequence[SigningKey], now: datetime) -> dict[str, str]:
    timestamp = str(int(now.timestamp()))
    signed = b".".join((id_.encode(), timestamp.encode(), body))
    return {
        "webhook-id": id_,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1a,{b64encode(key.sign(signed)).decode()}" for key in keys),
    }


class Webhook:
    """The channel. A new connection for each, no redirect followed, no proxy of the environment used, nothing
    of the answer read but its status."""

    def __init__(
        self,
        settings: Settings,
        keys: Callable[[datetime], Sequence[SigningKey]],
        *,
        timeout: float = TIMEOUT,
        guide: Guide | None = None,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._timeout = timeout
        self._tls = tls_context(settings.webhook_ca_file)
        self._guide = guide or Guide(
            AllowedAddresses.of(settings.webhook_networks, on_this_machine=settings.on_this_machine)
        )

    async def send(self, outgoing: Outgoing, now: datetime) -> None:
        # Again, for what was allowed when it was put, and is not where the node stands now.
        if not is_webhook_url(outgoing.target, on_this_machine=self._settings.on_this_machine):
            raise NotTaken("refused-address")
        body = body_of(outgoing)
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "connection": "close",
            **signature_headers(outgoing.batch, body, self._keys(now), now),
        }
        try:
            async with asyncio.timeout(self._timeout):
                status = await self._posted(outgoing.target, headers.items(), body)
        except TimeoutError:
            raise NotTaken("timeout") from None
        if status == _GONE:
            raise NotTaken("gone", for_good=True)
        if not 200 <= status < 300:
            raise NotTaken(f"status-{status // 100}xx" if 300 <= status < 600 else "status-other")

    async def _posted(self, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> int:
        try:
            async with (
                httpcore.AsyncConnectionPool(
                    ssl_context=self._tls, network_backend=self._guide, max_connections=1, http2=False
                ) as pool,
                pool.stream("POST", url, headers=list(headers), content=body) as response,
            ):
                return response.status
        except (httpcore.ConnectError, ssl.SSLError) as reason:
            raise NotTaken("tls" if is_tls_fault(reason) else "connect") from None
        except httpcore.TimeoutException:
            raise NotTaken("timeout") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError):
            raise NotTaken("protocol") from None
