"""What the code says to the log is what the log lets through.

The allow-list drops what it does not know, and counts it. An incident number was dropped so: the answer named
it, and the log had it nowhere. Hence every call is read here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import service
from service.logs import ALLOWED_FIELDS

SOURCES = sorted(Path(service.__file__).parent.rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error"}
EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
PASSED_ON = {"exc_info"}


def calls() -> Iterator[tuple[str, str, set[str]]]:
    """Place, event and names of fields of every call on something called `log`, and of `_log` helpers."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            match node.func:
                case ast.Attribute(
                    attr=level, value=ast.Name(id="log" | "_log") | ast.Attribute(attr="log" | "_log")
                ) if level in LEVELS:
                    event = node.args[0] if node.args else None
                case ast.Name(id="_log"):
                    event = node.args[1]
                case _:
                    continue
            if isinstance(event, ast.Constant):
                fields = {word.arg for word in node.keywords if word.arg is not None}
                yield f"{path.name}:{node.lineno}", str(event.value), fields - PASSED_ON


def test_every_event_and_field_that_is_logged_is_let_through() -> None:
    found = list(calls())
    assert len(found) > 20
    unnamed = [(place, event) for place, event, _ in found if not EVENT.fullmatch(event)]
    dropped = [(place, event, fields - ALLOWED_FIELDS) for place, event, fields in found]
    assert unnamed == []
    assert [one for one in dropped if one[2]] == []
