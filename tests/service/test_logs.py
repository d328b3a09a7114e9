"""The log and the metrics: what is let through, and that nothing else is."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import NotAcceptable
from service import logs
from service.errors import NotFound
from service.metrics import LABEL_VALUES, Metrics
from service.store.writer import Group

PLANTED = "Ana-Maria Planted Popescu"


class Log:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped: list[int] = []
        self.log = logs.configure(level="info", file=path, on_dropped=self.dropped.append)

    @property
    def text(self) -> str:
        return self.path.read_text()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Log]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, sys.unraisablehook)
    thread_hook = threading.excepthook
    yield Log(tmp_path / "log" / "node.log")
    logs.configure()
    logging.captureWarnings(False)
    root.handlers[:], root.level, sys.excepthook, sys.unraisablehook = before
    threading.excepthook = thread_hook


def test_a_line_has_its_event_its_time_and_what_is_on_the_list(written: Log) -> None:
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    written.log.info(
        "outbox.published",
        node="ro",
        count=3,
        seconds=0.25,
        message_id="0b6f-1",
        route="/v1/messages/{id}",
        trace=["a:b:1"],
    )
    written.log.warning("directory.half_life", code="directory.old", at=moment)
    first, second = written.lines()
    assert first.pop("at").endswith("Z")
    assert first == {
        "event": "outbox.published",
        "level": "info",
        "node": "ro",
        "count": 3,
        "seconds": 0.25,
        "message_id": "0b6f-1",
        "route": "/v1/messages/{id}",
        "trace": ["a:b:1"],
    }
    assert second["code"] == "directory.old"
    assert written.dropped == []


@pytest.mark.parametrize(
    "fields",
    [
        {"narrative": "x"},
        {"case": "K7QM-3XPT-9V2D-6"},
        {"case_reference": "K7QM-3XPT-9V2D-6"},
        {"authority": "it.servizio-minori"},
        {"code": PLANTED},
        {"code": {"name": "x"}},
        {"code": b"x"},
        {"message_id": "a\nb"},
        {"route": "/v1/messages?q=a b"},
        {"trace": ["fine", PLANTED]},
    ],
    ids=str,
)
def test_what_is_not_on_the_list_or_not_a_word_is_left_out_and_counted(
    written: Log, fields: dict[str, Any]
) -> None:
    written.log.info("inbox.received", node="it", **fields)
    (line,) = written.lines()
    assert set(line) == {"event", "level", "at", "node"}
    assert written.dropped == [1]


def test_an_event_that_is_a_sentence_is_left_out(written: Log) -> None:
    written.log.info(f"received {PLANTED}")
    assert written.lines()[0]["event"] == "log.unnamed_event"
    assert PLANTED not in written.text
    assert written.dropped != []


def _fails(text: str) -> None:
    raise KeyError(text)


def test_an_exception_is_told_by_type_and_place_without_its_text(written: Log) -> None:
    try:
        try:
            _fails(PLANTED)
        except KeyError as error:
            raise ValueError(PLANTED) from error
    except ValueError:
        written.log.exception("inbox.fault")
    (line,) = written.lines()
    assert (line["error"], line["cause"]) == ("ValueError", "KeyError")
    assert line["trace"][-1].startswith(f"{__name__}:test_an_exception_is_told_by_type")
    assert PLANTED not in written.text


@pytest.mark.parametrize(
    "error", [NotFound("vault.no_key", PLANTED), NotAcceptable("message.field", PLANTED)]
)
def test_our_own_errors_are_told_by_code(written: Log, error: Exception) -> None:
    written.log.error("inbox.fault", exc_info=error)
    assert written.lines()[0]["code"] == error.code  # type: ignore[attr-defined]
    assert PLANTED not in written.text


def test_a_librarys_line_is_told_by_logger_and_place(written: Log) -> None:
    logging.getLogger("nats.aio.client").error("could not parse %s", PLANTED)
    logging.getLogger("nats.aio.client").error(f"could not parse {PLANTED}")
    try:
        _fails(PLANTED)
    except KeyError:
        logging.getLogger("asyncio").exception(PLANTED)
    lines = written.lines()
    assert [line["logger"] for line in lines] == ["nats.aio.client", "nats.aio.client", "asyncio"]
    assert lines[2]["error"] == "KeyError"
    assert all(line["event"] == "library.line" for line in lines)
    assert PLANTED not in written.text


def test_uvicorns_access_log_is_silent_and_its_own_handlers_are_gone(tmp_path: Path, written: Log) -> None:
    stray = io.StringIO()
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(logging.StreamHandler(stray))
    logs.configure(file=tmp_path / "log" / "node.log")
    logger.warning(PLANTED)
    logging.getLogger("uvicorn.access").warning("GET /v1/messages?q=%s", PLANTED)
    assert stray.getvalue() == ""
    assert [line["logger"] for line in written.lines()] == ["uvicorn.error"]


UNCAUGHT = """
import sys, threading, warnings
from service import logs
logs.configure()
warnings.warn(sys.argv[1])
def fail():
    raise ValueError(sys.argv[1])
class Unraisable:
    def __del__(self):
        fail()
thread = threading.Thread(target=fail)
thread.start(); thread.join()
Unraisable()
fail()
"""


def test_warnings_and_uncaught_exceptions_print_no_text() -> None:
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT, PLANTED], capture_output=True, text=True, cwd=root, check=False
    )
    assert done.returncode == 1
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events == ["library.line", "process.uncaught", "process.unraisable", "process.uncaught"]
    assert "Planted" not in done.stderr + done.stdout


def test_the_log_file_is_the_owners_alone(written: Log) -> None:
    written.log.info("node.started")
    assert written.path.stat().st_mode & 0o777 == 0o600


def test_metrics_count_and_bear_our_prefix() -> None:
    metrics = Metrics()
    metrics.published("ro")
    metrics.publish_failed("ro", "hub.unavailable")
    metrics.received("consigned")
    metrics.outbox({"queued": 2}, oldest_seconds=1.5)
    metrics.overdue({"social-inquiry": 1}, oldest_seconds=-60)
    metrics.request("/v1/messages/{id}", "GET", 200, 0.01)
    metrics.group(Group(works=3, failed=1, seconds=0.002, committed=True))
    text = metrics.exposition().decode()
    assert 'fp_published_total{peer="ro"} 1.0' in text
    assert 'fp_outbox_rows{state="queued"} 2.0' in text
    assert "fp_store_works_failed_total 1.0" in text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert all(name.startswith("fp_") for name in names)


def test_a_label_from_outside_cannot_grow_without_bound() -> None:
    metrics = Metrics()
    for number in range(LABEL_VALUES + 50):
        metrics.publish_failed(f"n{number}", "hub.unavailable")
    lines = [
        line
        for line in metrics.exposition().decode().splitlines()
        if line.startswith("fp_publish_failures_total{")
    ]
    assert len(lines) == LABEL_VALUES + 1
    assert any('peer="other"' in line and line.endswith(" 50.0") for line in lines)


def test_two_nodes_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.published("ro")
    assert b'fp_published_total{peer="ro"}' not in second.exposition()
