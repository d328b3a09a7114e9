"""The settings are checked as a whole, and the commands show no record."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.cli import app as command
from adapters.kit.settings import SettingsError, load
from adapters.primero import settings as own
from tests.adapters.primero_stage import RECORD, SECRET
from tests.adapters.primero_stand_in import PASSWORD, PrimeroStandIn

SETTINGS = """
[adapter]
name = "primero-registry"
kind = "primero"
[node]
url = "http://127.0.0.1:1"
token_file = "token"
[system]
url = "{url}"
user = "focalpoint"
password_file = "password"
sender = "it.servizio-minori"
inbox_user = "intake"
console_url = "https://node.example/console"
{more}
[system.recipients]
RO = "ro.anpdca"
"""


def settings_file(directory: Path, *, url: str = "https://primero.example", more: str = "") -> Path:
    for name, secret in (("token", "x"), ("password", PASSWORD), ("key", "key")):
        (directory / name).write_text(secret)
        (directory / name).chmod(0o600)
    path = directory / "primero.toml"
    path.write_text(SETTINGS.format(url=url, more=more))
    return path


def test_the_settings_are_checked_as_a_whole(tmp_path: Path) -> None:
    told = own.read(load(settings_file(tmp_path)))
    assert told.profile.identity_legal_basis is None
    assert told.way.incoming == "referrals"
    assert PASSWORD not in repr(told)
    wrong = 'identity_legal_basis = "because"\nincoming = "post"\nlanguage = "xx"\nacept_transfers = true'
    with pytest.raises(SettingsError) as refused:
        own.read(load(settings_file(tmp_path, url="http://primero.example", more=wrong)))
    for word in ("url", "identity_legal_basis", "incoming", "language", "acept_transfers"):
        assert word in str(refused.value)


def test_a_webhook_without_a_secret_is_not_listened_to(tmp_path: Path) -> None:
    settings = load(settings_file(tmp_path, more='webhook_listen = "127.0.0.1:0"'))
    with pytest.raises(SettingsError, match="webhook_key_file"):
        own.listening(settings)
    settings = load(settings_file(tmp_path, more='webhook_listen = "127.0.0.1:0"\nwebhook_key_file = "key"'))
    assert own.listening(settings).caller.key == "key"
    assert "key=" not in repr(own.listening(settings).caller)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_check_says_what_works_and_shows_no_record(tmp_path: Path, anyio_backend: str) -> None:
    async with PrimeroStandIn() as primero:
        made = primero.refer(primero.put(**RECORD))
        path = settings_file(tmp_path, url=primero.url, more="")
        path.write_text(path.read_text() + '[system.nationalities]\nromanian = "RO"\n')
        run_ = CliRunner().invoke
        checked = await asyncio.to_thread(run_, command, ["primero", "check", "--settings", str(path)])
        name = f"referrals:{made['record_id']}:{made['id']}"
        shown = await asyncio.to_thread(
            run_, command, ["primero", "understand", "--settings", str(path), name]
        )
    assert "sees 1 records" in checked.output
    assert "node: unreachable" in checked.output
    assert checked.exit_code == 1
    assert shown.exit_code == 0, shown.output
    assert "unknown     protection_concerns" in shown.output
    for word in (SECRET, "romanian", "trafficked_smuggled"):
        assert word not in checked.output + shown.output
