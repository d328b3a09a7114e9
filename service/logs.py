"""What the node writes down about itself: event names, codes, ids, counts and times, as JSON lines.

An allow-list decides, not the caller's care: a field that is not named here, or whose value is not shaped
like a name or a number, is left out and counted (`fp_log_fields_dropped_total`). Free text cannot pass, since
values hold no spaces. Case references and authorities are not on the list: with message ids an operator finds
what is needed, and a log that leaks does not say which child's case moved when.

An exception is told by its type, its code if it is one of ours, and where it arose. Its text stays out: a
library's message may quote what it was given. Libraries' own log lines are told by logger and place for the
same reason.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TextIO

import structlog
from structlog.typing import FilteringBoundLogger

from protocol.errors import Refused
from service.errors import NodeError

__all__ = ["ALLOWED_FIELDS", "configure"]

ALLOWED_FIELDS: Final = frozenset(
    {
        # what happened
        "at", "event", "level", "logger", "code", "outcome", "kind", "state", "status", "method", "route",
        "source",
        # to what: ids and digests, never a case or an office
        "id", "message_id", "request_id", "incident", "thread", "procedure", "digest", "kid", "epoch",
        "sequence", "row", "cursor", "snapshot",
        # a document of the directory, by its path: public to every State
        "entry",
        # between whom
        "node", "peer", "role",
        # how much and how long
        "count", "works", "failed", "bytes", "attempts", "waiting", "seconds", "age_seconds", "retry_seconds",
        # the process
        "version", "revision", "worker", "pid", "port", "signal",
        # an exception
        "error", "where", "trace", "cause",
    }
)  # fmt: skip

_WORD = re.compile(r"[A-Za-z0-9/_][A-Za-z0-9_.:/@+<>{}-]{0,199}")
_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_FRAMES = 6
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

type _Event = MutableMapping[str, Any]


def configure(
    *, level: str = "info", file: Path | None = None, on_dropped: Callable[[int], None] | None = None
) -> FilteringBoundLogger:
    """The process's log, to `file` (made 0600, appended) or standard error. `on_dropped` is told how many
    fields were left out.

    Takes over the standard library's logging, warnings, and what would be printed of uncaught exceptions.
    Start uvicorn with `log_config=None, access_log=False`: its access log has query strings.
    """
    stream = _SINK.turn_to(file)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _exception_without_text,
            _AllowList(on_dropped),
            structlog.processors.JSONRenderer(sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    log: FilteringBoundLogger = structlog.get_logger()
    _take_over_standard_logging(log, _LEVELS[level])
    _take_over_uncaught(log)
    return log


class _AllowList:
    def __init__(self, on_dropped: Callable[[int], None] | None) -> None:
        self._on_dropped = on_dropped

    def __call__(self, _logger: object, _method: str, event: _Event) -> Mapping[str, Any]:
        dropped = 0
        kept: dict[str, Any] = {}
        for name, value in event.items():
            plain = _plain(value) if name in ALLOWED_FIELDS else None
            if plain is None and value is not None:
                dropped += 1
            else:
                kept[name] = plain
        if not _EVENT.fullmatch(str(kept.get("event", ""))):
            dropped += "event" in kept
            kept["event"] = "log.unnamed_event"
        if dropped and self._on_dropped is not None:
            self._on_dropped(dropped)
        return kept


def _plain(value: object) -> Any:
    """`value` if it is a number, a moment or a word; None otherwise."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value) if _WORD.fullmatch(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        words = [_plain(item) for item in value[:_FRAMES]]
        return None if None in words else words
    return None


def _exception_without_text(_logger: object, _method: str, event: _Event) -> _Event:
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()[1]
    elif isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        event.update(_described(given))
    return event


def _described(error: BaseException) -> dict[str, Any]:
    described: dict[str, Any] = {"error": _type_of(error)}
    if isinstance(error, Refused | NodeError):
        described["code"] = error.code
    frames = [
        f"{frame.f_globals.get('__name__', 'unknown')}:{frame.f_code.co_name}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    if frames:
        described["trace"] = frames[-_FRAMES:]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = _type_of(cause)
    return described


def _type_of(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


class _FromLibraries(logging.Handler):
    """A library's line, told by who wrote it and where. Its text and arguments are never read."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {
            "logger": record.name,
            "where": f"{record.module}:{record.funcName}:{record.lineno}",
        }
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        self._log.log(record.levelno, "library.line", **fields)


def _take_over_standard_logging(log: FilteringBoundLogger, level: int) -> None:
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [_FromLibraries(log)]
    root.setLevel(max(level, logging.INFO))  # a library's debug lines say nothing without their text
    for name in list(logging.Logger.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    logging.getLogger("uvicorn.access").disabled = True


def _take_over_uncaught(log: FilteringBoundLogger) -> None:
    """What Python would print with its text: on the main thread, on others, and where nobody can be raised
    to."""

    def on_main(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.error("process.uncaught", exc_info=error)

    def on_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            log.error("process.uncaught", exc_info=args.exc_value)

    def on_unraisable(args: Any) -> None:
        log.error("process.unraisable", exc_info=args.exc_value)

    sys.excepthook = on_main
    threading.excepthook = on_thread
    sys.unraisablehook = on_unraisable


class _Sink:
    """The file that the log goes to now; turning to another one closes it."""

    def __init__(self) -> None:
        self._file: TextIO | None = None

    def turn_to(self, path: Path | None) -> TextIO:
        former, self._file = self._file, None
        if former is not None:
            former.close()
        if path is None:
            return sys.stderr
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "a", encoding="utf-8", buffering=1)
        return self._file


_SINK = _Sink()
"""A process has one log, as it has one standard error."""
