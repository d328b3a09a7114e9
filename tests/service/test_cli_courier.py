"""`focalpoint courier`: a file of envelopes, written once and read whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

from protocol import courier
from tests.service.test_cli import Desk, desk  # noqa: F401 (a fixture)


def test_a_courier_file_is_for_its_owner_alone_and_over_no_other_file(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    message, file = desk.has_sent(), tmp_path / "stick.focalpoint"
    said = desk.types("courier", "export", message, "-o", str(file))
    assert said.exit_code == 0, said.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(courier.unpack(file.read_bytes())) == 1
    before = file.read_bytes()
    assert desk.types("courier", "export", message, "-o", str(file)).exit_code == 2
    assert file.read_bytes() == before


def test_each_envelope_of_the_file_is_told_by_itself(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    message, file = desk.has_sent(), tmp_path / "stick.focalpoint"
    desk.types("courier", "export", message, "-o", str(file))
    said = desk.types("courier", "import", str(file))
    assert said.output.split()[:2] == ["1", "consigned"], said.output


def test_a_broken_copy_is_refused_before_anything_is_sent_to_the_node(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    message, file = desk.has_sent(), tmp_path / "stick.focalpoint"
    desk.types("courier", "export", message, "-o", str(file))
    broken = bytearray(file.read_bytes())
    broken[broken.index(b'{"format"') + 30] ^= 1
    file.write_bytes(broken)
    said = desk.types("courier", "import", str(file))
    assert said.exit_code == 1
    assert "courier.malformed" in said.output
