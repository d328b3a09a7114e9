"""`service.client` through a Security Server: an agency, or an adapter, whose node is behind X-Road.

    transport = ThroughSecurityServer("https://ss.agency.example", caller=…, service=…, tls=context)
    Client("https://node.invalid", "", transport=transport)

An adapter has the same from [node.xroad] of its settings.

The token of the client is not sent: who calls is what X-Road proves. A fault of X-Road (`X-Road-Error`) is
`Away`: whether the node got the request is then not known, and the same is asked again with the same id.
"""

from __future__ import annotations

import logging
import re
import secrets
import ssl
import uuid
from collections.abc import Mapping
from typing import Any, Final

import httpx

from adapters.kit.errors import Away
from adapters.kit.settings import Settings, SettingsError, way_to_the_node
from adapters.xroad.identifiers import Member, Party, Service, Unreadable

__all__ = ["ThroughSecurityServer", "transport_of"]

log = logging.getLogger("focalpoint.adapter.xroad")

_PREFIX: Final = "/r1/"
_NOT_SENT: Final = frozenset({"authorization", "cookie", "host", "user-agent", "accept-encoding"})
_FAULT: Final = re.compile(r"(?:Client|Server)(?:\.[A-Za-z][A-Za-z0-9]{0,59}){0,4}")
_CONSUMER: Final = frozenset(
    {"client", "service", "represented_party", "certificate_file", "key_file",
     "security_server_certificate_file"}
)  # fmt: skip


class ThroughSecurityServer(httpx.AsyncBaseTransport):
    def __init__(
        self,
        url: str,
        *,
        caller: Member,
        service: Service,
        represented: Party | None = None,
        tls: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`url`: the agency's own Security Server. `service`: as the node's side registered it.
        `represented`: on whose behalf, for an intermediary. `tls`: with the certificate that the Security
        Server knows this system by. `transport` is for tests."""
        self._url = httpx.URL(url)
        self._headers = {"X-Road-Client": str(caller)}
        if represented is not None:
            self._headers["X-Road-Represented-Party"] = str(represented)
        self._service = str(service)
        self._inner = transport or httpx.AsyncHTTPTransport(verify=tls or True, trust_env=False)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        kept = [(name, value) for name, value in request.headers.items() if name.lower() not in _NOT_SENT]
        target = f"{_PREFIX}{self._service}".encode() + request.url.raw_path
        sent = httpx.Request(
            request.method,
            self._url.copy_with(raw_path=target),
            headers=[
                *kept,
                *self._headers.items(),
                ("X-Road-Id", number),
                ("Host", self._url.netloc.decode("ascii")),
            ],
            stream=request.stream,
            extensions=request.extensions,
        )
        answer = await self._inner.handle_async_request(sent)
        try:
            self._check(answer, number)
        except Away:
            await answer.aclose()
            raise
        return answer

    def _check(self, answer: httpx.Response, number: str) -> None:
        fault = answer.headers.get("x-road-error")
        if fault is not None:
            known = _FAULT.fullmatch(fault) is not None
            raise Away("xroad." + fault.lower() if known else "xroad.fault", "a Security Server's fault")
        if answer.headers.get("x-road-id") != number:
            # A page of something in between, or the answer to another question.
            raise Away("xroad.nonsense", "expected an answer that names the request")
        # The base64 SHA-512 of the request that the provider's server signed: with it, the message log of
        # either Security Server proves which answer was to which request.
        log.info(
            "xroad.answered",
            extra={
                "status": answer.status_code,
                "message_id": number,
                "digest": answer.headers.get("x-road-request-hash"),
            },
        )


@way_to_the_node("xroad")
def transport_of(settings: Settings) -> ThroughSecurityServer:
    """To a node behind X-Road, as [node.xroad] has it; [node] url is then one's own Security Server."""
    told: Mapping[str, Any] = settings.way[1] if settings.way else {}
    faults = [f"[node.xroad] {word} is not known" for word in sorted(set(told) - _CONSUMER)]
    faults += [f"[node.xroad] {word} is missing" for word in ("client", "service") if word not in told]
    if faults:
        raise SettingsError("; ".join(faults))
    try:
        party = told.get("represented_party")
        return ThroughSecurityServer(
            settings.node_url,
            caller=Member.parse(str(told["client"])),
            service=Service.parse(str(told["service"])),
            represented=None if party is None else Party.parse(str(party)),
            tls=_tls(settings, told),
        )
    except Unreadable as reason:
        raise SettingsError(f"[node.xroad] client, service, represented_party: {reason}") from None
    except OSError:
        raise SettingsError("[node.xroad] the certificate files cannot be read") from None


def _tls(settings: Settings, told: Mapping[str, Any]) -> ssl.SSLContext | None:
    own, key = told.get("certificate_file"), told.get("key_file")
    server = told.get("security_server_certificate_file")
    context = ssl.create_default_context(cafile=None if server is None else str(settings.path(str(server))))
    if own is not None:
        context.load_cert_chain(settings.path(str(own)), None if key is None else settings.path(str(key)))
    return context
