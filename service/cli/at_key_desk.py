"""Where a key command works, who asks for it, and what becomes of it.

    --config node.toml --as staff-17          at the node's machine: proposed into the running node
    --api https://node.example --token-file token   asked of the node, where it holds the State's root key

A command is a function that returns a `KeyRequest`; `at_the_key_desk` gives it these options, shows what the
act would change, and proposes it. Before the node's first start nobody could approve, and it is done at once.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from protocol.identifiers import new_message_id
from protocol.statements import SigningKey
from service.access import pairs
from service.cli.at_api import refuse_bad_address, refusing_in_words
from service.cli.at_node import ConfigOption, NetworkOption, NodeOption, keystore_of, settings_of
from service.cli.key_lines import echo_key
from service.cli.root_key import RootKeyOption, RootPassphraseOption, root_signing_key
from service.client import Client
from service.clock import clock_of
from service.directory.facts_file import facts_of_last
from service.directory.key_desk import KeyDesk, KeyPlan, KeyRequest
from service.directory.key_proposals import AT_ONCE, with_its_key
from service.directory.machine_proposals import MachineProposal, leave_proposal, started
from service.directory.publish import read_entries
from service.directory.publishing import digest_of
from service.errors import Conflict
from service.keystore import API_TOKEN
from service.random_source import SystemRandomSource
from service.settings import Settings
from service.store.checkpoints import received_before
from service.store.engine import database_file, open_engine

__all__ = ["AsOption", "DryRunOption", "at_the_key_desk", "desk_of", "propose_at_the_machine"]

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and stop.")]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as", help="Who proposes it, as the journal knows them. Needed once the node has been started."
    ),
]
_ApiOption = Annotated[str | None, typer.Option("--api", help="Ask this node instead of working on files.")]
_TokenOption = Annotated[
    Path | None, typer.Option("--token-file", help="With --api: a file with an administrator's token.")
]

_OPTIONS: Final[dict[str, tuple[Any, Any]]] = {
    "dry_run": (DryRunOption, False),
    "by": (AsOption, None),
    "root_key": (RootKeyOption, None),
    "root_passphrase_file": (RootPassphraseOption, None),
    "config": (ConfigOption, None),
    "network": (NetworkOption, None),
    "node": (NodeOption, None),
    "api": (_ApiOption, None),
    "token_file": (_TokenOption, None),
}


def at_the_key_desk[**P](command: Callable[P, KeyRequest]) -> Callable[..., None]:
    """`command` with the options of this module; what it returns is proposed, or done before a first
    start."""
    written = inspect.signature(command, eval_str=True)
    ours = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in _OPTIONS.items()
    ]
    own = list(written.parameters.values())

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        where = {name: kwargs.pop(name) for name in _OPTIONS}
        _carried_out(command(*args, **kwargs), **where)

    del run.__wrapped__  # typer would read the options of what is inside
    run.__signature__ = inspect.Signature([*own, *ours])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *ours)}
    return run


def desk_of(settings: Settings, *, now: datetime | None = None) -> KeyDesk:
    """As the node's files are now."""
    last = read_entries(settings.data_dir)

    def checkpoints(before: datetime) -> tuple[str, ...]:
        file = database_file(settings.database)
        if file is not None and not file.exists():
            return ()
        engine = open_engine(settings.database, read_only=True)
        try:
            with engine.connect() as connection:
                return received_before(connection, settings.node, before)
        finally:
            engine.dispose()

    return KeyDesk(
        settings=settings,
        keys=keystore_of(settings),
        said=facts_of_last(last),
        last=last,
        now=now or clock_of(settings).now(),
        checkpoints=checkpoints,
    )


