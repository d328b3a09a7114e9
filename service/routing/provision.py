"""Streams and consumers at the hub. Idempotent: run at every start, so that a hub which lost its store has
it again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext, api
from nats.js.errors import APIError

from protocol.identifiers import NodeCode
from service.errors import Unavailable
from service.routing.subjects import CHANGED, CONSUMER, DIRECTORY_STREAM, directory_filter, inbox_subjects

__all__ = ["DIRECTORY_DOCUMENT_BYTES", "InboxQuota", "provision"]

DAY = 86_400
"""Seconds."""

DIRECTORY_DOCUMENT_BYTES = 256 << 10
"""The largest directory document: a snapshot that lists a thousand entries is about 100 KiB."""

_SAME_NAME_OTHER_SETTINGS = 10058
"""JetStream's code for a stream that exists with another configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxQuota:
    """What may lie in one inbox.

    `per_sender` messages, so that no State can close another's inbox by number. By bytes it still can
    (`per_sender` times the largest envelope is more than `max_bytes`); the hub's operator sees it and can
    cut the account off. The sender's outbox keeps what did not fit.
    """

    per_sender: int = 10_000
    max_bytes: int = 1 << 30
    max_payload: int
    max_age_seconds: int = 14 * DAY
    """One lifetime for every envelope. Nobody is told when it ends: the sender repeats until it is
    answered."""
    duplicate_window_seconds: int = 3600
    redeliver_after_seconds: int = 30
    """What was delivered and not answered comes again after this long, a node's crash included."""
    replicas: int = 1


async def provision(
    nc: Client, members: Iterable[NodeCode], *, quota: InboxQuota, ready_within: float = 10
) -> None:
    """Give each member its inbox and the network its directory. `nc` is connected to the hub's own account.

    Unavailable `hub.not_ready` when JetStream does not answer within `ready_within` seconds.
    """
    js = nc.jetstream(timeout=5)
    await _ready(js, ready_within)
    await _stream(js, _directory(quota))
    for code in members:
        await _stream(js, _inbox(code, quota))
        await js.add_consumer(code, _node_consumer(quota))


def _inbox(code: NodeCode, quota: InboxQuota) -> api.StreamConfig:
    return api.StreamConfig(
        name=code,
        subjects=[inbox_subjects(code)],
        retention=api.RetentionPolicy.WORK_QUEUE,
        storage=api.StorageType.FILE,
        num_replicas=quota.replicas,
        discard=api.DiscardPolicy.NEW,
        max_msgs_per_subject=quota.per_sender,
        discard_new_per_subject=True,
        max_bytes=quota.max_bytes,
        max_msg_size=quota.max_payload,
        max_age=quota.max_age_seconds,
        duplicate_window=quota.duplicate_window_seconds,
        # A sender's `Nats-Rollup` header would otherwise empty the inbox.
        allow_rollup_hdrs=False,
        allow_direct=False,
    )


def _node_consumer(quota: InboxQuota) -> api.ConsumerConfig:
    return api.ConsumerConfig(
        durable_name=CONSUMER,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=quota.redeliver_after_seconds,
        max_ack_pending=512,
        # After a last delivery a message would stay, invisible, in its sender's quota. The node quarantines
        # what it cannot use and terminates it.
        max_deliver=-1,
    )


def _directory(quota: InboxQuota) -> api.StreamConfig:
    return api.StreamConfig(
        name=DIRECTORY_STREAM,
        subjects=[directory_filter()],
        storage=api.StorageType.FILE,
        num_replicas=quota.replicas,
        discard=api.DiscardPolicy.NEW,
        max_msgs_per_subject=5,
        max_msg_size=DIRECTORY_DOCUMENT_BYTES,
        max_bytes=256 << 20,
        allow_direct=True,
        deny_delete=True,
        deny_purge=True,
        # One State's `Nats-Rollup: all` would otherwise wipe every State's entries.
        allow_rollup_hdrs=False,
        republish=api.RePublish(src=directory_filter(), dest=f"{CHANGED}.>", headers_only=True),
    )


async def _ready(js: JetStreamContext, within: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while True:
        try:
            await js.account_info()
        except (NatsError, APIError) as reason:
            if loop.time() > until:
                raise Unavailable(
                    "hub.not_ready", f"JetStream did not answer: {type(reason).__name__}"
                ) from reason
            await asyncio.sleep(0.05)
        else:
            return


async def _stream(js: JetStreamContext, config: api.StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except APIError as reason:
        if reason.err_code != _SAME_NAME_OTHER_SETTINGS:
            raise
        await js.update_stream(config)
