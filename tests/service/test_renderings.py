"""What a reader is shown of a message, and what evidence can say of it, on two real nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from protocol.bundle import verify_bundle
from protocol.conversations import procedure_of
from protocol.evidence import ShownRendering, read_evidence
from protocol.rendering import Rendering
from protocol.statements import StatementType, read
from service import exchange
from service.cli.main import app
from service.errors import Conflict, NotFound
from service.exchange.views import ClaimedRendering
from tests.service.exchange_pair import Pair, actor, open_pair

FORMATS = ("text", "html", "pdf")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def claim(shown: Rendering) -> ClaimedRendering:
    return ClaimedRendering(digest=shown.digest, language=shown.language, format=shown.format)


def named_in(token: str) -> ShownRendering | None:
    return ShownRendering.named_in(
        read_evidence(read(token, typ=StatementType.EVIDENCE, max_bytes=9_000)).facts
    )


def test_the_rendering_that_a_reader_was_shown_is_named_in_evidence_that_the_sender_holds(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        shown = await exchange.render_message(pair.ro.node, pair.ro.officer, notified.id, "ar", "pdf")
        collected = await exchange.collect(pair.ro.node, pair.ro.officer, notified.id, claim(shown))
        await pair.settle()

        assert collected.rendering is not None
        assert collected.rendering.digest == shown.digest
        assert named_in(collected.evidence) == collected.rendering
        at_sender = await exchange.message_evidence(pair.it.node, pair.it.officer, notified.id)
        assert named_in(at_sender.evidence[-1].token) == collected.rendering

        bundle = await exchange.case_bundle(pair.it.node, pair.it.officer, case)
        proven = verify_bundle(bundle, pair.world.charter_digest, procedure_of=procedure_of)
        assert proven.findings == ()
        (tmp_path / "evidence.json").write_bytes(bundle)
        verify = ["verify", str(tmp_path / "evidence.json"), "--charter-digest", pair.world.charter_digest]
        told = CliRunner().invoke(app, [*verify, "--pdf", str(tmp_path / "report.pdf")])
        assert told.exit_code == 0, told.output
        assert f"rendering  pdf  ar  {shown.digest}" in told.output
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-1.7")
        again = CliRunner().invoke(app, [*verify, "--pdf", str(tmp_path / "report.pdf")])
        assert again.exit_code == 2, "a file is never written over"

    run(play())


def test_no_evidence_names_bytes_that_the_node_does_not_make(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        shown = await exchange.render_message(pair.ro.node, pair.ro.officer, notified.id, "fr", "html")
        for false in (
            replace(claim(shown), digest="d" * 43),
            replace(claim(shown), language="es"),
            replace(claim(shown), format="pdf"),
        ):
            with pytest.raises(Conflict) as refused:
                await exchange.collect(pair.ro.node, pair.ro.officer, notified.id, false)
            assert refused.value.code == "rendering.differs"
        await pair.settle()
        (row,) = await pair.ro.rows("select collected_at from message where id = :id", id=notified.id)
        assert row["collected_at"] is None

    run(play())


def test_collected_again_the_first_rendering_stays_named_whatever_is_claimed(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        shown = await exchange.render_message(pair.ro.node, pair.ro.officer, notified.id, "fr", "text")
        first = await exchange.collect(pair.ro.node, pair.ro.officer, notified.id, claim(shown))
        for later in (None, claim(shown), replace(claim(shown), digest="d" * 43)):
            assert await exchange.collect(pair.ro.node, pair.ro.officer, notified.id, later) == first

    run(play())


def test_a_message_collected_without_a_rendering_names_none(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        collected = await exchange.collect(pair.ro.node, pair.ro.officer, notified.id)
        assert collected.rendering is None
        assert named_in(collected.evidence) is None

    run(play())


@pytest.mark.parametrize("form", FORMATS)
def test_both_nodes_and_every_reader_of_one_language_get_the_same_bytes(pair: Pair, form: Any) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        at_sender, at_recipient, again = [
            await exchange.render_message(side.node, side.officer, notified.id, "ru", form)
            for side in (pair.it, pair.ro, pair.ro)
        ]
        assert at_sender == at_recipient == again

    run(play())


@pytest.mark.parametrize("form", FORMATS)
def test_no_rendering_holds_an_identity_and_none_is_for_a_stranger(pair: Pair, form: Any) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        shown = await exchange.render_message(pair.ro.node, pair.ro.officer, notified.id, "en", form)
        assert b"Example Child" not in shown.content
        stranger = actor("it.other-office")
        for look in (
            exchange.render_message(pair.it.node, stranger, notified.id, "en", form),
            exchange.render_timeline(pair.it.node, stranger, case, "en", form),
        ):
            with pytest.raises(NotFound):
                await look

    run(play())


def test_a_timeline_is_rendered_with_what_happened_and_what_is_owed(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await pair.request(case)
        shown = await exchange.render_timeline(pair.it.node, pair.it.officer, case, "en", "text")
        said = shown.content.decode()
        assert f"Timeline of case {case}" in said
        assert "Request for a social inquiry" in said
        assert "answer due" in said
        assert "signed by ro" in said

    run(play())


def test_setting_a_page_does_not_hold_up_the_node(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        pages = [
            asyncio.create_task(
                exchange.render_message(pair.ro.node, pair.ro.officer, notified.id, language, "pdf")
            )
            for language in ("ar", "zh", "ru", "fr", "es", "pt", "en") * 3
        ]
        longest, last = 0.0, time.perf_counter()
        while not all(page.done() for page in pages):
            await asyncio.sleep(0)
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
        await asyncio.gather(*pages)
        assert longest < 0.5  # seconds that the event loop stood still, on a machine that has other work

    run(play())


def test_shown_files_are_written_once_and_named_by_their_digest(tmp_path: Path) -> None:
    from service.cli.files import as_printed, write_new

    file = tmp_path / "shown.pdf"
    write_new(file, b"%PDF")
    assert file.stat().st_mode & 0o777 == 0o600
    named = as_printed(file, "ar")
    assert (named.format, named.language, len(named.digest)) == ("pdf", "ar", 43)
    with pytest.raises(Exception, match="there already"):
        write_new(file, b"other")
    assert file.read_bytes() == b"%PDF"
