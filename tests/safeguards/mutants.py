"""Take one safeguard out at a time, at both nodes, and see its own tests fail, and no other safeguard's.

    python -m tests.safeguards.mutants           every safeguard
    python -m tests.safeguards.mutants 2 11      these
    python -m tests.safeguards.mutants --own     each against its own tests alone, for the ordinary suite

All in one process, so that the modules are read once. Exits 1, naming them, when a safeguard could be taken
out unnoticed, or when its absence breaks what another one claims.
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import pytest

from tests.safeguards.claims import taken_out

FOLDER = Path(__file__).parent
OWN = "test_{number:02d}_"


class Failures:
    """Collects the files whose tests failed."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.passed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.files.add(Path(report.location[0]).name)
        self.passed += report.when == "call" and report.passed


def run(number: int | None, pattern: str = "test_[0-9][0-9]_*.py") -> Failures:
    """The tests of these files with this safeguard out; None takes nothing out."""
    found = Failures()
    files = sorted(str(path) for path in FOLDER.glob(pattern))
    quiet = io.StringIO()
    with taken_out(*([] if number is None else [number])), contextlib.redirect_stdout(quiet):
        pytest.main(["-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", *files], plugins=[found])
    return found


def main(arguments: list[str]) -> int:
    alone = "--own" in arguments
    numbers = [int(argument) for argument in arguments if argument != "--own"] or list(range(1, 16))
    control = set() if alone else run(None).files
    wrong = [f"with nothing taken out: {sorted(control)}"] if control else []
    for number in numbers:
        found = run(number, OWN.format(number=number) + "*.py") if alone else run(number)
        own = {name for name in found.files if name.startswith(OWN.format(number=number))}
        if not own:
            wrong.append(f"safeguard {number}: taken out, and no test of its own fails")
        if others := found.files - own:
            wrong.append(f"safeguard {number}: taken out, and others fail: {sorted(others)}")
        print(f"safeguard {number:2d} taken out: {'caught' if own else 'NOT CAUGHT'}")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
