"""`focalpoint directory entry`: sign what this State says of its own node and authorities."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from service.access import pairs
from service.cli.at_key_desk import AsOption, DryRunOption, propose_at_the_machine
from service.cli.at_node import ConfigOption, NetworkOption, NodeOption, keystore_of, settings_of
from service.cli.moments import moment_with_zone
from service.cli.root_key import RootKeyOption, RootPassphraseOption, root_signing_key
from service.clock import clock_of
from service.directory.facts_file import facts_of_last, read_facts
from service.directory.machine_proposals import started
from service.directory.own_entries import Planned, key_that_signed
from service.directory.own_state import planned_entries
from service.directory.publish import read_entries
from service.directory.publishing import digest_of
from service.errors import Conflict
from service.keystore import FileKeyStore

__all__ = ["sign_entries"]


def sign_entries(
    facts: Annotated[
        Path | None,
        typer.Option(
            help="What is to be said, TOML or JSON. Without it: what is said now, with today's keys."
        ),
    ] = None,
    revoke: Annotated[
        list[str] | None,
        typer.Option(help="KID=2027-01-31T12:00Z: nothing of that key counts from then on. Repeatable."),
    ] = None,
    dry_run: DryRunOption = False,
    by: AsOption = None,
    root_key: RootKeyOption = None,
    root_passphrase_file: RootPassphraseOption = None,
    config: ConfigOption = None,
    network: NetworkOption = None,
    node: NodeOption = None,
) -> None:
    """Sign the entries that are new or changed. Before the node's first start they lie where it takes them
    from; afterwards another administrator approves each, and the node publishes it without a restart. After
    `keys generate OWNER --replace` it lists the new key beside the old."""
    settings = settings_of(config, network, node)
    keys, last = keystore_of(settings), read_entries(settings.data_dir)
    said = read_facts(facts, node=settings.node, state=settings.state) if facts else facts_of_last(last)
    if said is None:
        raise typer.BadParameter("there is no entry yet: say what it shall hold", param_hint="--facts")
    now = clock_of(settings).now()
    cut_offs = _cut_offs(revoke or [], keys)
    planned = planned_entries(settings, keys, said, last, now, revoked=cut_offs)
    due = [one for one in planned if _shown(one, now)]
    for path in sorted(set(last) - {one.path for one in planned}):
        typer.echo(f"{path}: left as it is")
    if dry_run or not due:
        typer.echo("Nothing was signed." if due else "Nothing to sign.", err=True)
        return
    if started(settings) and not (by or "").strip():
        raise typer.BadParameter("the node has been started: say who proposes this", param_hint="--as")
    root = root_signing_key(keys, root_key, root_passphrase_file)
    if any(key_that_signed(token) != root.kid for token in last.values()):
        typer.echo(f"The root key {root.kid} is another than before: is it in the admission?", err=True)
    if started(settings):
        assert by is not None
        for one in due:
            base = digest_of(last[one.path]) if one.path in last else ""
            propose_at_the_machine(
                settings,
                pairs.DIRECTORY_ACTION,
                one.path,
                by=by,
                now=now,
                facts={"act": "publish"},
                act={"entries": {one.path: one.signed(root, now)}, "bases": {one.path: base}},
                preview=one.changes(now),
            )
        return
    for one in due:
        one.sign(root, settings.data_dir, now)
    typer.echo(
        f"Signed: {len(due)}. A running node brings them to the hub within"
        f" {settings.directory_check_seconds:g} seconds; other States believe them once a snapshot lists"
        " them.",
        err=True,
    )


def _shown(planned: Planned, now: datetime) -> bool:
    changes = planned.changes(now)
    typer.echo(f"{planned.path}: {'' if changes else 'unchanged'}".rstrip())
    for change in changes:
        typer.echo(f"  {change}")
    return bool(changes)


def _cut_offs(texts: list[str], keys: FileKeyStore) -> dict[str, datetime]:
    standing = {entry.kid: entry for entry in keys.entries() if entry.kind == "sign"}
    cut_offs: dict[str, datetime] = {}
    for text in texts:
        kid, _, moment = text.partition("=")
        cut_off = moment_with_zone(moment)
        if cut_off is None or kid not in standing:
            raise typer.BadParameter(
                "expected KID=2027-01-31T12:00Z, a key that `keys list` shows as signing",
                param_hint="--revoke",
            )
        if standing[kid].current:
            raise Conflict("keystore.key_current", f"key {kid} is in use; add its successor first")
        cut_offs[kid] = min(cut_off, cut_offs.get(kid, cut_off))
    return cut_offs
