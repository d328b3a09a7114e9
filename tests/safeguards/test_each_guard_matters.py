"""Each safeguard, taken out at both nodes, is missed by its own tests. `make mutants` asks: by no others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_no_safeguard_can_be_taken_out_unnoticed() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.safeguards.mutants", "--own"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": caught") == 15