def _carried_out(
    request: KeyRequest,
    *,
    dry_run: bool,
    by: str | None,
    root_key: Path | None,
    root_passphrase_file: Path | None,
    config: Path | None,
    network: Path | None,
    node: str | None,
    api: str | None,
    token_file: Path | None,
) -> None:
    if api is not None:
        if token_file is None or dry_run or by is not None or root_key is not None:
            raise typer.BadParameter("with --api comes --token-file, and nothing of this machine")
        _ask(request, api, token_file)
        return
    settings = settings_of(config, network, node)
    desk = desk_of(settings)
    request = with_its_key(desk, request)
    plan = _planned(desk, request)
    # What makes a key answers with the key alone, for whatever program reads it.
    beside = request.act == "generate" and not dry_run and not started(settings)
    for line in plan.lines(desk.now):
        typer.echo(line, err=beside)
    if dry_run:
        typer.echo("Nothing was changed.", err=True)
        return
    if started(settings) and not (by or "").strip():
        raise typer.BadParameter("the node has been started: say who proposes this", param_hint="--as")
    # By the node itself where it holds the root key: then nothing is signed before two have agreed.
    here = root_key is None and _holds_root_key(desk) and request.act not in AT_ONCE
    needed = plan.needs_root and not (here and started(settings))
    root = root_signing_key(desk.keys, root_key, root_passphrase_file) if needed else None
    if not started(settings):
        known = {one.kid for one in desk.keys.entries()}
        signed = desk.carry_out(plan, root)
        if request.act == "generate":
            echo_key(desk.keys, next(one for one in desk.keys.entries() if one.kid not in known))
            typer.echo("Next: list it in a directory entry; peers believe no other.", err=True)
        typer.echo(f"Done, before the node's first start. Signed: {signed}.", err=True)
        return
    assert by is not None
    act: dict[str, Any] = {"request": request.to_json()}
    preview, in_force = plan.lines(desk.now), request.act in AT_ONCE
    if in_force:
        act, preview = _cut_off_now(desk, request, root, by)
    elif root is not None:
        entries = desk.sign_only(plan, root) if request.act == "retire" else desk.prepare(plan, root)
        act |= {"entries": entries, "bases": _bases(desk, entries)}
    else:
        act |= {"bases": _bases(desk, [one.path for one in plan.entries])}
    propose_at_the_machine(
        settings,
        pairs.KEY_ACTION,
        plan.subject,
        by=by,
        now=desk.now,
        facts=request.to_json(),
        act=act,
        preview=preview,
        in_force=in_force,
    )


def _planned(desk: KeyDesk, request: KeyRequest) -> KeyPlan:
    try:
        return desk.plan(request)
    except Conflict as refused:
        if refused.code == "keystore.key_current":
            typer.echo(
                f"`focalpoint keys rotate {request.owner}` replaces the key without a gap; with `--replace` a"
                " new one is made all the same.",
                err=True,
            )
        raise


def _cut_off_now(
    desk: KeyDesk, request: KeyRequest, root: SigningKey | None, by: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """From now on nothing that the key signs counts. What is to be said of the time before waits, signed."""
    cut = desk.revoke(request.owner, request.kid)
    preview = cut.lines(desk.now)
    desk.carry_out(cut, root, by=by)
    act: dict[str, Any] = {"request": request.to_json(), "done": True}
    if request.act == "compromised" and request.owner != API_TOKEN:
        assert root is not None
        # A second later: of two entries of one moment nobody would know which is the newer.
        later = desk_of(desk.settings, now=desk.now + timedelta(seconds=1))
        rest: KeyPlan = later.plan(request)
        entries = later.sign_only(rest, root)
        act = {"request": request.to_json(), "entries": entries, "bases": _bases(later, entries)}
        preview = (*preview, *(f"with the second person: {line}" for line in rest.lines(later.now)))
    typer.echo("In force: nothing that the key signs from now on counts.", err=True)
    return act, preview


def propose_at_the_machine(
    settings: Settings,
    kind: str,
    subject: str,
    *,
    by: str,
    now: datetime,
    facts: dict[str, str],
    act: dict[str, Any],
    preview: tuple[str, ...],
    in_force: bool = False,
) -> None:
    """Leave a proposal for the running node, and say how it is approved."""
    proposal = MachineProposal(
        id=str(new_message_id(SystemRandomSource().bytes)),
        kind=kind,
        subject=subject,
        by=by,
        at=now,
        facts=facts,
        act=act,
        preview=preview,
        in_force=in_force,
    )
    leave_proposal(settings.data_dir, proposal)
    typer.echo(f"proposed {proposal.id}")
    typer.echo(
        "Another administrator looks at it and decides: `focalpoint approvals --show`, `focalpoint approve`."
        f" The running node has it within {settings.directory_check_seconds:g} seconds.",
        err=True,
    )


def _ask(request: KeyRequest, api: str, token_file: Path) -> None:
    refuse_bad_address(api)
    try:
        token = token_file.read_text("ascii").strip()
    except (OSError, ValueError):
        raise typer.BadParameter("it cannot be read", param_hint="--token-file") from None

    async def ask() -> None:
        async with Client(api, token) as client:
            said = request.to_json()
            waits = await client.propose_key_act(
                said["act"],
                said["owner"],
                kid=request.kid,
                since=said.get("since"),
                replace=request.replace,
            )
        for line in waits["preview"]:
            typer.echo(line)
        typer.echo(f"proposed {waits['id']}")

    with refusing_in_words():
        asyncio.run(ask())


def _bases(desk: KeyDesk, paths: Any) -> dict[str, str]:
    return {path: digest_of(desk.last[path]) if path in desk.last else "" for path in paths}


def _holds_root_key(desk: KeyDesk) -> bool:
    return any(one.owner == "state-root" and one.current for one in desk.keys.entries())
