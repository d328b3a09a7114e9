"""`focalpoint doctor`: look a node over on its own machine, and say for each thing what to do about it.

It reads and asks, and changes nothing. What it says names files, settings and codes: never content, never a
secret.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import httpx
import typer
from sqlalchemy import Row, text

from protocol.directory import Directory, Freshness
from protocol.errors import FocalpointError
from service.cli.at_node import ConfigOption, NetworkOption, NodeOption, keystore_of, settings_file
from service.cli.proven import last_good, silent
from service.clock import SystemClock, clock_of
from service.errors import Misconfigured, NotFound
from service.keystore import API_TOKEN, FileKeyStore
from service.monitor.key_lives import FEW_AHEAD, endings
from service.ports import SealingPurpose
from service.routing.nats import HubLink
from service.settings import Settings, load
from service.store import comparisons
from service.store.engine import database_file, open_engine
from service.store.migrate import current_revision, newest_revision

__all__ = ["Check", "doctor_app", "examine"]

doctor_app = typer.Typer(add_completion=False)

type Outcome = Literal["good", "look", "wrong"]

_SOMETHING_WRONG: Final = 1
_PURPOSES: Final[tuple[SealingPurpose, ...]] = ("content", "identity")
_CLOCKS_APART: Final = timedelta(minutes=5)
"""How far two nodes' clocks may differ before the one refuses what the other sends (`protocol.opening`)."""
_PRAGMAS: Final = {
    "journal_mode": ("wal", "readers and the writer do not block each other"),
    "synchronous": ("2", "a commit survives the loss of power"),
    "foreign_keys": ("1", "no row without the one it belongs to"),
    "secure_delete": ("1", "what is deleted is overwritten"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `advice` is there unless it is good."""

    name: str
    outcome: Outcome
    says: str
    advice: str = ""


@doctor_app.command()
def doctor(
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for the hub, and for the API.")] = 5.0,
) -> None:
    """Check settings, key files, charter, database, directory, clock, hub and API.

    Exit status 1 when something is wrong. Run it on the node's machine, as the user that the node runs as.
    """
    colours = {"good": typer.colors.GREEN, "look": typer.colors.YELLOW, "wrong": typer.colors.RED}
    worst = False
    for check in examine(settings_file(config, network, node), patience=patience):
        typer.secho(f"{check.outcome:<6}", fg=colours[check.outcome], nl=False)
        typer.echo(f"{check.name:<20} {check.says}")
        if check.advice:
            typer.echo(f"{'':<26} -> {check.advice}")
        worst = worst or check.outcome == "wrong"
    if worst:
        raise typer.Exit(_SOMETHING_WRONG)


def examine(settings_path: Path, *, patience: float) -> Iterator[Check]:
    """Every check that can be made, in order. What depends on something wrong is left out.

    `patience`: seconds to wait for the hub, and for the API.
    """
    try:
        settings = load(settings_path, os.environ)
    except Misconfigured as reason:
        yield _wrong("settings", reason, "correct the settings file; every knob is in service/settings.py")
        return
    yield Check(name="settings", outcome="good", says=f"node {settings.node} of State {settings.state}")
    now = clock_of(settings).now()
    yield from _files(settings_path, settings)
    yield from _keys(settings)
    yield from _database(settings)
    directory = None
    for check, found in _directory(settings, now):
        directory = found
        yield check
    if directory is not None:
        yield _clock(directory, now)
        yield from _endings(settings, directory, now)
    yield asyncio.run(_hub(settings, patience))
    yield from asyncio.run(_api(settings, patience))


def _files(settings_path: Path, settings: Settings) -> Iterator[Check]:
    """Secrets have to be their owner's alone."""
    private = [
        (settings_path, 0o600),
        (settings.data_dir, 0o700),
        (settings.keystore_dir, 0o700),
        (settings.passphrase_file, 0o600),
        (settings.hub_seed_file, 0o600),
        *((file, 0o600) for file in sorted(settings.keystore_dir.glob("*")) if file.is_file()),
    ]
    database = database_file(settings.database)
    if database is not None and database.exists():
        private.append((database, 0o600))
    faults = 0
    for path, wanted in private:
        try:
            open_to_others = stat.S_IMODE(path.stat().st_mode) & 0o077
        except OSError as reason:
            faults += 1
            yield Check(
                name="files",
                outcome="wrong",
                says=f"{path} cannot be looked at: {reason.strerror}",
                advice="make it, name its right place in the settings, or run this as the node's own user",
            )
            continue
        if open_to_others:
            faults += 1
            yield Check(
                name="files",
                outcome="wrong",
                says=f"{path} is open to other users of this machine",
                advice=f"chmod {wanted:o} {path}; if others use this machine, replace the keys",
            )
    if not faults:
        yield Check(name="files", outcome="good", says=f"{len(private)} private files, open to nobody else")


def _keys(settings: Settings) -> Iterator[Check]:
    try:
        store = keystore_of(settings)
    except FocalpointError as reason:
        yield _wrong(
            "keys", reason, "name the right keystore and passphrase file, or bring back their backup"
        )
        return
    owners = {entry.owner for entry in store.entries() if entry.current}
    missing = [owner for owner in (settings.node, API_TOKEN) if owner not in owners]
    missing += [f"--seal {purpose}" for purpose in _PURPOSES if not _seals(store, purpose)]
    for one in missing:
        yield Check(
            name="keys", outcome="wrong", says=f"no key for {one}", advice=f"focalpoint keys generate {one}"
        )
    if not missing:
        for entry in store.outside_module():
            if entry.current:
                yield Check(
                    name="keys",
                    outcome="look",
                    says=f"the signing key of {entry.owner} lies in a file, not in the hardware module",
                    advice=f"focalpoint keys rotate {entry.owner}",
                )
        signing = sum(entry.kind == "sign" and entry.current for entry in store.entries())
        yield Check(
            name="keys", outcome="good", says=f"the keystore opens; {signing} signing keys are current"
        )


def _seals(store: FileKeyStore, purpose: SealingPurpose) -> bool:
    try:
        store.current_sealing_kid(purpose)
    except NotFound:
        return False
    return True


def _database(settings: Settings) -> Iterator[Check]:
    file = database_file(settings.database)
    if file is not None and not file.exists():
        yield Check(
            name="database",
            outcome="look",
            says="there is none yet",
            advice="the node makes it at its first start",
        )
        return
    try:
        engine = open_engine(settings.database, read_only=True)
        try:
            at, newest = current_revision(engine), newest_revision()
            with engine.connect() as connection:
                pragmas = {
                    name: str(connection.execute(text(f"PRAGMA {name}")).scalar())
                    for name in (_PRAGMAS if file is not None else ())
                }
                compared = comparisons.all_of(connection) if at == newest else ()
        finally:
            engine.dispose()
    except Exception as reason:  # noqa: BLE001 - whatever the driver says; its text may quote the URL
        yield _wrong("database", reason, "name the right database, and see that it can be opened")
        return
    if at != newest:
        yield Check(
            name="database",
            outcome="look",
            says=f"its tables are of revision {at}, this release's of {newest}",
            advice="the node brings them forward at its start; a newer one needs a newer release",
        )
    wrong = {name: value for name, value in pragmas.items() if value != _PRAGMAS[name][0]}
    for name, value in wrong.items():
        yield Check(
            name="database",
            outcome="wrong",
            says=f"{name} is {value}, not {_PRAGMAS[name][0]}: {_PRAGMAS[name][1]}",
            advice="put the database on a local disk that supports it",
        )
    if at == newest and not wrong:
        promised = ", ".join(f"{name}={value}" for name, value in pragmas.items())
        yield Check(
            name="database", outcome="good", says=f"revision {at}{', ' if promised else ''}{promised}"
        )
        yield from _split_views(compared)


def _split_views(compared: Sequence[Row[Any]]) -> Iterator[Check]:
    """What other States' nodes said of their directory when they last told ours."""
    split = [row for row in compared if row.outcome == "split"]
    for row in split:
        named = ", ".join((row.differing or "").splitlines())
        since = "" if row.since is None else f" since snapshot {row.since}"
        yield Check(
            name="split view",
            outcome="wrong",
            says=f"{row.peer} sees another directory than this node{since}: "
            + (named or "which entry differs is not known yet"),
            advice=f"call {row.peer} and the registrar at once, and compare the entry by a way that does not"
            " pass the hub; send nothing to whom it is about until it is explained"
            if named
            else f"call {row.peer} and the registrar at once; the entry is named when {row.peer} answers",
        )
    if compared and not split:
        yield Check(
            name="split view", outcome="good", says=f"{len(compared)} peers compared, each sees the same"
        )


def _directory(settings: Settings, now: datetime) -> Iterator[tuple[Check, Directory | None]]:
    """The last good directory in the store, verified down to the charter of the settings."""
    file = database_file(settings.database)
    if file is not None and not file.exists():
        return
    try:
        directory = last_good(settings)
    except Exception as reason:  # noqa: BLE001 - an unreadable database says so in many ways
        advice = "compare `charter_digest` with what you were given out of band; see the node's log"
        yield _wrong("directory", reason, advice), None
        return
    if directory is None:
        yield (
            Check(
                name="directory",
                outcome="wrong",
                says="no directory has come from the hub yet",
                advice="start the node and see that it reaches the hub",
            ),
            None,
        )
        return
    yield (
        Check(name="charter", outcome="good", says="the directory is of the charter in the settings"),
        directory,
    )
    yield _freshness(directory, now), directory
    if settings.node not in {entry.code for entry in directory.nodes()}:
        yield (
            Check(
                name="directory",
                outcome="wrong",
                says=f"it has no node {settings.node}",
                advice="publish this node's entry; ask the registrar whether the State is admitted",
            ),
            directory,
        )


def _freshness(directory: Directory, now: datetime) -> Check:
    freshness: Freshness = directory.freshness(now)
    outcomes: dict[Freshness, Outcome] = {"good": "good", "half-life": "look", "expired": "wrong"}
    advice: dict[Freshness, str] = {
        "good": "",
        "half-life": "no newer snapshot has come for long: see that the hub is reached, tell the registrar",
        "expired": "nothing goes out or comes in until a newer one comes: reach the hub, call the registrar",
    }
    snapshot = directory.snapshot
    return Check(
        name="directory",
        outcome=outcomes[freshness],
        says=f"snapshot {snapshot.sequence}, good until {snapshot.expires_at:%Y-%m-%d %H:%M} UTC",
        advice=advice[freshness],
    )


def _endings(settings: Settings, directory: Directory, now: datetime) -> Iterator[Check]:
    """What everybody's directory says of this State's keys and entries, and which of it ends soon."""
    found = list(endings(directory, settings.node, now))
    due = [one for one in found if one.due]
    for one in due:
        if one.ahead is not None:
            says = f"{one.ahead} identity keys of {one.owner} are listed ahead, fewer than {FEW_AHEAD}"
            advice = "focalpoint keys rotate identity: after the last one they are no longer short-lived"
        elif one.what == "entry":
            says = f"the entry of {one.owner} {'ends' if one.at > now else 'ended'} on {one.at:%Y-%m-%d}"
            advice = f"focalpoint keys publish {one.owner}: nothing reaches or leaves it afterwards"
        elif one.what in ("admission", "state-root"):
            named = "the admission" if one.what == "admission" else "the last root key"
            says = f"{named} of {one.owner} ends on {one.at:%Y-%m-%d}"
            advice = "ask the network's keepers to admit it anew: docs/operations/keys.md says how"
        else:
            owner = "content" if one.what == "seal-content" else one.owner
            says = f"the last {one.what} key of {one.owner} ends on {one.at:%Y-%m-%d}"
            advice = f"focalpoint keys rotate {owner}"
        outcome: Outcome = "wrong" if one.at <= now else "look"
        yield Check(name="key lives", outcome=outcome, says=says, advice=advice)
    if found and not due:
        first = min(one.at for one in found if one.ahead is None)
        yield Check(name="key lives", outcome="good", says=f"nothing ends before {first:%Y-%m-%d}")


def _clock(directory: Directory, now: datetime) -> Check:
    if directory.snapshot.issued_at > now + _CLOCKS_APART:
        return Check(
            name="clock",
            outcome="wrong",
            says="this machine's clock is before the directory's last snapshot was signed",
            advice="set the clock and keep it with NTP: peers refuse what is dated more than 5 minutes ahead",
        )
    return Check(name="clock", outcome="good", says=f"{now:%Y-%m-%d %H:%M:%S} UTC, after the last snapshot")


async def _hub(settings: Settings, patience: float) -> Check:
    """A second connection beside the node's own, with its credentials; it subscribes to nothing of the
    mailbox."""
    try:
        seed = settings.hub_seed_file.read_text(encoding="ascii").strip()
        link = HubLink(settings.hub_url, code=settings.node, seed=seed, log=silent())
        async with link:
            reached = await link.wait_connected(patience)
    except Exception as reason:  # noqa: BLE001 - the client library's own errors are many
        return _wrong("hub", reason, "see that the seed file holds this node's own NKey seed")
    if not reached:
        return Check(
            name="hub",
            outcome="wrong",
            says=f"not reached, or it does not know this node ({settings.hub_url})",
            advice="see that the hub runs, that the way to it is open and that it admits this node's key;"
            " messages wait safely in the outbox meanwhile",
        )
    return Check(name="hub", outcome="good", says=f"reached as {settings.node} ({settings.hub_url})")


async def _api(settings: Settings, patience: float) -> list[Check]:
    try:
        async with httpx.AsyncClient(base_url=settings.audience, timeout=patience) as client:
            answer = await client.get("/readyz")
    except httpx.HTTPError:
        return [
            Check(
                name="api",
                outcome="look",
                says=f"nobody answers at {settings.audience}",
                advice="start the node: focalpoint node run --config FILE",
            )
        ]
    checks = [_readiness(answer)]
    if (date := answer.headers.get("date")) is not None:
        apart = abs(parsedate_to_datetime(date) - SystemClock().now())
        if apart > _CLOCKS_APART:
            checks.append(
                Check(
                    name="clock",
                    outcome="wrong",
                    says=f"the API's clock and this one are {apart} apart",
                    advice="set both with NTP",
                )
            )
    return checks


def _readiness(answer: httpx.Response) -> Check:
    try:
        parts: dict[str, bool] = answer.json()["parts"]
    except (ValueError, KeyError, TypeError):
        return Check(
            name="api",
            outcome="wrong",
            says="something answers that is not a node",
            advice="another program has the port: change `api_port`, or stop it",
        )
    failing = [name for name, works in parts.items() if not works]
    if failing:
        return Check(
            name="api",
            outcome="wrong",
            says=f"running, and not ready: {', '.join(failing)}",
            advice="see the checks above and the node's log",
        )
    return Check(name="api", outcome="good", says=f"ready: {', '.join(parts)}")


def _wrong(name: str, reason: Exception, advice: str) -> Check:
    # Of what is not our own, the kind alone: its text may quote a URL with a password.
    known = isinstance(reason, FocalpointError)
    return Check(
        name=name, outcome="wrong", says=str(reason) if known else type(reason).__name__, advice=advice
    )
