"""Receivers of notices as the world has them: down, slow, rude, broken, and one that takes what comes.

async with Receiver() as receiver:
    receiver.answers = [500, 200]
    ... send to receiver.url ...
    receiver.taken       # what came with a 2xx: (headers, body), in order
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import ipaddress
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import NameOID


@dataclass
class Came:
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    def verify(self, key: str) -> None:
        """As a receiver does it, from the specification alone."""
        raw = base64.b64decode(key.removeprefix("whpk_"), validate=True)
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        version, _, signature = self.headers["webhook-signature"].partition(",")
        assert version == "v1a"
        Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(signature, validate=True), signed)


@dataclass
class Receiver:
    """`answers`: the status of each request, the last for all that follow. `headers`: of every answer.
    `body`: of every answer, without end when it is None. `slow`: never answers. `tls`: a server's side."""

    answers: list[int] = field(default_factory=lambda: [200])
    headers: str = ""
    body: bytes | None = b""
    slow: bool = False
    tls: ssl.SSLContext | None = None
    on_request: Callable[[int], None] = lambda _: None
    came: list[Came] = field(default_factory=list)
    taken: list[Came] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/notices"

    async def __aenter__(self) -> Receiver:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        self._server.close()
        self._server.close_clients()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        _, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        came = Came(headers, await reader.readexactly(int(headers["content-length"])))
        self.came.append(came)
        self.on_request(len(self.came))
        if self.slow:
            await reader.read()  # until the other side gives up
            return
        status = self.answers[min(len(self.came), len(self.answers)) - 1]
        length = "" if self.body is None else f"content-length: {len(self.body)}\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\n{self.headers}{length}\r\n".encode())
        if 200 <= status < 300:
            self.taken.append(came)
        if self.body is not None:
            writer.write(self.body)
            await writer.drain()
            return
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()


def server_tls(directory: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate that nobody else signed, and its file for whoever wants to trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made up")])
    now = dt.datetime.now(dt.UTC)
    addresses: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address(one)) if one[0].isdigit() else x509.DNSName(one) for one in names
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = directory / "receiver.pem", directory / "receiver.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return context, pem
