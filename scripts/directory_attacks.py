"""Write docs/directory-attacks.md from the table that the tests hold.

python scripts/directory_attacks.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.protocol.test_directory_attacks import ATTACKS  # noqa: E402 - after the path is set

PAGE = ROOT / "docs" / "directory-attacks.md"
_HEAD = """\
# Attacks on the directory

Written by `scripts/directory_attacks.py` from the tables of `tests/protocol/test_directory_attacks.py`,
whose names follow those of the TUF conformance suite where there is one. Each row is a test: the attack is
made, and refused with this code, while the node goes on with its last good directory.

| attack | refused |
|---|---|
"""
_TAIL = """
What is not refused but noticed, or that concerns one State's own word:

| attack | what happens | test |
|---|---|---|
| two States are shown two directories under one number | both notice in one round of reconciliation and name\
 the entry: `directory.split_view`, `directory.entry_differs` | `tests/service/test_split_view.py` |
| the hub withholds every newer snapshot | an alarm at half of the snapshot's life, and a stop at its end:\
 `directory.ageing`, `directory.expired` | `tests/service/test_directory_replication.py` |
| a node is given another charter's digest | it does not start with this network: `directory.wrong_charter` |\
 `tests/service/test_directory_replication.py` |
| a node is led back behind a rotation of the charter | `directory.charter_rollback` |\
 `tests/service/test_directory_replication.py` |
| one State publishes a corridor profile that the other did not sign | it counts for nobody:\
 `directory.profile_signatures` | `tests/protocol/test_directory_between.py` |
| a message cites a profile that ended, or is of other States | `directory.profile_not_in_force` |\
 `tests/service/test_corridor_profiles.py` |
| a message cites a profile that does not exist | it waits for a newer directory, then\
 `directory.unknown_profile` | `tests/service/test_corridor_profiles.py` |
| a charter key that was rotated away signs a decision | `directory.below_threshold` |\
 `tests/service/test_registrar_ceremony.py` |

Not refused, and it cannot be: m charter keys together name other root keys for a State. The admission that
does so is signed and kept by every node.
"""


def page() -> str:
    rows = "".join(f"| {name} | `{code}` |\n" for name, (_, code) in ATTACKS.items())
    return _HEAD + rows + _TAIL


def main() -> None:
    if "--check" in sys.argv[1:]:
        if PAGE.read_text("utf-8") != page():
            sys.exit("docs/directory-attacks.md is not what the tests say: run scripts/directory_attacks.py")
        return
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
