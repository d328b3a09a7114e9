"""`focalpoint registrar`: what the network's keepers decide, as a ceremony, and the snapshots over it.

registrar key keeper-1.pem > keeper-1.json            each keeper, on a machine of its own
registrar charter proposal.json --network … --key keeper-1.json …
registrar sign proposal.json --key keeper-1.pem       each keeper in turn, shown what it means
registrar publish proposal.json --papers DIR          once enough have signed
registrar snapshot --papers DIR --hub-url …           the one that runs on
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from protocol.claims import Claims
from protocol.directory import KeyRecord, key_record
from protocol.directory.entries import read_keys
from protocol.errors import NotAcceptable
from protocol.statements import LocalSigningKey, VerifyKey
from service.cli.root_key import RootPassphraseOption, root_passphrase
from service.clock import SystemClock
from service.directory.ceremony import (
    Proposal,
    effect,
    file,
    propose_admission,
    propose_charter,
    propose_readmission,
    propose_rotation,
    propose_suspension,
    read_proposal,
    signers,
)
from service.directory.own_keys import KeyLives, spans
from service.directory.papers import Papers, read_papers, snapshot_file
from service.directory.registrar import Registrar
from service.errors import Conflict, Misconfigured, Unavailable
from service.logs import configure
from service.private_files import write_private
from service.random_source import SystemRandomSource
from service.root_key_file import read_root_key, write_root_key
from service.routing.nats import HubLink
from service.routing.subjects import NETWORK_WRITER

registrar_app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Found a network, admit and suspend its members, hand it over: what its keepers decide.",
)

Target = Annotated[Path, typer.Argument(help="The proposal. It holds no secret.")]
PapersOption = Annotated[Path, typer.Option("--papers", help="The directory with the network's papers.")]
MaybePapers = Annotated[
    Path | None, typer.Option("--papers", help="The network's papers, to show what would change.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and stop.")]
Keys = Annotated[
    list[Path] | None, typer.Option("--key", help="A keeper's public key, as `registrar key` printed it.")
]
SnapshotKeys = Annotated[
    list[Path] | None, typer.Option("--snapshot-key", help="The public key that signs snapshots.")
]
Years = Annotated[int, typer.Option(help="How long it is good.", min=1, max=20)]

_LIVES = KeyLives(signs=timedelta(days=5 * 365), verifies=timedelta(days=10 * 365))
_YEAR = timedelta(days=365)
_CONNECT_WITHIN = 10.0


@registrar_app.command()
def key(
    secret: Annotated[Path, typer.Argument(help="Where the encrypted key goes; it must not exist.")],
    passphrase_file: RootPassphraseOption = None,
) -> None:
    """Make a keeper's key, or one for snapshots. Printed is the public half, to pass on."""
    if secret.exists():
        raise Conflict("keystore.exists", f"{secret} is there already; name another file")
    made = LocalSigningKey.from_seed(None, SystemRandomSource().bytes(32))
    write_root_key(secret, made, root_passphrase(passphrase_file, twice=True))
    record: KeyRecord = key_record(made.public, **spans(SystemClock().now(), _LIVES))
    typer.echo(json.dumps(record.to_json()))


@registrar_app.command()
def charter(
    target: Target,
    network: Annotated[str, typer.Option(help="The network's name.")],
    threshold: Annotated[int, typer.Option(help="How many keepers have to sign; two at least.")],
    keys: Keys = None,
    snapshot_key: SnapshotKeys = None,
    years: Years = 10,
    dry_run: DryRun = False,
) -> None:
    """Propose a network's first charter."""
    proposal = propose_charter(
        network=network,
        keys=_keepers(keys),
        threshold=threshold,
        snapshot_keys=_records(snapshot_key),
        now=SystemClock().now(),
        lasts=years * _YEAR,
    )
    _propose(target, proposal, None, dry_run=dry_run)


@registrar_app.command("rotate-charter")
def rotate_charter(
    target: Target,
    papers: PapersOption,
    threshold: Annotated[int | None, typer.Option(help="How many keepers; as before without it.")] = None,
    keys: Keys = None,
    snapshot_key: SnapshotKeys = None,
    without: Annotated[
        list[str] | None, typer.Option(help="A member that is not taken over. Repeatable.")
    ] = None,
    years: Years = 10,
    dry_run: DryRun = False,
) -> None:
    """Propose the next charter. Enough of the former keepers and of the new ones have to sign it."""
    filed = read_papers(papers)
    proposal = propose_rotation(
        filed,
        now=SystemClock().now(),
        lasts=years * _YEAR,
        keys=_keepers(keys),
        threshold=threshold,
        snapshot_keys=_records(snapshot_key),
        without=without or (),
    )
    _propose(target, proposal, filed, dry_run=dry_run)


@registrar_app.command()
def admit(
    target: Target,
    papers: PapersOption,
    request: Annotated[Path, typer.Option(help="What `focalpoint node init` printed.")],
    years: Years = 5,
    dry_run: DryRun = False,
) -> None:
    """Propose to admit a member; or, of one that is admitted, to add a root key or a node."""
    filed = read_papers(papers)
    proposal = propose_admission(filed, _json(request), now=SystemClock().now(), lasts=years * _YEAR)
    _propose(target, proposal, filed, dry_run=dry_run)


@registrar_app.command()
def suspend(
    target: Target,
    papers: PapersOption,
    member: Annotated[str, typer.Option(help="Such as ro.")],
    dry_run: DryRun = False,
) -> None:
    """Propose to suspend a member: no node sends to it or takes from it until it is readmitted."""
    filed = read_papers(papers)
    _propose(target, propose_suspension(filed, member, now=SystemClock().now()), filed, dry_run=dry_run)


