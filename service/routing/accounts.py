"""The hub's configuration as text: who may do what, tied by the server itself to the account that asks.

One account `FP` owns all JetStream. Each State is an account of its own without JetStream, and imports narrow
services from FP. Never several States as users of one account, however tight their permissions: the server
does not check a client's *reply* subject and answers with the account's own authority, so a State could
have the server delete another's inbox or forge mail into it. At an account border the reply is rewritten,
and every such attempt fails. tests/service/test_hub_attacks.py holds both halves of that claim.

    what                                      who is tied in                    token
    fp.v1.<to>.<from>.env                     the sender                        4
    $JS.API.CONSUMER.MSG.NEXT.<inbox>.node    the inbox's owner                 6
    $JS.ACK.<inbox>.node.…                    the inbox's owner                 3
    $JS.ACK._.<hash>.<inbox>.node.…           the same, in the second form      5
    $KV.DIR.<writer>.…                        the writer                        3
    $JS.API.DIRECT.GET.KV_DIR                 anybody may read the directory
    fp.dir.…                                  anybody may hear that it changed

Acknowledgement subjects are written out token by token and never end in `>`: both forms are in use (the
second with the server's `js_ack_fc_v2`), and a `>` would let the one form be read as the other, with
another inbox named in it. CONSUMER.CREATE and STREAM.* are exported to nobody; the hub provisions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.identifiers import NodeCode
from service.routing.subjects import CHANGED, CONSUMER, DIRECTORY_STREAM, HUB_ACCOUNT, SYSTEM_ACCOUNT

__all__ = ["HEADERS", "HubSettings", "accounts", "configuration", "exports", "imports"]

HEADERS = 4_096
"""Bytes that may stand around an envelope: subject, reply and headers of NATS."""

_FIVE_TOKENS = "*.*.*.*.*"
"""Delivered, stream sequence, consumer sequence, time, pending: what follows the consumer in both ACK
forms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """What a hub is run with. Sizes in bytes."""

    port: int
    host: str = "127.0.0.1"
    store: Path
    max_payload: int
    """Of one message, the envelope with its headers."""
    max_store: int = 64 << 30
    """What all streams together may reserve on disk."""
    sync_always: bool = False
    """Flush to disk before each acknowledgement. A single hub need not pay for it: the sender's outbox
    repeats whatever the hub loses. A cluster at R3 hardly notices."""
    acknowledgement_v2: bool = False


def exports() -> tuple[str, ...]:
    """What FP offers. Each line names the token that must equal the importing account's name."""
    return (
        "{ service: 'fp.v1.*.*.env', account_token_position: 4 }",
        f"{{ service: '$JS.API.CONSUMER.MSG.NEXT.*.{CONSUMER}', account_token_position: 6,"
        " response_type: stream }",
        f"{{ service: '$JS.ACK.*.{CONSUMER}.{_FIVE_TOKENS}', account_token_position: 3 }}",
        f"{{ service: '$JS.ACK._.*.*.{CONSUMER}.{_FIVE_TOKENS}', account_token_position: 5 }}",
        "{ service: '$KV.DIR.*.>', account_token_position: 3 }",
        f"{{ service: '$JS.API.DIRECT.GET.{DIRECTORY_STREAM}', response_type: stream }}",
        f"{{ stream: '{CHANGED}.>' }}",
    )


def imports(code: NodeCode) -> tuple[str, ...]:
    """What one member may use of it, and nothing else."""
    services = (
        f"fp.v1.*.{code}.env",
        f"$JS.API.CONSUMER.MSG.NEXT.{code}.{CONSUMER}",
        f"$JS.ACK.{code}.{CONSUMER}.{_FIVE_TOKENS}",
        f"$JS.ACK._.*.{code}.{CONSUMER}.{_FIVE_TOKENS}",
        f"$KV.DIR.{code}.>",
        f"$JS.API.DIRECT.GET.{DIRECTORY_STREAM}",
    )
    return (
        *(f"{{ service: {{ account: {HUB_ACCOUNT}, subject: '{subject}' }} }}" for subject in services),
        f"{{ stream: {{ account: {HUB_ACCOUNT}, subject: '{CHANGED}.>' }} }}",
    )


def configuration(
    settings: HubSettings, *, members: Mapping[NodeCode, str], hub_key: str, system_key: str
) -> str:
    """The whole file. `members` and the two keys are public nkeys (`U…`); no secret stands in it.

    Files with it are kept 0600 all the same: it names who takes part.
    """
    return f"""\
# Written by Focalpoint; changes are overwritten.
server_name: focalpoint-hub
listen: {json.dumps(f"{settings.host}:{settings.port}")}
max_payload: {settings.max_payload}
max_connections: 10000
write_deadline: "5s"
ping_interval: "10s"
logtime: true
jetstream {{
  store_dir: {json.dumps(str(settings.store))}
  max_file_store: {settings.max_store}
  {'sync_interval: "always"' if settings.sync_always else ""}
}}
{"feature_flags { js_ack_fc_v2: true }" if settings.acknowledgement_v2 else ""}
{accounts(members, hub_key=hub_key, system_key=system_key)}"""


def accounts(members: Mapping[NodeCode, str], *, hub_key: str, system_key: str) -> str:
    """The part that says who may do what. Keys are public nkeys (`U…`)."""
    of_members = "\n".join(_account(code, key) for code, key in sorted(members.items()))
    return f"""\
system_account: {SYSTEM_ACCOUNT}
accounts {{
  {SYSTEM_ACCOUNT} {{ users: [ {{ nkey: {system_key} }} ] }}
  {HUB_ACCOUNT} {{
    jetstream: enabled
    users: [ {{ nkey: {hub_key} }} ]
    exports: [
{_lines(exports())}
    ]
  }}
{of_members}
}}
"""


def _account(code: NodeCode, key: str) -> str:
    return f"""\
  {json.dumps(code)} {{
    users: [ {{ nkey: {key} }} ]
    imports: [
{_lines(imports(code))}
    ]
  }}"""


def _lines(entries: tuple[str, ...]) -> str:
    return "\n".join(f"      {entry}" for entry in entries)
