"""Some States of the simulated year, in one process: real stores, keys and envelopes; a clock that jumps.

    python -m tests.year.shard DIRECTORY --states it,ro,es --cases 40 --seed 7

It may be killed at any moment and started again on the same directory: it goes on with the jump in which it
died. Workers die inside it as well, before and after a commit, by the seed and the number of its start.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import os
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import structlog
from sqlmodel import Session

from protocol.errors import Refused
from protocol.identifiers import CaseReference, MessageId, ThreadId
from service import exchange
from service.access.roles import Role
from service.errors import NodeError
from service.exchange.accept import Outcome
from service.exchange.views import IndicatorQuery
from service.monitor.reminders import Reminders
from service.node import Node
from service.routing.outbox import Outbox
from service.routing.reconciler import Reconciler
from service.store import outgoing
from tests.service.exchange_pair import QueueHub, QueueLink, Side, TestClock, actor, message
from tests.year import independent
from tests.year.scenario import Act, PlannedCase, plan, ticks
from tests.year.world import START, focal_point, open_side, second_office, year_world

LOOKS_AFTER = timedelta(seconds=90)
"""In each jump, after the authorities: so that a jump which is done again looks at the same moment."""
AT_ONCE = 64
"""Envelopes that a node takes in together."""
RECONCILES_EVERY = 6
"""Jumps."""


class WorkerKilled(BaseException):
    """The worker is gone, in the middle of what it was doing; nothing is left that could go on."""


class MortalStore:
    """The node's store, for a worker that dies at one of its writes: before the commit, or right after."""

    def __init__(self, store: Any, random: Random, often: float) -> None:
        self._store, self._random, self._often = store, random, often

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, work: Callable[[Session], Any]) -> Any:
        if self._random.random() >= self._often:
            return await self._store.write(work)
        if self._random.random() < 0.5:

            def undone(session: Session) -> Any:
                work(session)
                raise WorkerKilled

            return await self._store.write(undone)
        await self._store.write(work)
        raise WorkerKilled


