"""Which API a command talks to, and as whom.

    --network .network --node it --role case-officer
    --api https://node.example --token-file token

A command is an async function whose first parameter is the client; `talks_to_a_node` gives it these options,
and says in plain words what the node refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final

import httpx
import typer

from service.cli.local_network import described_node, read_description, token_of
from service.client import Client, NodeUnreachable, Problem

__all__ = ["problem_lines", "refuse_bad_address", "refusing_in_words", "talks_to_a_node"]

REFUSED: Final = 1
UNREACHABLE: Final = 3
"""Exit statuses; 2 is a command that cannot be read."""

_OPTIONS: Final[dict[str, tuple[Any, Any]]] = {
    "network": (
        Annotated[Path | None, typer.Option(help="The directory of a local network (`network up --dir`).")],
        None,
    ),
    "node": (Annotated[str | None, typer.Option(help="With --network: the node's code, such as it.")], None),
    "role": (Annotated[str, typer.Option(help="With --network: as whom.")], "case-officer"),
    "person": (Annotated[int, typer.Option(help="With --network: the role's first or second person.")], 1),
    "api": (Annotated[str | None, typer.Option(help="The address of a node's API.")], None),
    "token_file": (
        Annotated[Path | None, typer.Option(help="With --api: a file with the access token.")],
        None,
    ),
    "language": (Annotated[str, typer.Option(help="What the node answers in, such as fr.")], "en"),
}


def talks_to_a_node[**P](
    command: Callable[Concatenate[Client, P], Awaitable[None]],
) -> Callable[..., None]:
    """`command` with options in place of its client. Exit status 1 when the node refuses, 3 when none
    answers."""
    written = inspect.signature(command, eval_str=True)
    own = list(written.parameters.values())[1:]
    ours = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        where = {name: kwargs.pop(name) for name in _OPTIONS}
        with refusing_in_words():
            asyncio.run(_carried_out(command, where, args, kwargs))

    del run.__wrapped__  # typer would read the options of what is inside
    run.__signature__ = inspect.Signature([*own, *ours])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *ours)}
    return run


@contextlib.contextmanager
def refusing_in_words() -> Iterator[None]:
    """What a node refused, or that none answered, said in words, with the exit status for it."""
    try:
        yield
    except Problem as problem:
        for line in problem_lines(problem):
            typer.echo(line, err=True)
        raise typer.Exit(REFUSED) from problem
    except NodeUnreachable as reason:
        typer.echo(
            f"no answer from the node ({reason}); whether it did this is not known. ask again", err=True
        )
        raise typer.Exit(UNREACHABLE) from reason


def refuse_bad_address(api: str) -> None:
    """typer.BadParameter for what is no address of an API."""
    try:
        url = httpx.URL(api)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 443) < 1 << 16:
        raise typer.BadParameter("expected an address such as https://node.example", param_hint="--api")


def problem_lines(problem: Problem) -> list[str]:
    """What was refused, why, and what is missing, as lines for a person."""
    where = f" ({problem.field})" if problem.field else ""
    lines = [f"refused: {problem.title}{where}  [{problem.code}]"]
    if problem.detail:
        lines.append(f"  {problem.detail}")
    for missing in problem.missing:
        what, who = missing["title"].rstrip("."), missing["supplier_title"]
        lines.append(f"  missing: {what}; from {who}. Source: {missing['source']}")
    if problem.incident:
        lines.append(f"  incident {problem.incident}, which the node's log has too")
    return lines


async def _carried_out(
    command: Callable[..., Awaitable[None]], where: dict[str, Any], args: Any, kwargs: Any
) -> None:
    address, token = _address_and_token(**where)
    async with Client(address, token, language=where["language"]) as client:
        await command(client, *args, **kwargs)


def _address_and_token(
    *,
    network: Path | None,
    node: str | None,
    role: str,
    person: int,
    api: str | None,
    token_file: Path | None,
    language: str,  # noqa: ARG001 (one of the options, not part of where)
) -> tuple[str, str]:
    if api is not None:
        refuse_bad_address(api)
    if network is not None and node is not None and api is None:
        described = described_node(read_description(network), node)
        return described["api"], token_of(described, role, person=person)
    if api is not None and token_file is not None and network is None:
        try:
            return api, token_file.read_text("ascii").strip()
        except (OSError, ValueError):
            raise typer.BadParameter("it cannot be read", param_hint="--token-file") from None
    raise typer.BadParameter("say which node: --network DIR --node CODE, or --api URL --token-file FILE")
