"""`focalpoint-adapter relay`: an intermediary's desk for authorities that have no system.

pending                            what waits, and what left and was never confirmed
print MESSAGE -o FILE              a PDF with a form for the reply, to be printed or carried
mail MESSAGE                       the same by e-mail, protected; the password goes another way
confirm MESSAGE --way post         it arrived: the node signs that, and the sender sees it
failed MESSAGE --way …             it did not
read FILE --message … | --reply …  what came back, as a draft to look at
say DRAFT --form … --sure …        the draft as a message of the State, attested, with the scan
web --spool-dir DIR                the one-time reply page, on loopback behind a TLS proxy
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import uvicorn

from adapters.kit import Adapter, Away, Desk, Memory, Settings, Unfit
from adapters.kit.commands import SettingsFile, common, fail, here, in_a_line, read_settings
from adapters.kit.pace import Pace
from adapters.kit.passwords import made_password
from adapters.kit.running import steady
from adapters.kit.settings import SettingsError
from adapters.relay import handing
from adapters.relay.desk import DeskBook
from adapters.relay.filled import MOST_BYTES, read_filled
from adapters.relay.mapping import usual_reply
from adapters.relay.paper import protected
from adapters.relay.setup import Setup, setup_of
from adapters.relay.spool import Spool
from adapters.relay.web import page_app
from adapters.relay.worker import RelayDesk
from service.client import Client, NodeUnreachable, Problem

__all__ = ["commands", "opened"]

_REMEDY: Final = (
    "stop the worker and bring it back from a backup with its -wal file. Without it nobody knows what was"
    " handed over and by which way"
)
_SCAN_BYTES: Final = 20 << 20

MessageArgument = Annotated[str, typer.Argument(metavar="MESSAGE", help="Its id, as `pending` shows it.")]
OutputOption = Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="The new file.")]
WayOption = Annotated[str, typer.Option(help="A code of the vocabulary relay-way, such as post.")]
ReplyOption = Annotated[
    str | None, typer.Option("--form", help="The reply's message type, where not the usual.")
]
IdentityOption = Annotated[
    str | None, typer.Option("--release-identity", metavar="REASON", help="With the identity part.")
]


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Adapter]:
    """The worker over its desk book."""
    made = setup_of(settings)
    book = made.book()
    try:
        yield _worker(made, book)
    finally:
        book.close()


def _worker(made: Setup, book: DeskBook) -> RelayDesk:
    return RelayDesk(
        book=book,
        offices=made.offices,
        return_to=made.return_to,
        mail=made.mail,
        page=made.page,
        confirm_within=made.confirm_within,
        link_lasts=made.link_lasts,
    )


commands = common(opened, help="Messages to authorities that have no system, and what comes back.")


def _at_desk[T](settings: Path, work: Callable[[Client, Setup, Any], Awaitable[T]]) -> T:
    """`work` with the node, as whom the settings say; every refusal in a line."""

    async def done() -> T:
        found = read_settings(settings)
        made = setup_of(found)
        book = made.book()
        try:
            async with found.node(here) as node:
                return await work(node, made, book)
        finally:
            book.close()

    try:
        with in_a_line(file="desk.db", remedy=_REMEDY):
            return asyncio.run(done())
    except (Unfit, Away) as reason:
        fail(str(reason))
    except Problem as problem:
        fail(f"the node refuses: {problem.title} [{problem.code}]")
    except NodeUnreachable:
        fail("no answer from the node; whether it did this is not known. ask again")


@commands.command()
def pending(settings: SettingsFile) -> None:
    """What waits to be handed over, what left and was never confirmed, and replies that nobody has read."""

    async def work(node: Client, made: Setup, book: DeskBook) -> None:
        now = here()
        waiting = {one["id"]: one for one in (await node.pending_relays())["messages"]}
        for one in waiting.values():
            handed = book.handed(one["id"])
            how = "waits"
            if handed is not None:
                how = f"{handed.state} by {handed.way} {handed.at:%Y-%m-%d}, attempt {handed.attempt}"
                if handed.state == "sent" and handed.at < now - made.confirm_within:
                    how += ", NEVER CONFIRMED"
            marks = " sealed" if one["sealed"] else ""
            typer.echo(f"{one['id']}  to {one['recipient']}  {one.get('type', 'unreadable')}{marks}  {how}")
        for reply in book.waiting():
            closed = await handing.is_closed(node, reply.message, waiting)
            how = "  CANNOT BE DELIVERED: tell the office so" if closed else ""
            typer.echo(f"{reply.id}  a reply from the page to {reply.message}  {reply.at:%Y-%m-%d}{how}")

    _at_desk(settings, work)


@commands.command("print")
def print_(
    settings: SettingsFile,
    message: MessageArgument,
    output: OutputOption,
    reply: ReplyOption = None,
    identity: IdentityOption = None,
    link: Annotated[bool, typer.Option("--link", help="With a one-time link to the reply page.")] = False,
    protect: Annotated[bool, typer.Option("--protect", help="AES-256, with a new password.")] = False,
    way: WayOption = "post",
) -> None:
    """Write the PDF. It counts as sent from then on, and as handed over when somebody confirms it.

    What was sealed past this node is written as a courier file, which only the authority opens: as FILE where
    that is all of it, and beside the PDF where it is a part.
    """
    beside = output.with_name(f"{output.stem}.sealed.focalpoint")

    async def work(node: Client, made: Setup, book: DeskBook) -> tuple[str | None, Path | None]:
        one = await handing.pending(node, message)
        office = await handing.office_of(node, one["recipient"], made.offices)
        if not one["readable"]:
            _write(output, await handing.sealed_file(node, message))
            book.sent(message, one["recipient"], way, here())
            return None, output
        asked = reply or usual_reply(one.get("type", ""))
        page, until, token = None, None, None
        if link and made.page is not None and asked is not None:
            token, until = book.new_link(
                message,
                asked,
                office.language,
                narrative=office.narrative,
                lasting=made.link_lasts,
                now=here(),
            )
            page = f"{made.page}/reply/{token}"
        file = await handing.sheets(
            node,
            one,
            office,
            return_to=made.return_to,
            reply=reply,
            link=page,
            until=until,
            identity_reason=identity,
        )
        password = made_password() if protect else None
        if one["sealed"]:
            _not_there(output)
            _write(beside, await handing.sealed_file(node, message))
        _write(output, file if password is None else protected(file, password))
        book.sent(message, one["recipient"], way, here(), link=token)
        return password, beside if one["sealed"] else None

    password, sealed = _at_desk(settings, work)
    if sealed is not None:
        only = "" if sealed == output else ", and what it says is not in the PDF: hand both over"
        typer.echo(f"{sealed}: sealed to the authority's own key{only}")
    typer.echo(f"{output}; confirm it when it has arrived")
    if password is not None:
        typer.echo(f"password, to be told by another way and shown only here: {password}")


@commands.command()
def mail(
    settings: SettingsFile,
    message: MessageArgument,
    reply: ReplyOption = None,
    identity: IdentityOption = None,
) -> None:
    """Send it by e-mail to the office that the settings name, protected with the password agreed with it."""

    async def work(node: Client, made: Setup, book: DeskBook) -> None:
        one = await handing.pending(node, message)
        office = await handing.office_of(node, one["recipient"], made.offices)
        if made.mail is None or office.email is None or (one["readable"] and office.password is None):
            raise Unfit("relay.by_hand", "the settings name no mail server, address or password for it")
        try:
            memory = Memory(made.state_dir / "by-hand")  # beside the worker's, which has its own
        except sqlite3.OperationalError:
            raise Unfit(
                "relay.busy", "somebody else's `mail` is at work, and this one sent nothing; try it again"
            ) from None
        try:
            desk = Desk(
                settings=read_settings(settings),
                node=node,
                memory=memory,
                pace=Pace(0, now=steady),
                now=here,
            )
            await _worker(made, book).mail_to(one, office, desk, reply=reply, identity_reason=identity)
        finally:
            memory.close()

    _at_desk(settings, work)
    typer.echo(f"{message}  mailed; confirm it when it has arrived")


@commands.command()
def confirm(settings: SettingsFile, message: MessageArgument, way: WayOption) -> None:
    """The authority has it. The node signs that, and the sender sees it. The clock goes on."""
    at = _at_desk(settings, lambda node, _, book: handing.confirm(node, book, message, way))
    typer.echo(f"{message}  handed over  {at}")


@commands.command()
def failed(
    settings: SettingsFile,
    message: MessageArgument,
    way: WayOption,
    reason: Annotated[
        str, typer.Option(help="Such as relay.returned, when an e-mail or a letter came back.")
    ],
) -> None:
    """It did not arrive. It stays to be handed over, and the sender sees that too."""
    at = _at_desk(settings, lambda node, _, book: handing.failed(node, book, message, way, reason))
    typer.echo(f"{message}  not handed over  {at}  {reason}")


@commands.command()
def read(
    settings: SettingsFile,
    output: OutputOption,
    file: Annotated[Path | None, typer.Argument(help="A PDF that came back: filled in, or a scan.")] = None,
    message: Annotated[str | None, typer.Option(help="With FILE: which message it answers.")] = None,
    reply: Annotated[str | None, typer.Option(help="Instead of FILE: a reply from the page.")] = None,
    form: ReplyOption = None,
    password_file: Annotated[Path | None, typer.Option(help="With FILE, when it is protected.")] = None,
    received_on: Annotated[str | None, typer.Option(help="YYYY-MM-DD; today where left out.")] = None,
    language: Annotated[str, typer.Option("--lang", help="The form's language.")] = "en",
) -> None:
    """Read what came back into a draft, and say of each field what became of it. Nothing is sent."""

    async def work(node: Client, _: Setup, book: DeskBook) -> handing.Draft:
        if reply is not None:
            return await handing.read_web(node, book, reply)
        if file is None or message is None:
            raise Unfit("relay.no_reply", "say FILE and --message, or --reply")
        data = _bytes(file, MOST_BYTES)
        whole = await node.message(message)
        asked = form or usual_reply(whole["type"]) or "query"
        password = None if password_file is None else _bytes(password_file, 1 << 10).decode().strip()
        filled = await read_filled(data, password=password)
        on = _day(received_on)
        return await handing.read_pdf(node, message, asked, filled, data, language=language, on=on)

    draft = _at_desk(settings, work)
    _write(output, draft.to_json().encode())
    for name, outcome in draft.report:
        if outcome != "empty":
            typer.echo(f"{outcome:15}  {name}")
    for note in draft.notes:
        typer.echo(f"look at          {note}", err=True)
    typer.echo(f"{output}: a draft; nothing is sent before `say`")


@commands.command()
def say(
    settings: SettingsFile,
    draft: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What `read` wrote.")],
    original_form: Annotated[str, typer.Option("--came-by", help="A code of original-form, such as paper.")],
    sure: Annotated[str, typer.Option(help="A code of authentication-strength.")],
    no_danger: Annotated[
        bool,
        typer.Option(
            "--declare-no-danger", help="You judged that sending it endangers nobody (safeguard 10)."
        ),
    ] = False,
    scan: Annotated[Path | None, typer.Option(help="The original as a PDF, JPEG or PNG file.")] = None,
    consent: Annotated[bool, typer.Option("--consent", help="The paper accepts the version.")] = False,
    reply: Annotated[str | None, typer.Option(help="The page's reply that it was read from.")] = None,
) -> None:
    """Say it for the State: typed by the intermediary, attested, with the scan. Repeating it is safe.

    With --consent nothing is typed: the attestation says that the paper accepts the version. Two people of
    the other State confirm that; an intermediary never can.
    """

    async def work(node: Client, _: Setup, book: DeskBook) -> tuple[str | None, str]:
        told = _draft(draft)
        done = await handing.say(
            node,
            told,
            original_form=original_form,
            authentication=sure,
            declares_no_danger=no_danger,
            scan=None if scan is None else _bytes(scan, _SCAN_BYTES),
            agreement=consent,
        )
        if reply is not None:
            book.reviewed(reply)
        handed = book.handed(told.answers)
        if handed is not None and handed.state == "sent":
            # Whoever answers has it.
            with contextlib.suppress(Problem):
                await handing.confirm(node, book, told.answers, handed.way)
        return done

    typed, attestation = _at_desk(settings, work)
    typer.echo(f"{typed or '(nothing typed)'}  attested by {attestation}")


@commands.command()
def dismiss(
    settings: SettingsFile, reply: Annotated[str, typer.Argument(help="A reply from the page.")]
) -> None:
    """Look no more at a reply that is worth nothing. What it said is destroyed."""

    async def work(_: Client, __: Setup, book: DeskBook) -> None:
        book.reviewed(reply)

    _at_desk(settings, work)


@commands.command()
def web(
    spool_dir: Annotated[Path, typer.Option(help="As the desk's settings have it; nothing else is read.")],
    intermediary: Annotated[str, typer.Option(help="The name that the page shows.")],
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8479,
) -> None:
    """Serve the one-time reply page on loopback. A TLS proxy in front of it sets X-Forwarded-For.

    It reads no settings: it needs neither the node's credentials, the mail server's nor the desk's key, and
    shall not have them. Run it under an account of its own.
    """
    try:
        spool = Spool(spool_dir)
    except SettingsError as reason:
        fail(str(reason))
    app = page_app(spool, intermediary=intermediary, now=here)
    # No access log: the address of a page is its key.
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        limit_concurrency=100,
    )


def _draft(file: Path) -> handing.Draft:
    try:
        return handing.Draft.from_json(file.read_text("utf-8"))
    except (OSError, ValueError, TypeError):
        fail(f"{file}: expected what `read` wrote")


def _day(text: str | None) -> date:
    try:
        return here().date() if text is None else date.fromisoformat(text)
    except ValueError:
        fail("--received-on: expected YYYY-MM-DD")


def _bytes(file: Path, most: int) -> bytes:
    try:
        if file.stat().st_size > most:
            fail(f"{file}: expected at most {most >> 20} MiB")
        return file.read_bytes()
    except OSError:
        fail(f"{file}: it cannot be read")


def _not_there(file: Path) -> None:
    if file.exists():
        fail(f"{file} is there already")


def _write(file: Path, content: bytes) -> None:
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened_file:
            opened_file.write(content)
    except FileExistsError:
        fail(f"{file} is there already")