class Shard:
    def __init__(self, home: Path, states: tuple[str, ...], cases: int, seed: int, per_day: float, days: int):
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.seed, self.states = home, seed, states
        self.world = year_world(states)
        self.hub, self.clock = QueueHub(), TestClock(START)
        self.sides = {code: open_side(home / code, code, self.world, self.clock, self.hub) for code in states}
        self.plan = plan(seed, states, cases)
        self.ticks = ticks(seed, per_day=per_day, days=days)
        self.references: dict[int, CaseReference] = {}
        self.done: set[str] = set()
        self.refused: list[str] = []
        self.kills: Counter[str] = Counter()
        self.spent: defaultdict[str, float] = defaultdict(float)
        self.seen: dict[str, int] = dict.fromkeys(states, -1)
        self.next_tick = 0
        self.starts = 0
        self.random = Random(0)
        self._read_journal()

    # -- what survives a kill

    def _read_journal(self) -> None:
        file = self.home / "journal.jsonl"
        for line in file.read_text().splitlines() if file.exists() else ():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of a process that was killed in it
            match entry:
                case {"start": int()}:
                    self.starts += 1
                case {"case": number, "reference": reference}:
                    self.references[number] = CaseReference(reference)
                case {"tick": number, "refused": refused, "kills": kills}:
                    self.next_tick = number + 1
                    self.refused += refused
                    self.kills.update(kills)
        self.starts += 1
        self.random = Random(f"kills/{self.seed}/{self.starts}")
        self._journal = file.open("a", encoding="utf-8")
        self._note(start=self.starts)

    def _note(self, **entry: Any) -> None:
        self._journal.write(json.dumps(entry) + "\n")
        self._journal.flush()

    # -- a jump

    async def run(self, often: float) -> None:
        if self.starts > 1:
            self.clock.moment = self.ticks[min(self.next_tick, len(self.ticks) - 1)]
            await self._workers_start()
            await self.settle()
        waiting: dict[int, list[Act]] = {}
        for case in self.plan:
            acts = list(case.acts)
            if self.next_tick:
                acts = [one for one in acts if one.at > self.ticks[self.next_tick - 1]]
            if acts:
                waiting[case.number] = acts
        planned = {case.number: case for case in self.plan}
        for number in range(self.next_tick, len(self.ticks)):
            self.clock.moment = self.ticks[number]
            before = (len(self.refused), Counter(self.kills))
            await self._authorities_act(waiting, planned, self.ticks[number])
            self.clock.moment = self.ticks[number] + LOOKS_AFTER
            await self._look(often)
            if number % RECONCILES_EVERY == 0:
                began = time.perf_counter()
                for side in self.sides.values():
                    await Reconciler(side.node, side.link).tell_all()
                self.spent["reconcile"] += time.perf_counter() - began
                await self.settle()
            self._note(tick=number, refused=self.refused[before[0] :], kills=dict(self.kills - before[1]))

    async def _authorities_act(
        self, waiting: dict[int, list[Act]], planned: dict[int, PlannedCase], now: datetime
    ) -> None:
        while True:
            round_ = [
                (planned[number], acts.pop(0))
                for number, acts in waiting.items()
                if acts and acts[0].at <= now
            ]
            if not round_:
                return
            began = time.perf_counter()
            await asyncio.gather(*(self._act(case, act) for case, act in round_))
            self.spent["act"] += time.perf_counter() - began
            for number in [number for number, acts in waiting.items() if not acts]:
                del waiting[number]
            await self.settle(whoever=False)
            self.clock.pass_by(seconds=1)

    async def _act(self, case: PlannedCase, act: Act) -> None:
        side = self.sides[act.by.split(".")[0]]
        reference = self.references.get(case.number)
        if reference is None:
            reference = await self._open(side, case)
        who = actor(act.by)
        try:
            if act.type == "collect":
                assert act.reply is not None
                await exchange.collect(side.node, who, MessageId(act.reply))
                return
            submission = message(
                act.type,
                reference,
                act.by,  # type: ignore[arg-type]
                act.to,  # type: ignore[arg-type]
                thread=None if act.thread is None else ThreadId(act.thread),
                in_reply_to=None if act.reply is None else MessageId(act.reply),
                id=MessageId(act.id),
                change=lambda coded: _fit(act, coded),
            )
            await exchange.send(side.node, who, dataclasses.replace(submission, urgency=act.urgency))
        except (Refused, NodeError) as reason:
            self.refused.append(f"{act.type} {reason.code} {reason}")

    async def _open(self, side: Side, case: PlannedCase) -> CaseReference:
        made = (await exchange.open_case(side.node, side.officer)).reference
        for person in (side.officer, side.supervisor):
            await exchange.set_protection(side.node, person, made, "not-sought", "child-interviewed")
        self.references[case.number] = made
        self._note(case=case.number, reference=made)
        return made

    async def _look(self, often: float) -> None:
        """Every node's worker climbs its ladder; who is killed in it is started again."""
        began = time.perf_counter()
        for side in self.sides.values():
            while True:
                mortal: Node = dataclasses.replace(
                    side.node,
                    store=MortalStore(side.node.store, self.random, often),  # type: ignore[arg-type]
                )
                try:
                    # Two at once, as where a node runs several workers.
                    found = await asyncio.gather(
                        Reminders(mortal).look(), Reminders(mortal).look(), return_exceptions=True
                    )
                except asyncio.CancelledError:
                    raise
                faults = [one for one in found if isinstance(one, BaseException)]
                for fault in faults:
                    if not isinstance(fault, WorkerKilled):
                        raise fault
                if not faults:
                    break
                self.kills["reminders"] += len(faults)
        self.spent["look"] += time.perf_counter() - began
        await self.settle(often)

    async def _workers_start(self) -> None:
        for side in self.sides.values():
            now = self.clock.now()
            await side.node.store.write(
                lambda session, now=now: outgoing.due_again(session.connection(), now)
            )

    async def settle(self, often: float = 0.0, *, whoever: bool = True) -> None:
        """Until nothing is on its way. `whoever`: first look at every outbox, and not only where something
        was said: who was killed has told nobody."""
        began = time.perf_counter()
        for _ in range(60):
            moved = 0
            for code, side in self.sides.items():
                count = side.node.wake.outbox_ready.count
                if whoever or count != self.seen[code]:
                    self.seen[code] = count
                    while released := await self._release(side, often):
                        moved += released
            whoever = False
            for code, side in self.sides.items():
                waiting, self.hub.waiting[code] = self.hub.waiting[code], []
                for place in range(0, len(waiting), AT_ONCE):
                    some = waiting[place : place + AT_ONCE]
                    moved += len(some)
                    for data, outcome in zip(some, await side.receive(*some), strict=True):
                        if isinstance(outcome, Exception):
                            raise outcome
                        if isinstance(outcome, Outcome) and outcome.disposition == "wait":
                            self.hub.waiting[code].append(data)
            self.hub.carried.clear()
            if not moved:
                self.spent["settle"] += time.perf_counter() - began
                return
        raise AssertionError("the nodes do not come to rest")

    async def _release(self, side: Side, often: float) -> int:
        outbox = side.outbox
        if often and self.random.random() < often:
            store = MortalStore(side.node.store, self.random, 0.5)
            mortal = dataclasses.replace(side.node, store=store)  # type: ignore[arg-type]
            outbox = Outbox(mortal, QueueLink(self.hub))
        try:
            released = await outbox.release_queued() + await outbox.repeat_due()
            await outbox.published()
        except WorkerKilled:
            self.kills["outbox"] += 1
            now = self.clock.now()
            await side.node.store.write(lambda session: outgoing.due_again(session.connection(), now))
            return 1
        return released

    # -- at the end

    async def result(self) -> dict[str, Any]:
        for _ in range(3):
            self.clock.pass_by(days=4)
            for side in self.sides.values():
                await Reconciler(side.node, side.link).tell_all()
            await self.settle()
        as_of = self.ticks[-1] + timedelta(hours=1)
        looks = [one + LOOKS_AFTER for one in self.ticks]
        told: dict[str, Any] = {"starts": self.starts, "refused": self.refused, "kills": dict(self.kills)}
        began = time.perf_counter()
        operator = actor(role=Role.OPERATOR, person="operator-1")
        counted = {}
        for code, side in self.sides.items():
            query = IndicatorQuery(year=START.year, as_of=as_of)
            report = await exchange.read_indicators(side.node, operator, query)
            counted[code] = {
                "rows": {
                    f"{row.asking} {row.answering} {row.procedure}": row.figures.to_json()
                    for row in report.rows
                },
                "comparisons": [
                    [one.peer, None if one.differences is None else len(one.differences)]
                    for one in report.comparisons
                ],
            }
        told["counted"] = counted
        told["seconds_counting"] = time.perf_counter() - began
        began = time.perf_counter()
        told["exported"] = {code: await self._exported(code, as_of, looks) for code in self.states}
        told["seconds_exporting"] = time.perf_counter() - began
        told["messages"] = await self._count("message WHERE direction = 'out'")
        told["evidence"] = await self._count("evidence WHERE ours")
        told["unanswered"] = await self._count("outbox WHERE kind = 'content' AND state <> 'done'")
        told["spent"] = dict(self.spent)
        told["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return told

    async def _count(self, where: str) -> int:
        """Of all nodes together."""
        found = [await side.rows(f"SELECT count(*) AS n FROM {where}") for side in self.sides.values()]
        return sum(rows[0]["n"] for rows in found)

    async def _exported(self, code: str, as_of: datetime, looks: list[datetime]) -> dict[str, Any]:
        """What the bundles of one node say, by the independent computation, beside what the node keeps."""
        side = self.sides[code]
        who = actor(focal_point(code), second_office(code))
        conversations = []
        for case in self.plan:
            if code in (case.asking, case.answering) and case.number in self.references:
                bundle = await exchange.case_bundle(side.node, who, self.references[case.number])
                conversations += independent.read_bundle(bundle)
        threads = {one.id for one in conversations}
        should = independent.reminders(conversations, code, looks)
        rows = await side.rows("SELECT thread, message, obligation, step, due_at, sent, code FROM reminder")
        did = [
            (row["thread"], row["message"], row["obligation"], row["step"], _instant(row["due_at"]))
            for row in rows
            if row["thread"] in threads
        ]
        sent = [row["sent"] for row in rows if row["sent"] is not None]
        pressed = [
            message
            for one in conversations
            for message in one.messages
            if message.type in ("nudge", "escalate")
        ]
        return {
            "figures": independent.figures(conversations, as_of, START.year),
            "should": len(should),
            "missing": sorted(set(should) - set(did))[:5],
            "extra": sorted(set(did) - set(should))[:5],
            "repeated": len(did) - len(set(did)),
            "signed": len(sent),
            "signed_twice": len(sent) - len(set(sent)),
            "signed_lost": len(set(sent) - {one.id for one in pressed if one.sender.startswith(f"{code}.")}),
            "signed_unasked": len(
                {one.id for one in pressed if one.sender.startswith(f"{code}.")} - set(sent)
            ),
            "unconsigned": sum(one.consigned is None for one in pressed),
            "not_signed": dict(Counter(row["code"] for row in rows if row["code"] is not None)),
            "pressed": sorted(one.id for one in pressed)[:0] or len(pressed),
        }

    def close(self) -> None:
        for side in self.sides.values():
            side.node.store.close()


def _instant(stored: int) -> str:
    """As the column keeps it: microseconds."""
    return f"{datetime.fromtimestamp(stored / 1_000_000, UTC):%Y-%m-%dT%H:%M:%S}"


def _fit(act: Act, coded: dict[str, Any]) -> None:
    coded.update(act.coded)
    for absent in ("reassessment_reason", "replaces"):
        coded.pop(absent, None)
    if act.type == "accept":
        for contact in ("case_contact", "alternate_contact"):
            coded[contact]["authority"] = act.by
        coded.pop("expected_on", None)
    if act.type == "decline":
        coded.pop("competent_authority", None)
    if act.type == "risk-assessment.contribution":
        for risk in coded["risks"]:
            risk.pop("evidence_documents", None)


async def main(arguments: argparse.Namespace) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.perf_counter()
    shard = Shard(
        arguments.directory,
        tuple(arguments.states.split(",")),
        arguments.cases,
        arguments.seed,
        arguments.per_day,
        arguments.days,
    )
    try:
        await shard.run(arguments.kills)
        told = await shard.result()
        told["seconds"] = time.perf_counter() - began
    finally:
        shard.close()
    file = arguments.directory / f"result.{os.getpid()}.tmp"
    file.write_text(json.dumps(told))
    file.replace(arguments.directory / "result.json")


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("directory", type=Path)
    options.add_argument("--states", required=True)
    options.add_argument("--cases", type=int, required=True, help="in each corridor")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--per-day", type=float, default=1.0, help="jumps of the clock")
    options.add_argument("--days", type=int, default=485, help="how long the clock runs")
    options.add_argument("--kills", type=float, default=0.05, help="how often a worker's write is its last")
    return options


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parser().parse_args())))
