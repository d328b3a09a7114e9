"""Write the migration that brings the newest revision to what `service/store/tables/` says now.

    python scripts/new_migration.py 0002 "Remember who closed a case"
    python scripts/new_migration.py 0001 "The first tables" --replace    only before its release

Read what it wrote: autogenerate sees tables, columns, types and indexes, not what their rows mean. There are
no downgrades: the way back is the backup taken before.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from service.store.migrate import draft  # noqa: E402 - after the path is set


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("revision")
    options.add_argument("message")
    options.add_argument("--replace", action="store_true", help="write this revision anew")
    given = options.parse_args()
    versions = ROOT / "service" / "store" / "migrations" / "versions"
    for former in versions.glob(f"{given.revision}_*.py"):
        if not given.replace:
            options.error(f"{former.name} is there already")
        former.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        draft(f"sqlite:///{scratch}/draft.db", revision=given.revision, message=given.message)
    (written,) = versions.glob(f"{given.revision}_*.py")
    kept = [line for line in written.read_text().splitlines() if "# ###" not in line]
    written.write_text("\n".join(kept) + "\n")
    for tidying in (["format"], ["check", "--fix"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *tidying, "--quiet", str(written)], check=True)
    print(written.relative_to(ROOT))


if __name__ == "__main__":
    main()
