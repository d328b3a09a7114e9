"""`focalpoint attachment`: documents that go with messages, from and into files."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from protocol.attachments import media_type_of
from service.cli.at_api import talks_to_a_node
from service.cli.files import pieces, write_pieces
from service.client import Client, Submission

__all__ = ["add_attachment", "attachment_app"]

attachment_app = typer.Typer(add_completion=False, no_args_is_help=True)

MessageArgument = Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's id.")]
_FIRST_BYTES = 16
_BY_NAME = uuid.UUID("6f9a2f6c-3c0e-5c0d-9d8a-0f1b8f5c7a10")


@attachment_app.callback()
def _() -> None:
    """Documents that go with messages. `send --attach` uploads and cites in one go."""


@attachment_app.command()
@talks_to_a_node
async def upload(
    node: Client,
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case's reference.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A PDF, JPEG or PNG file.")],
    kind: Annotated[str, typer.Option(help="What it is, such as birth-certificate.")] = "other",
    title: Annotated[str | None, typer.Option(help="A title, for the recipient's eyes.")] = None,
    concerns: Annotated[list[str] | None, typer.Option(help="Whom it concerns, such as child.")] = None,
) -> None:
    """Upload a document, and print what the message's `identity.attachments` has to say of it."""
    described = await _uploaded(node, case, str(uuid.uuid4()), file, kind)
    described |= ({"title": title} if title else {}) | ({"concerns": concerns} if concerns else {})
    typer.echo(json.dumps(described, indent=2, ensure_ascii=False))


@attachment_app.command(name="list")
@talks_to_a_node
async def list_(node: Client, message: MessageArgument) -> None:
    """What goes with a message, and how far it has come."""
    for one in await node.attachments(message):
        code = f"  [{one['code']}]" if "code" in one else ""
        typer.echo(f"{one['digest']}  {one['state']}  {one['arrived']} of {one['chunks']}{code}")


@attachment_app.command()
@talks_to_a_node
async def save(
    node: Client,
    message: MessageArgument,
    digest: Annotated[str, typer.Argument(help="Which, as `list` shows it.")],
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="Into this new file.")],
    release_identity: Annotated[
        str,
        typer.Option(
            metavar="REASON", help="Why: the code for which another person released the message's identity."
        ),
    ],
) -> None:
    """Save a document. It shows who a child is: the file is for its owner alone."""
    written = await write_pieces(output, node.attachment(message, digest, reason=release_identity))
    typer.echo(f"{output}: {written} bytes")


async def add_attachment(node: Client, submission: Submission, given: str) -> None:
    """Upload what `FILE:KIND` names and describe it in the submission's identity part.

    The upload's id follows from message and file name, so that the command can be repeated.
    """
    name, colon, kind = given.rpartition(":")
    file = Path(name if colon else given)
    if not file.is_file():
        raise typer.BadParameter("expected FILE:KIND, and a file that is there", param_hint="--attach")
    upload_id = str(uuid.uuid5(_BY_NAME, f"{submission['id']}/{file.name}"))
    described = await _uploaded(node, submission["case"], upload_id, file, kind if colon else "other")
    identity: dict[str, Any] = dict(submission.get("identity") or {})
    identity["attachments"] = [*identity.get("attachments", ()), described]
    submission["identity"] = cast("Any", identity)


async def _uploaded(node: Client, case: str, upload_id: str, file: Path, kind: str) -> dict[str, Any]:
    with file.open("rb") as opened:
        media_type = media_type_of(opened.read(_FIRST_BYTES))
    if media_type is None:
        raise typer.BadParameter("expected a PDF, JPEG or PNG file", param_hint="FILE")
    stored = await node.attach(case, upload_id, pieces(file), media_type=media_type.name_in_http)
    return {
        "digest": stored["digest"],
        "salt": stored["salt"],
        "size": stored["size"],
        "media_type": stored["media_type"],
        "document_kind": kind,
    }
