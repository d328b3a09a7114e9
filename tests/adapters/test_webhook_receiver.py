"""A receiver takes what the node's key signed, within minutes, and nothing else."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from adapters.cli import app
from adapters.kit.errors import Unfit
from adapters.webhooks.verifying import verified

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
BODY = b'{"type":"message-arrived","data":{"id":"5b0c"}}'
KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def public(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return "whpk_" + base64.b64encode(raw).decode()


def headers(*keys: Ed25519PrivateKey, at: datetime = NOW, number: str = "5b0c") -> dict[str, str]:
    signed = f"{number}.{int(at.timestamp())}.".encode() + BODY
    signatures = " ".join("v1a," + base64.b64encode(key.sign(signed)).decode() for key in keys)
    return {
        "Webhook-Id": number,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures,
    }


def test_what_the_node_signed_is_taken_also_while_it_changes_its_key() -> None:
    assert verified(headers(KEY), BODY, keys=[public(KEY)], now=NOW) == "5b0c"
    assert verified(headers(OTHER, KEY), BODY, keys=[public(KEY)], now=NOW) == "5b0c"


@pytest.mark.parametrize(
    ("changed", "body", "code"),
    [
        ({"webhook-signature": ""}, BODY, "webhooks.not_the_nodes"),
        ({"webhook-signature": "v1,x v1a v1a, v1a,%%%"}, BODY, "webhooks.not_the_nodes"),
        ({}, BODY + b" ", "webhooks.not_the_nodes"),
        ({"Webhook-Id": "another"}, BODY, "webhooks.not_the_nodes"),
        ({"webhook-timestamp": "yesterday"}, BODY, "webhooks.incomplete"),
        ({"Webhook-Id": ""}, BODY, "webhooks.incomplete"),
        (headers(OTHER), BODY, "webhooks.not_the_nodes"),
        (headers(KEY, at=NOW - timedelta(minutes=6)), BODY, "webhooks.not_now"),
        (headers(KEY, at=NOW + timedelta(minutes=6)), BODY, "webhooks.not_now"),
    ],
)
def test_anything_else_is_refused(changed: dict[str, str], body: bytes, code: str) -> None:
    with pytest.raises(Unfit) as unfit:
        verified(headers(KEY) | changed, body, keys=[public(KEY)], now=NOW)
    assert unfit.value.code == code


def test_the_command_says_whether_one_is_the_nodes(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(BODY)
    given = [f"--header={name}: {value}" for name, value in headers(KEY, at=datetime.now(UTC)).items()]
    command = ["webhooks", "verify", str(tmp_path / "body"), *given]
    assert CliRunner().invoke(app, [*command, "--key", public(KEY)]).output == "5b0c\n"
    assert CliRunner().invoke(app, [*command, "--key", public(OTHER)]).exit_code == 1
