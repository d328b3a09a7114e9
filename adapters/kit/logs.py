"""What an adapter writes down about itself: JSON lines, of which an allow-list decides (ADR 0015).

    log = logging.getLogger("focalpoint.adapter")
    log.warning("adapter.set_aside", extra={"way": "to-node", "code": "register.incomplete"})

A field that is not named here, or whose value has a space or is longer than a name, is left out, and how many
were is said. The text of what a library logs, and of an exception, may quote a record: it is never read.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final, TextIO

__all__ = ["ALLOWED_FIELDS", "configure"]

ALLOWED_FIELDS: Final = frozenset(
    {
        "adapter", "kind", "version", "state", "way", "code", "outcome", "status", "method", "route",
        "message_id", "request_id", "digest", "member", "count", "seconds", "port", "signal",
    }
)  # fmt: skip

_OURS: Final = "focalpoint."
_EVENT: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_WORD: Final = re.compile(r"[A-Za-z0-9/_+][A-Za-z0-9_.:/@+=%{}-]{0,199}")
_OF_EVERY_RECORD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FRAMES: Final = 6


def configure(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """The process's log, to `stream` or standard error. Takes over the standard library's logging, warnings,
    and what would be printed of an exception that nobody caught."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.INFO))  # a library's debug lines say nothing without their text
    logging.captureWarnings(True)
    for name in list(logging.Logger.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    for noisy in ("httpx", "httpcore", "uvicorn.access", "aiosmtplib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # A handler that fails would print the record with its arguments.
    logging.raiseExceptions = False

    def uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            logging.getLogger("focalpoint.adapter").error("adapter.uncaught", exc_info=(kind, error, trace))

    sys.excepthook = uncaught


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if record.name.startswith(_OURS) and isinstance(record.msg, str) and _EVENT.fullmatch(record.msg):
            line["event"] = record.msg
            line |= _allowed(record)
        else:
            line["event"] = "library.line"
            line["logger"] = record.name
            line["where"] = f"{record.module}:{record.funcName}:{record.lineno}"
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            line |= _described(record.exc_info[1])
        return json.dumps(line)


def _allowed(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
    kept = {name: value for name, value in given.items() if name in ALLOWED_FIELDS and _is_plain(value)}
    left_out = len(given) - len(kept)
    return kept | ({"left_out": left_out} if left_out else {})


def _is_plain(value: object) -> bool:
    if value is None or isinstance(value, bool | int | float):
        return True
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _described(error: BaseException) -> dict[str, Any]:
    """Its type, and where it arose."""
    frames = [
        f"{frame.f_globals.get('__name__', 'unknown')}:{frame.f_code.co_name}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return {"error": f"{type(error).__module__}.{type(error).__qualname__}", "trace": frames[-_FRAMES:]}
