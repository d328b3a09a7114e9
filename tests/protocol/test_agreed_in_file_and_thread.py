"""What is agreed is read twice: from a conversation, and from the file of the case. Both readings are one."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from test_conversations_cross import walk
from two_nodes import START, World

from protocol import agreed
from protocol.case_file import CaseFile, Document, ProtectionStatus, Role
from protocol.conversations import Thread
from protocol.conversations.durable_solution import DURABLE_SOLUTION, agreed_version
from protocol.conversations.table import COLLECTION, Party

WALKS = 400


def file_of(thread: Thread) -> CaseFile:
    """The case file of a node that has these messages and no other."""
    documents = tuple(
        Document(
            id=entry.id,
            digest=f"digest-of-{entry.id}",
            type=entry.type,
            sender=entry.sender,
            recipient=thread.answerer if entry.sender == thread.asker else thread.asker,
            thread=thread.id,
            in_reply_to=entry.in_reply_to,
            issued_at=entry.at,
            coded={"lifts": list(entry.lifts), "agreement": entry.in_reply_to},
        )
        for entry in thread.entries
        if entry.type != COLLECTION
    )
    return CaseFile(
        reference=thread.case,
        role=Role.DESTINATION,
        protection=ProtectionStatus.NOT_SOUGHT,
        destination="it",
        documents=documents,
    )


def talk(chance: Random) -> Thread:
    """Two sides that mostly mean to agree, over a network that loses nothing."""
    world = World.begin(DURABLE_SOLUTION)
    for hours in range(chance.randint(1, 16)):
        side = chance.choice(list(Party))
        choices = world.can_say(side, START + timedelta(hours=hours))
        wanted = [one for one in choices if one[0] == "durable-solution.acceptance"]
        move_type, replies = chance.choice(wanted if wanted and chance.random() < 0.6 else choices)
        world = world.say(side, move_type, chance.choice(replies), START + timedelta(hours=hours))
        for to, item in world.on_the_way():
            world = world.deliver(to, item) or world
    assert world.agrees()
    return world.asker


def test_whatever_was_said_the_file_and_the_conversation_read_the_same_agreement() -> None:
    seen = {"agreed": 0, "suspended": 0, "ended": 0}
    for seed in range(WALKS):
        chance = Random(seed)
        thread = talk(chance) if seed % 2 else walk(chance, DURABLE_SOLUTION, steps=30).world.asker
        file = file_of(thread)
        in_file, in_thread = agreed.agreed_version(file, thread.id), agreed_version(thread)
        assert (in_file and in_file.id) == (in_thread and in_thread.id), seed
        assert agreed.ended(file, thread.id) == (thread.state in ("revoked", "refused", "withdrawn")), seed
        if in_file is not None and not agreed.ended(file, thread.id):
            lies_still = bool(agreed.suspensions(file, thread.id))
            assert lies_still == (thread.state == "suspended") or thread.state in (
                "implementing",
                "completed",
            ), seed
        seen["agreed"] += in_file is not None
        seen["suspended"] += thread.state == "suspended"
        seen["ended"] += agreed.ended(file, thread.id)
    assert all(times > WALKS // 30 for times in seen.values()), seen
