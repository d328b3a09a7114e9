"""`focalpoint attachment` and `send --attach`: documents from files and into files."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.service.api_stand import submission
from tests.service.fake_exchange import EXAMPLE_CASE
from tests.service.test_cli import Desk, desk  # noqa: F401 (a fixture)

DIGEST = "A" * 43


def scan(directory: Path, content: bytes = b"%PDF-1.7 made up", name: str = "scan.pdf") -> Path:
    file = directory / name
    file.write_bytes(content)
    return file


def test_an_upload_prints_what_the_message_has_to_say(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    file = scan(tmp_path)
    desk.has_sent()
    words = ("attachment", "upload", EXAMPLE_CASE, str(file), "--kind", "birth-certificate")
    said = desk.types(*words, "--concerns", "child")
    assert said.exit_code == 0, said.output
    described = json.loads(said.output)
    assert described["size"] == file.stat().st_size
    assert (described["media_type"], described["document_kind"]) == ("pdf", "birth-certificate")
    assert described["concerns"] == ["child"]


def test_what_may_not_be_attached_is_not_even_sent_to_the_node(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    said = desk.types("attachment", "upload", EXAMPLE_CASE, str(scan(tmp_path, b"MZ program")))
    assert said.exit_code == 2
    assert "PDF, JPEG or PNG" in said.output


def test_a_message_is_sent_with_its_documents(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    desk.has_sent()
    message = tmp_path / "message.json"
    message.write_text(json.dumps(submission(2)))
    file = scan(tmp_path)
    said = desk.types("send", str(message), "--attach", f"{file}:birth-certificate")
    assert said.exit_code == 0, said.output
    nothing = desk.types("send", str(message), "--attach", f"{tmp_path}/none.pdf:other")
    assert nothing.exit_code == 2


def test_a_document_is_saved_for_its_owner_alone_and_over_no_other_file(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    message = desk.has_sent()
    out = tmp_path / "document.pdf"
    words = ("attachment", "save", message, DIGEST, "-o", str(out), "--release-identity", "identity-check")
    refused = desk.types(*words)
    assert refused.exit_code == 1
    assert not out.exists()
    approval = desk.types("approvals", "--release", message, "--reason", "identity-check").output.split()[0]
    assert desk.types("approve", approval, role="supervisor").exit_code == 0
    said = desk.types(*words)
    assert said.exit_code == 0, said.output
    assert out.read_bytes() == b"%PDF-"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    again = desk.types(*words)
    assert again.exit_code == 2
    assert out.read_bytes() == b"%PDF-"
