"""Kill -9 under a stream of messages, at points that a seed chooses, and look whether promises were kept.

A point is a moment on the path of a message. Nothing in the product knows of it: the disk is held from
outside (so that nothing can commit), the hub is frozen (so that what is published is never answered), a
commit is watched for (so that the kill comes right after). The seed chooses the point and the moment in it.

    python -m tests.faults.campaign --seeds 20        the same outside pytest, with a line for every point
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.agencies import Stream
from tests.faults.ledger import findings, owed
from tests.faults.local_network import EAGER, LocalNetwork
from tests.watching import until

SETTLED_WITHIN = 60.0
RECOVERED_WITHIN = 40.0
"""Seconds. Only a campaign that fails waits so long."""

VICTIMS = {"recipient": "ro", "sender": "it", "hub": "hub"}


@dataclass(frozen=True, slots=True)
class Scene:
    network: LocalNetwork
    stream: Stream
    random: Random

    def moment(self, most: float) -> None:
        """Let a part of `most` seconds pass that the seed chooses: where in a span the kill falls."""
        threading.Event().wait(self.random.uniform(0, most))

    def some_more_answered(self, count: int = 1) -> None:
        """`count` more posts were answered 202 than now."""
        before = len(self.stream.ledger)
        until(
            lambda: len(self.stream.ledger) >= before + count,
            within=RECOVERED_WITHIN,
            what="clients go on being answered",
        )


type Act = Callable[[Scene, str], None]


def at_any_moment(scene: Scene, victim: str) -> None:
    scene.moment(0.3)
    scene.network.kill(victim)


def before_a_commit(scene: Scene, victim: str) -> None:
    """What came and was opened, and what a client posted and waits for, dies undone."""
    with scene.network.nothing_commits(victim):
        if victim == "ro":
            scene.some_more_answered(3)  # by the other node: they are on their way here
        scene.moment(0.2)
        scene.network.kill(victim)


def right_after_a_commit(scene: Scene, victim: str) -> None:
    """What is committed and not yet acknowledged, answered or published."""
    scene.network.wait_for_commit(victim)
    scene.moment(0.002)
    scene.network.kill(victim)


def between_publishing_and_the_hubs_answer(scene: Scene, victim: str) -> None:
    """The hub has it at its socket and has read nothing. A node dies waiting; or the hub, and it is gone."""
    with scene.network.frozen("hub"):
        scene.some_more_answered(5)
        scene.moment(0.1)
        scene.network.kill(victim)


def before_the_hub_hears_of_a_commit(scene: Scene, victim: str) -> None:
    """The recipient has committed and says so to nobody: the hub will bring it again."""
    with scene.network.frozen("hub"):
        scene.network.wait_for_commit("ro")
        scene.network.kill(victim)


def while_links_reconnect(scene: Scene, victim: str) -> None:
    scene.network.kill("hub")
    scene.moment(0.2)
    scene.network.restart("hub")
    scene.moment(0.5)
    scene.network.kill(victim)


def while_it_starts_again(scene: Scene, victim: str) -> None:
    scene.network.kill(victim)
    if victim == "hub":
        scene.network.restart(victim)
        scene.moment(0.1)
        scene.network.kill(victim)
        return
    starting = threading.Thread(target=scene.network.try_restart, args=(victim,))
    starting.start()
    # It is in this state for a moment only.
    until(lambda: scene.network.starting_pid(victim), within=5, what=f"{victim} starts", rest=0.02)
    scene.moment(1.5)
    if starting.is_alive() and (pid := scene.network.starting_pid(victim)) is not None:
        scene.network.kill_process(pid)
    else:
        scene.network.kill(victim)
    starting.join(RECOVERED_WITHIN)


def both_nodes_together(scene: Scene, victim: str) -> None:
    scene.moment(0.2)
    for one in {victim, "it", "ro"}:
        scene.network.kill(one)
    for one in ("it", "ro"):
        scene.network.restart(one)


POINTS: Mapping[str, Sequence[Act]] = {
    "recipient": (
        before_a_commit,
        right_after_a_commit,
        between_publishing_and_the_hubs_answer,
        before_the_hub_hears_of_a_commit,
        while_links_reconnect,
        at_any_moment,
        while_it_starts_again,
    ),
    "sender": (
        before_a_commit,
        right_after_a_commit,
        between_publishing_and_the_hubs_answer,
        while_links_reconnect,
        at_any_moment,
        while_it_starts_again,
    ),
    "hub": (
        between_publishing_and_the_hubs_answer,
        before_the_hub_hears_of_a_commit,
        at_any_moment,
        while_it_starts_again,
        both_nodes_together,
    ),
}


def kill_and_recover(stream: Stream, role: str, seed: int, *, say: Callable[[str], None] = print) -> None:
    """One point: the kill, the way back, and proof that messages go the whole way again."""
    act, victim = POINTS[role][seed % len(POINTS[role])], VICTIMS[role]
    name = act.__name__.replace("_", " ")
    stream.during = f"{role} {seed}: {name}"
    started, answered = time.monotonic(), len(stream.ledger)
    act(Scene(stream.network, stream, Random(f"{role} {seed}")), victim)
    stream.network.restart(victim)
    goes_the_whole_way(stream)
    say(f"{stream.during}: {len(stream.ledger) - answered} answered, {time.monotonic() - started:.1f} s")


def lose_the_hubs_store(stream: Stream) -> None:
    """Everything that the hub held, and its streams and consumers, in the middle of the stream."""
    stream.during = "the hub's store is deleted"
    scene = Scene(stream.network, stream, Random("store"))
    with stream.network.frozen("hub"):
        scene.some_more_answered(5)
        stream.network.kill("hub")
    stream.network.delete_hub_store()
    scene.some_more_answered(5)
    stream.network.restart("hub")
    goes_the_whole_way(stream)


def goes_the_whole_way(stream: Stream) -> None:
    """A message that is promised from now on is consigned, and its evidence is back."""
    before = set(stream.ledger.promises)

    def one_is_back() -> bool:
        new = [id_ for id_ in list(stream.ledger.promises) if id_ not in before]
        marks = ",".join("?" * len(new))
        return bool(
            stream.network.rows(
                "it",
                f"SELECT 1 FROM evidence WHERE kind = 'content-consigned' AND id IN ({marks}) LIMIT 1",
                *new,
            )
        )

    until(one_is_back, within=RECOVERED_WITHIN, what=f"messages go the whole way after {stream.during}")


def settled(stream: Stream) -> list[str]:
    """Let the stream end and everything come to rest; then what is not as promised."""
    stream.stop_posting()
    end = time.monotonic() + SETTLED_WITHIN
    pause = threading.Event()
    while time.monotonic() < end and not (everything_collected(stream) and owed(stream.network) == 0):
        pause.wait(0.1)
    stream.finish()
    return findings(stream.ledger, stream.network)


def everything_collected(stream: Stream) -> bool:
    return not any(
        stream.network.rows(
            code, "SELECT 1 FROM message WHERE direction = 'out' AND status != 'retrieved' LIMIT 1"
        )
        for code in ("it", "ro")
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20, help="points for each victim")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", choices=sorted(VICTIMS), help="one victim")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, LocalNetwork(Path(place) / "network", EAGER) as network:
        stream = Stream(network)
        stream.start()
        try:
            for role in VICTIMS:
                if chosen.only in (None, role):
                    for seed in range(chosen.first, chosen.first + chosen.seeds):
                        kill_and_recover(stream, role, seed)
            lose_the_hubs_store(stream)
            found = settled(stream)
        finally:
            stream.leave()
        print(f"{len(stream.ledger)} answered 202; {len(found)} findings")
        for line in found:
            print(f"  {line}")
        return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
