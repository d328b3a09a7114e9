"""A State's own signed entries, where its node takes them from: `data_dir`/entries, one token per file.

They are signed with the State's root key, which need not be on this machine.
"""

from __future__ import annotations

from pathlib import Path

from protocol.directory.entries import split_path
from protocol.errors import Refused
from protocol.statements import StatementType, read
from service.private_files import make_private_directory, write_private

__all__ = ["ENTRIES", "lay_out", "read_entries"]

ENTRIES = "entries"
_SUFFIX = ".jws"


def lay_out(data_dir: Path, path: str, token: str) -> None:
    """Lay one signed entry where the node takes it from."""
    directory = make_private_directory(data_dir / ENTRIES)
    write_private(directory / f"{path.replace('/', '.')}{_SUFFIX}", token.encode("ascii"))


def read_entries(data_dir: Path) -> dict[str, str]:
    """Tokens by path, of what lies there and is an entry at all.

    Refuses `statement.*` and `directory.*` codes when a file is not the entry that its name says.
    """
    found = {}
    for file in sorted((data_dir / ENTRIES).glob(f"*{_SUFFIX}")):
        path = "/".join(file.name.removesuffix(_SUFFIX).split("."))
        token = file.read_text(encoding="ascii").strip()
        member, _, _ = split_path(path)
        unverified = read(token, typ=StatementType.STATE_ENTRY)
        if unverified.claims.get("iss") != member:
            raise Refused("directory.wrong_state", f"the entry in {file.name} is spoken by another")
        found[path] = token
    return found
