"""What State `it` might try at the hub against State `ro`, each as one function of its connection.

The same functions run against the arrangement that we use, where nothing may change, and against one
account shared by several States, where they must show: an attack that cannot succeed anywhere proves
nothing.

What the hub is made to do is judged by `picture`: everything of `ro` that the hub holds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError

FORGED = b"bytes that it chose"
QUIET = 0.05
"""Seconds given to an attack to show. In the shared account it shows within two milliseconds."""


async def silent(_: Exception) -> None:
    """The caller sees the failure; nothing is printed."""


async def connect(url: str, **credentials: str) -> Client:
    client = Client()
    prefix = credentials.pop("inbox_prefix", "_INBOX")
    await client.connect(
        url,
        allow_reconnect=False,
        error_cb=silent,
        inbox_prefix=prefix,
        **credentials,  # type: ignore[arg-type]
    )
    return client


async def picture(hub: Client) -> dict[str, Any]:
    """All that is `ro`'s at the hub, in a form that can be compared."""
    js = hub.jetstream(timeout=2)
    seen: dict[str, Any] = {}
    try:
        stream = await js.stream_info("ro")
        seen["messages"] = [
            (message.subject, message.data)
            for sequence in range(stream.state.first_seq, stream.state.last_seq + 1)
            if (message := await _message(js, "ro", sequence))
        ]
        seen["consumers"] = sorted(consumer.name for consumer in await js.consumers_info("ro"))
        consumer = await js.consumer_info("ro", "node")
        seen["unacknowledged"] = consumer.num_ack_pending
        seen["delivered"] = consumer.delivered.consumer_seq if consumer.delivered else 0
    except APIError as reason:
        seen["inbox"] = f"gone: {reason.err_code}"
    directory = await js.stream_info("KV_DIR", subjects_filter="$KV.DIR.ro.>")
    seen["directory"] = dict(directory.state.subjects or {})
    seen["directory consumers"] = sorted(consumer.name for consumer in await js.consumers_info("KV_DIR"))
    return seen


async def _message(js: JetStreamContext, stream: str, sequence: int) -> Any:
    try:
        return await js.get_msg(stream, seq=sequence)
    except APIError:
        return None


# How the server can be brought to publish: the subject on which it answers is the client's to choose.


@dataclass(frozen=True)
class Carrier:
    """A request after which the server publishes to the request's reply subject."""

    name: str
    send: Callable[[Client, str, bytes], Awaitable[None]]


async def _by_publish(it: Client, reply: str, _: bytes) -> None:
    await it.publish("fp.v1.fr.it.env", b"an ordinary envelope", reply=reply)


async def _by_direct_get(it: Client, reply: str, body: bytes) -> None:
    await it.jetstream(timeout=1).publish("$KV.DIR.it.it.node.it", body)
    ask = json.dumps({"last_by_subj": "$KV.DIR.it.it.node.it"}).encode()
    await it.publish("$JS.API.DIRECT.GET.KV_DIR", ask, reply=reply)


async def _by_direct_get_of_several(it: Client, reply: str, body: bytes) -> None:
    await it.jetstream(timeout=1).publish("$KV.DIR.it.it.node.it", body)
    ask = json.dumps({"multi_last": ["$KV.DIR.it.>"]}).encode()
    await it.publish("$JS.API.DIRECT.GET.KV_DIR", ask, reply=reply)


async def _by_pull(it: Client, reply: str, body: bytes) -> None:
    await it.jetstream(timeout=1).publish("fp.v1.it.it.env", body)
    await it.publish("$JS.API.CONSUMER.MSG.NEXT.it.node", b'{"batch":50,"expires":30000000}', reply=reply)


async def _by_acknowledgement(it: Client, reply: str, body: bytes) -> None:
    own = await _pulled(it, body)
    await it.publish(own.reply, b"+ACK", reply=reply)


async def _by_acknowledgement_and_next(it: Client, reply: str, body: bytes) -> None:
    own = await _pulled(it, b"first")
    await it.jetstream(timeout=1).publish("fp.v1.it.it.env", body)
    await it.publish(own.reply, b'+NXT {"batch":1}', reply=reply)


async def _pulled(it: Client, body: bytes) -> Msg:
    """One message of `it`'s own inbox, whichever is next."""
    await it.jetstream(timeout=1).publish("fp.v1.it.it.env", body)
    inbox = it.new_inbox()
    mine = await it.subscribe(inbox)
    while True:
        await it.publish("$JS.API.CONSUMER.MSG.NEXT.it.node", b'{"batch":1,"expires":500000000}', reply=inbox)
        message = await mine.next_msg(timeout=2)
        if "Status" not in (message.headers or {}):
            await mine.unsubscribe()
            return message


CARRIERS = (
    Carrier("the acknowledgement of a publish", _by_publish),
    Carrier("a document read from the directory", _by_direct_get),
    Carrier("several documents read at once", _by_direct_get_of_several),
    Carrier("mail pulled from its own inbox", _by_pull),
    Carrier("the answer to an acknowledgement", _by_acknowledgement),
    Carrier("the next message after an acknowledgement", _by_acknowledgement_and_next),
)


@dataclass(frozen=True)
class Target:
    """Where a reply would do harm, and the body that would do it there."""

    name: str
    reply: str
    body: bytes = b"{}"


