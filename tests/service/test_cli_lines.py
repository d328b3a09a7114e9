"""What an operator names wrongly is a line that says what, and leaves nothing behind; never a traceback."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from service.cli.main import app
from service.errors import Misconfigured
from service.keystore import new_passphrase_file
from service.open_keystore import open_keystore
from service.random_source import SystemRandomSource
from service.settings import settings_from
from tests.service.api_stand import FixedClock


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def line_of(result: Result, status: int = 1) -> str:
    assert result.exit_code == status, result.output
    assert isinstance(result.exception, SystemExit)
    return result.output.strip()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(
        f"""
        node = "ro"
        state = "ro"
        charter_digest = "{"A" * 43}"
        hub_url = "tls://hub.example:4222"
        database = "sqlite:///{tmp_path}/node.db"
        data_dir = "{tmp_path}/data"
        """
    )
    return path


def test_a_backup_that_cannot_be_written_names_the_file(config: Path, tmp_path: Path) -> None:
    (tmp_path / "node.db").touch(mode=0o600)
    to = tmp_path / "missing" / "dir" / "x"
    said = line_of(run("backup", "--to", str(to), "--config", str(config)))
    assert said == f"focalpoint: {to}: No such file or directory"


@pytest.mark.parametrize("kind", ["nothing", "no database", "another's database", "torn"])
def test_a_backup_of_what_is_no_nodes_database_says_so_and_leaves_nothing(
    config: Path, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "node.db"
    if kind == "no database":
        file.write_bytes(b"Planted" * 1_000)
    elif kind == "another's database":
        other = sqlite3.connect(file)
        other.execute("CREATE TABLE books (title)")
        other.close()
    elif kind == "torn":
        file.write_bytes(b"SQLite format 3\0" + b"\xff" * 8_000)
    before = sorted(tmp_path.rglob("*"))
    said = line_of(run("backup", "--to", str(tmp_path / "copy.db"), "--config", str(config)))
    assert said.startswith(f"focalpoint: backup.damaged: {file} is damaged, not there, or no node's database")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[]", b'"x"', b'{"kind": []}', b"{}", b"[" * 100_000])
def test_what_is_no_proposal_is_a_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "proposal.json").write_bytes(content)
    said = line_of(run("registrar", "show", str(tmp_path / "proposal.json")))
    assert said.startswith("focalpoint: ")


@pytest.mark.parametrize(
    "address",
    ["http://[::1", "http://127.0.0.1:99999", "127.0.0.1:8460", "ftp://a", "https://", "http://a:x"],
)
def test_what_is_no_address_of_an_api_is_a_line(tmp_path: Path, address: str) -> None:
    (tmp_path / "token").write_text("x")
    token = ("--token-file", str(tmp_path / "token"))
    for words in (("inbox",), ("keys", "generate", "ro.other")):
        said = line_of(run(*words, "--api", address, *token), 2)
        assert "expected an address such as https://node.example" in said


def test_a_pin_that_is_not_utf_8_is_refused_and_not_shown(tmp_path: Path) -> None:
    new_passphrase_file(tmp_path / "passphrase", SystemRandomSource())
    (tmp_path / "pin").write_bytes(b"Planted\xff")
    (tmp_path / "pin").chmod(0o600)
    settings = settings_from(
        {
            "node": "ro",
            "state": "ro",
            "charter_digest": "A" * 43,
            "hub_url": "tls://hub.example:4222",
            "data_dir": "data",
            "passphrase_file": "passphrase",
            "keystore": "pkcs11",
            "pkcs11_library": "/lib/module.so",
            "pkcs11_token": "node",
            "pkcs11_pin_file": "pin",
        },
        base=tmp_path,
    )
    with pytest.raises(Misconfigured) as refused:
        open_keystore(settings, clock=FixedClock(), random=SystemRandomSource())
    assert refused.value.code == "keystore.passphrase_file"
    assert "Planted" not in str(refused.value)
