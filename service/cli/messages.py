"""`focalpoint send`, `inbox`, `show`, `collect`: an officer's day, from a terminal."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Annotated, cast

import typer

from protocol import vocabularies
from service.cli.at_api import REFUSED, talks_to_a_node
from service.cli.attachments import add_attachment
from service.cli.files import FormatOption, OutputOption, as_printed, hand_over
from service.client import Client, Due, Message, Submission

__all__ = ["collect_app", "inbox_app", "send_app", "show_app"]

send_app = typer.Typer(add_completion=False)
inbox_app = typer.Typer(add_completion=False)
show_app = typer.Typer(add_completion=False)
collect_app = typer.Typer(add_completion=False)

MessageArgument = Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's id.")]


@send_app.command()
@talks_to_a_node
async def send(
    node: Client,
    file: Annotated[
        Path, typer.Argument(help="The message as JSON, as the API takes it; - for standard input.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come of it; send nothing.")
    ] = False,
    attach: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE:KIND", help="A document to go with it, such as scan.pdf:birth-certificate."
        ),
    ] = None,
) -> None:
    """Send a message. Repeating it under the same id is always safe.

    It is on disk when this returns, and is then carried until the other State has it.
    """
    submission = _submission(file)
    for one in attach or ():
        await add_attachment(node, submission, one)
    if dry_run:
        validation = await node.validate(submission)
        for refusal in validation["refusals"]:
            typer.echo(f"would be refused: {refusal['title']}  [{refusal['code']}]")
            typer.echo(f"  {refusal['detail']}")
            for missing in refusal["missing"]:
                typer.echo(f"  missing: {missing['title']}, from {missing['supplier_title']}")
        if not validation["acceptable"]:
            raise typer.Exit(REFUSED)
        typer.echo(f"would be accepted{_owed(validation.get('due'))}")
        return
    accepted = await node.send(submission)
    if accepted["status"] == "awaiting-approval":
        typer.echo(
            f"{accepted['id']}  {accepted['status']}: on disk, and not sent before another person of"
            f" {accepted['deciding']} approves {accepted['approval']}, by {accepted['expires_at'][:16]}"
        )
        return
    typer.echo(f"{accepted['id']}  {accepted['status']}{_owed(accepted.get('due'))}")


@inbox_app.command()
@talks_to_a_node
async def inbox(
    node: Client,
    wait: Annotated[int, typer.Option(min=0, max=30, help="Seconds to wait when nothing new is there.")] = 0,
    after: Annotated[str | None, typer.Option(help="Only what came after this cursor.")] = None,
    case: Annotated[str | None, typer.Option(help="Only this case.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what was collected already.")] = False,
) -> None:
    """What has come in and was not collected yet, oldest first. Never content.

    The last line is a cursor: give it to --after to see only what is new.
    """
    while True:
        page = await node.messages(direction="in", after=after, case=case, wait=wait)
        for message in page["messages"]:
            if everything or "collected_at" not in message:
                typer.echo(_line(message))
        after = page["cursor"]
        if not page["more"]:
            break
    typer.echo(f"cursor {after}")


@show_app.command()
@talks_to_a_node
async def show(
    node: Client,
    message: MessageArgument,
    lang: Annotated[str | None, typer.Option(help="The reader's language, such as ar.")] = None,
    format: FormatOption = "text",  # noqa: A002
    output: OutputOption = None,
    release_identity: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Also the identity part, once another person has released it for this reason, a code.",
        ),
    ] = None,
) -> None:
    """A message in words, in any of the languages. Free text stays as written and is marked."""
    hand_over(await node.printed(message, language=lang, format=format), output)
    if release_identity is not None:
        content = (await node.release_identity(message, reason=release_identity)).get("content")
        identity = content.get("identity") if content else None
        typer.echo(json.dumps(identity, indent=2, ensure_ascii=False) if identity else "no identity part")


@collect_app.command()
@talks_to_a_node
async def collect(
    node: Client,
    message: MessageArgument,
    shown: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="The file that `show` wrote: the evidence then names it by its digest.",
        ),
    ] = None,
    lang: Annotated[str | None, typer.Option(help="The language of that file, such as ar.")] = None,
) -> None:
    """Say that your agency has the message: signed evidence of it goes back to the sender."""
    collection = await node.collect(message, shown=None if shown is None else as_printed(shown, lang))
    state = collection.get("thread_state")
    typer.echo(
        f"collected at {collection['collected_at']}" + (f"; the conversation is {state}" if state else "")
    )
    if named := collection.get("rendering"):
        typer.echo(f"the evidence names the rendering {named['digest']}")


def _submission(file: Path) -> Submission:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        body = json.loads(data)
    except OSError:
        raise typer.BadParameter("it cannot be read", param_hint="FILE") from None
    except ValueError:
        raise typer.BadParameter("it is not JSON", param_hint="FILE") from None
    if not isinstance(body, dict):
        raise typer.BadParameter("expected a JSON object", param_hint="FILE")
    if "id" not in body:
        body["id"] = str(uuid.uuid4())
        typer.echo(
            f"the message gets the id {body['id']}: write it into the file before you repeat this", err=True
        )
    return cast("Submission", body)


def _line(message: Message) -> str:
    kind = vocabularies.label("message-type", message["type"], "en").text
    return (
        f"{message['id']}  {message['recorded_at'][:16]}  {message['case']}  {kind}"
        f"  from {message['sender']}{_owed(message.get('due'))}"
    )


def _owed(due: Due | None) -> str:
    if due is None:
        return ""
    return f"; an answer is due by {due['at'][:16].replace('T', ' ')} UTC"