@registrar_app.command()
def readmit(
    target: Target,
    papers: PapersOption,
    member: Annotated[str, typer.Option(help="Such as ro.")],
    dry_run: DryRun = False,
) -> None:
    """Propose to readmit a suspended member."""
    filed = read_papers(papers)
    _propose(target, propose_readmission(filed, member, now=SystemClock().now()), filed, dry_run=dry_run)


@registrar_app.command()
def show(target: Target, papers: MaybePapers = None) -> None:
    """What a proposal means, and whose signatures it still needs."""
    _show(_read(target), read_papers(papers) if papers else None)


@registrar_app.command()
def sign(
    target: Target,
    key_file: Annotated[Path, typer.Option("--key", help="This keeper's encrypted key.")],
    papers: MaybePapers = None,
    passphrase_file: RootPassphraseOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Sign a proposal, after it was shown what it means. The file is changed in place."""
    proposal, filed = _read(target), read_papers(papers) if papers else None
    _show(proposal, filed)
    if dry_run or not (yes or typer.confirm("Sign this?", err=True)):
        typer.echo("Nothing was signed.", err=True)
        return
    signed = proposal.signed(read_root_key(key_file, root_passphrase(passphrase_file, twice=False)))
    write_private(target, signed.text().encode())
    _missing(signed, filed)


@registrar_app.command()
def publish(
    target: Annotated[
        list[Path], typer.Argument(help="The proposal; several files where keepers signed apart.")
    ],
    papers: PapersOption,
    dry_run: DryRun = False,
) -> None:
    """File what enough keepers have signed. A running `registrar snapshot` takes it up at its next look."""
    proposal, *others = [_read(one) for one in target]
    for other in others:
        proposal = proposal.with_signatures_of(other)
    filed = read_papers(papers) if (papers / "charter.json").exists() else None
    _show(proposal, filed)
    lacking = [who for who, have, need in signers(proposal, filed) if len(have) < need]
    if lacking:
        raise NotAcceptable(
            "directory.below_threshold", f"too few of the {' and of the '.join(lacking)} signed"
        )
    if dry_run:
        typer.echo("Nothing was filed.", err=True)
        return
    file(papers, proposal)
    typer.echo("Filed.", err=True)


@registrar_app.command()
def snapshot(
    papers: PapersOption,
    hub_url: Annotated[str, typer.Option(help="tls://host:port of the hub.")],
    seed_file: Annotated[Path, typer.Option(help="Seed of the hub's own account.")],
    snapshot_key: Annotated[Path, typer.Option("--snapshot-key", help="The encrypted key for snapshots.")],
    passphrase_file: RootPassphraseOption = None,
    ca_file: Annotated[Path | None, typer.Option(help="PEM, when no public authority signed.")] = None,
    days: Annotated[int, typer.Option(help="How long nodes go on without a newer one.", min=1, max=60)] = 7,
    once: Annotated[bool, typer.Option("--once", help="Look once, sign if need be, and stop.")] = False,
) -> None:
    """Put the papers at the hub and sign snapshots over what the members say, until stopped."""
    signing = read_root_key(snapshot_key, root_passphrase(passphrase_file, twice=False))
    log = configure()

    async def run() -> None:
        link = HubLink(
            hub_url, code=NETWORK_WRITER, seed=seed_file.read_text().strip(), log=log, ca_file=ca_file
        )
        async with link:
            if not await link.wait_connected(_CONNECT_WITHIN):
                raise Unavailable("hub.unreachable", f"the hub did not answer at {hub_url}")
            registrar = Registrar(
                link,
                papers=lambda: read_papers(papers),
                snapshot_key=signing,
                state_file=snapshot_file(papers),
                clock=SystemClock(),
                log=log,
                lasts=timedelta(days=days),
            )
            if not once:
                await registrar.run()
            signed = await registrar.round()
            typer.echo(f"snapshot {signed.sequence}, good until {signed.expires_at:%Y-%m-%d %H:%M} UTC")

    asyncio.run(run())


def _propose(target: Path, proposal: Proposal, papers: Papers | None, *, dry_run: bool) -> None:
    _show(proposal, papers)
    if dry_run:
        typer.echo("Nothing was written.", err=True)
        return
    if target.exists():
        raise Conflict("keystore.exists", f"{target} is there already; name another file")
    write_private(target, proposal.text().encode())


def _show(proposal: Proposal, papers: Papers | None) -> None:
    for line in effect(proposal, papers):
        typer.echo(line)
    _missing(proposal, papers)


def _missing(proposal: Proposal, papers: Papers | None) -> None:
    for who, have, need in signers(proposal, papers):
        typer.echo(f"Signed by {len(have)} of the {who}, {need} are needed", err=True)


def _read(path: Path) -> Proposal:
    try:
        return read_proposal(path.read_text(encoding="utf-8"))
    except OSError as reason:
        raise Misconfigured("settings.unreadable", f"{path} cannot be read: {reason.strerror}") from reason
    except UnicodeDecodeError as reason:
        raise Misconfigured("settings.unreadable", f"{path} is no proposal: it is not UTF-8") from reason


def _json(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as reason:
        raise Misconfigured("settings.unreadable", f"{path} is no JSON that can be read") from reason
    if not isinstance(value, dict):
        raise Misconfigured("settings.unreadable", f"{path} holds no object")
    return value


def _records(paths: Sequence[Path] | None) -> list[KeyRecord]:
    keys = [_json(path) for path in paths or ()]
    return list(read_keys(Claims({"keys": keys}, code="directory.malformed")))


def _keepers(paths: Sequence[Path] | None) -> list[VerifyKey]:
    return [record.verify_key() for record in _records(paths)]