TARGETS = (
    Target("forge mail from fr", "fp.v1.ro.fr.env", FORGED),
    Target("delete the inbox", "$JS.API.STREAM.DELETE.ro", b""),
    Target("purge the inbox", "$JS.API.STREAM.PURGE.ro"),
    Target(
        "put a spy on the inbox",
        "$JS.API.CONSUMER.CREATE.ro",
        json.dumps(
            {
                "stream_name": "ro",
                "config": {"durable_name": "spy", "deliver_subject": "_INBOX_it.spy", "ack_policy": "none"},
            }
        ).encode(),
    ),
    Target("write the directory as ro", "$KV.DIR.ro.ro.node.ro", FORGED),
    Target("take ro's mail away", "$JS.API.CONSUMER.MSG.NEXT.ro.node"),
)


async def by_reply(it: Client, carrier: Carrier, target: Target) -> None:
    """Ask for something allowed, with a reply subject that is not."""
    await carrier.send(it, target.reply, target.body)
    await it.flush()
    await asyncio.sleep(QUIET)


# The plain attempts, each awaiting an answer that must not come.


def _published(subject: str, data: bytes = FORGED, **headers: str) -> Callable[[Client], Awaitable[object]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda it: it.jetstream(timeout=0.15).publish(subject, data, headers=named or None)


def _api(call: Callable[[JetStreamContext], Awaitable[object]]) -> Callable[[Client], Awaitable[object]]:
    return lambda it: call(it.jetstream(timeout=0.15))


def _asked(subject: str, data: bytes = b"{}") -> Callable[[Client], Awaitable[object]]:
    async def ask(it: Client) -> object:
        answer = await it.request(subject, data, timeout=0.15)
        if "Status" in (answer.headers or {}) or b'"error"' in answer.data:
            raise APIError(code=0, description="refused by the server")
        return answer.data

    return ask


DIRECT: dict[str, Callable[[Client], Awaitable[object]]] = {
    "publish as fr": _published("fp.v1.ro.fr.env"),
    "publish as ro itself": _published("fp.v1.ro.ro.env"),
    "publish another kind of message": _published("fp.v1.ro.it.msg"),
    "publish with a token too many": _published("fp.v1.ro.it.env.x"),
    "empty ro's inbox by a rollup header": _published("fp.v1.ro.it.env", FORGED, Nats_Rollup="all"),
    "empty the directory by a rollup header": _published("$KV.DIR.it.it.node.it", FORGED, Nats_Rollup="all"),
    "write the directory as ro": _published("$KV.DIR.ro.ro.node.ro"),
    "write the directory as the network": _published("$KV.DIR.net.net.snapshot"),
    "pretend that the directory changed": _published("fp.dir.ro.ro.node.ro"),
    "purge ro's inbox": _api(lambda js: js.purge_stream("ro")),
    "purge its own inbox": _api(lambda js: js.purge_stream("it")),
    "delete ro's inbox": _api(lambda js: js.delete_stream("ro")),
    "delete the directory": _api(lambda js: js.delete_stream("KV_DIR")),
    "ask about ro's inbox": _api(lambda js: js.stream_info("ro")),
    "list all streams": _api(lambda js: js.streams_info()),
    "ask about the account": _api(lambda js: js.account_info()),
    "make a consumer on ro's inbox": _api(lambda js: js.add_consumer("ro", durable_name="spy")),
    "make a consumer on the directory": _api(lambda js: js.add_consumer("KV_DIR", durable_name="spy")),
    "ask about ro's consumer": _api(lambda js: js.consumer_info("ro", "node")),
    "read ro's inbox by sequence": _api(lambda js: js.get_msg("ro", seq=1)),
    "read ro's inbox directly": _asked("$JS.API.DIRECT.GET.ro", b'{"seq":1}'),
    "pull ro's mail": _asked("$JS.API.CONSUMER.MSG.NEXT.ro.node", b'{"batch":1,"expires":100000000}'),
    "reload the server": _asked("$SYS.REQ.SERVER.PING"),
}


async def forged_acknowledgements(it: Client, known: str) -> None:
    """Acknowledge `ro`'s mail, with its acknowledgement subject `known` in every shape that could be read
    so."""
    tail = known.split(".")[-5:]
    for head in (
        known.split(".")[1:-5],
        ["ACK", "ro", "node"],
        ["ACK", "_", "hash", "ro", "node"],
        ["ACK", "it", "node", "ro", "node"],
        ["ACK", "ro", "node", "it", "node"],
        ["ACK", "_", "node", "it", "node"],
        ["ACK", "_", "ro", "it", "node"],
    ):
        for word in (b"+ACK", b"+TERM", b"-NAK"):
            await it.publish(".".join(["$JS", *head, *tail]), word)
    await it.flush()
    await asyncio.sleep(QUIET)


async def overheard(it: Client, during: Callable[[], Awaitable[object]], *, expected: int = 0) -> list[str]:
    """What `it` hears by listening to everything while `during` happens. Waits for as much as is
    `expected`."""
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    everything = await it.subscribe(">", cb=hear)
    await it.flush()
    await during()
    await it.flush()
    until = asyncio.get_running_loop().time() + (2 if expected else QUIET)
    while asyncio.get_running_loop().time() < until and not (expected and len(heard) >= expected):
        await asyncio.sleep(0.005)
    await everything.unsubscribe()
    return heard


async def refused(attempt: Callable[[Client], Awaitable[object]], it: Client) -> bool:
    """Whether it came to nothing: an error of the server, nobody to answer, or silence."""
    try:
        await attempt(it)
    except (NatsError, APIError, TimeoutError):
        return True
    return False
