"""`focalpoint-adapter primero`: run, webhook, check, understand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from adapters.kit.commands import SettingsFile, common, fail, here, read_settings, serve
from adapters.kit.errors import Away, Unfit
from adapters.kit.running import steady
from adapters.kit.serving import served
from adapters.kit.settings import Settings, SettingsError
from adapters.primero import settings as own
from adapters.primero.client import Kind, Primero
from adapters.primero.mapping import fields_for, understand
from adapters.primero.webhook import receiver
from adapters.primero.worker import PrimeroLink
from service.client import NodeUnreachable, Problem

__all__ = ["commands", "opened", "with_webhook"]


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[PrimeroLink]:
    told = own.read(settings)
    async with Primero(told.url, told.user, told.password, now=steady) as primero:
        yield PrimeroLink(primero, told.profile, told.way)


@contextlib.asynccontextmanager
async def with_webhook(settings: Settings) -> AsyncIterator[PrimeroLink]:
    where = own.listening(settings)
    async with opened(settings) as link, served(receiver(where.caller, link.hint), where.host, where.port):
        yield link


commands = common(opened, help="Primero and CPIMS+ (version 2): referrals and transfers, both ways.")


@commands.command("webhook")
def _webhook(settings: SettingsFile) -> None:
    """Run, and listen for Primero's webhooks as well: news is looked at sooner. What gets lost is found
    anyway."""
    serve(settings, with_webhook)


@commands.command("check")
def _check(settings: SettingsFile) -> None:
    """Ask both sides whether this can work, before it runs. Shows nothing of any record."""
    found = read_settings(settings)
    try:
        faults = asyncio.run(_checked(found))
    except SettingsError as reason:
        fail(str(reason))
    if faults:
        fail("; ".join(faults))


async def _checked(settings: Settings) -> list[str]:
    told, faults = own.read(settings), []
    async with Primero(told.url, told.user, told.password, now=steady) as primero:
        try:
            page = await primero.cases(since=datetime(1970, 1, 1, tzinfo=UTC), per=1)
            typer.echo(f"primero: logged in as {told.user}; sees {page.total} records")
            await primero.cases(since=here(), per=1)
            typer.echo("primero: tells what changed since a moment")
            for kind in _KINDS:
                for record in page.records:
                    await primero.transitions(kind, record.id)
                    typer.echo(f"primero: shows {kind}")
        except (Away, Unfit) as reason:
            faults.append(str(reason))
    async with settings.node(here) as node:
        try:
            for country, address in told.profile.recipients.items():
                lands = await node.landing(country.lower(), "case")
                also = "" if lands == address else f"; the directory lands a notification at {lands}"
                typer.echo(f"node: {country} is {address}{also}")
        except (Problem, NodeUnreachable) as reason:
            faults.append(f"node: {getattr(reason, 'code', 'unreachable')}")
    return faults


_KINDS: tuple[Kind, Kind] = ("referrals", "transfers")


@commands.command("understand")
def _understand(
    settings: SettingsFile,
    name: Annotated[str, typer.Argument(help="A referral or transfer, as set-aside list names it.")],
) -> None:
    """What became of each field of a referral's record: by name, and never what stands in it."""
    found = read_settings(settings)
    try:
        lines = asyncio.run(_understood(found, name))
    except (SettingsError, Away, Unfit) as reason:
        fail(str(reason))
    for line in lines:
        typer.echo(line)


async def _understood(settings: Settings, name: str) -> list[str]:
    told = own.read(settings)
    kind, _, rest = name.partition("@")[0].partition(":")
    record, _, id_ = rest.partition(":")
    if kind not in _KINDS or not id_:
        raise SettingsError("expected referrals:<record>:<id> or transfers:<record>:<id>")
    async with Primero(told.url, told.user, told.password, now=steady) as primero:
        of: Kind = "transfers" if kind == "transfers" else "referrals"
        transition = await primero.transition(of, record, id_)
        fields = await primero.case(record, fields_for(told.profile))
    notes = understand(fields, transition, told.profile).notes
    return sorted({f"{note.standing:10}  {note.name}" for note in notes})
