"""A year's indicators and reminders from exported evidence bundles alone, by other code than the product's.

Nothing of `protocol` or `service` is imported here: a bundle is read as JSON, its statements as base64url,
and every length of time, every definition and the ladder are written out again, from the documents. So an
error would have to be made twice, in the same way, to go unnoticed. Signatures are not looked at: verifying
bundles is what `focalpoint verify` does.

    cases = read_bundles(...)                     the conversations in some bundles
    figures(conversations, as_of)                 by asking State, answering State and procedure
    reminders(conversations, "it", looks)         what the ladder owed at that State's node
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OPENERS = {
    "case.notification": "case",
    "social-inquiry.request": "social-inquiry",
    "identity.request": "identity",
    "risk-assessment.request": "risk-assessment",
}
ANSWERS = {
    "case": "accept",
    "social-inquiry": "social-inquiry.report",
    "identity": "identity.result",
    "risk-assessment": "risk-assessment.contribution",
}
LAST = {
    "case": "acceptance",
    "social-inquiry": "report",
    "identity": "result",
    "risk-assessment": "contribution",
}
# What each owes, and how soon: months, days or hours.
TIMES = {
    ("case", "ordinary"): {"acceptance": ("d", 3)},
    ("case", "urgent"): {"acceptance": ("h", 24)},
    ("social-inquiry", "ordinary"): {"acceptance": ("d", 10), "report": ("m", 3)},
    ("social-inquiry", "urgent"): {"acceptance": ("d", 3), "report": ("m", 1)},
    ("identity", "ordinary"): {"acceptance": ("d", 10), "result": ("m", 3)},
    ("identity", "urgent"): {"acceptance": ("d", 3), "result": ("m", 1)},
    ("risk-assessment", "ordinary"): {"acceptance": ("d", 10), "contribution": ("d", 30)},
    ("risk-assessment", "urgent"): {"acceptance": ("d", 3), "contribution": ("d", 10)},
}
LAPSES = {"case": 30, "social-inquiry": 90, "identity": 90, "risk-assessment": 30}
PAUSES = {"case": 0, "social-inquiry": 2, "identity": 2, "risk-assessment": 2}
PAUSE_AT_MOST = {"ordinary": 336 * HOUR, "urgent": 72 * HOUR}
"""By the urgency of the request whose clock stops; so long is also the answer to such a question."""
LADDER = {
    "us": {
        "ordinary": (("due-soon", -72), ("overdue", 0), ("supervisor", 72), ("focal-point", 336)),
        "urgent": (("due-soon", -24), ("overdue", 0), ("supervisor", 24), ("focal-point", 96)),
    },
    "them": {
        "ordinary": (
            ("overdue", 0), ("nudge", 24), ("supervisor", 168), ("alternate", 240), ("focal-point", 336),
            ("intermediary", 720),
        ),
        "urgent": (
            ("overdue", 0), ("nudge", 6), ("supervisor", 48), ("alternate", 72), ("focal-point", 96),
            ("intermediary", 168),
        ),
    },
}  # fmt: skip
SIGNED = {"nudge", "supervisor", "focal-point"}
"""Of what they owe: after one of these there is at least the ladder's time before the next step."""


@dataclass(frozen=True, kw_only=True)
class Message:
    id: str
    type: str
    sender: str
    recipient: str
    reply: str | None
    at: datetime
    urgency: str
    coded: dict[str, object]
    entry: str | None
    consigned: datetime | None


@dataclass(kw_only=True)
class Conversation:
    id: str
    procedure: str
    zone: ZoneInfo
    messages: list[Message] = field(default_factory=list)

    @property
    def request(self) -> Message:
        return next(one for one in self.messages if one.id == self.id)


def payload(token: str) -> dict[str, object]:
    middle = token.split(".")[1]
    decoded: dict[str, object] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return decoded


def moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(int(str(seconds)), UTC)


def read_bundle(data: bytes) -> list[Conversation]:
    bundle = json.loads(data)
    zones = {}
    for one in bundle["entries"]:
        digest = (
            base64.urlsafe_b64encode(hashlib.sha256(one["token"].encode()).digest()).rstrip(b"=").decode()
        )
        zone = _find(payload(one["token"]), "timezone")
        if zone is not None:
            zones[digest] = ZoneInfo(str(zone))
    found: dict[str, Conversation] = {}
    rest = []
    for one in bundle["messages"]:
        said = payload(one["statement"])
        proofs = [payload(token) for token in one["evidence"]]
        consigned = [moment(proof["iat"]) for proof in proofs if proof["kind"] == "content-consigned"]
        message = Message(
            id=str(said["jti"]),
            type=str(said["type"]),
            sender=str(said["iss"]),
            recipient=str(said["aud"]),
            reply=None if said.get("in_reply_to") is None else str(said["in_reply_to"]),
            at=moment(said["iat"]),
            urgency=str(said["urgency"]),
            coded=said["coded"],  # type: ignore[arg-type]
            entry=None if said.get("recipient_entry") is None else str(said["recipient_entry"]),
            consigned=min(consigned, default=None),
        )
        if message.type in OPENERS:
            zone = zones[message.entry] if message.entry else ZoneInfo("UTC")
            found[message.id] = Conversation(
                id=message.id, procedure=OPENERS[message.type], zone=zone, messages=[message]
            )
        else:
            rest.append((str(said["thread"]), message))
    for thread, message in rest:
        found[thread].messages.append(message)
    return list(found.values())


def _find(value: object, name: str) -> object | None:
    if isinstance(value, dict):
        if name in value:
            found: object = value[name]
            return found
        return next((one for each in value.values() if (one := _find(each, name)) is not None), None)
    return None


# -- deadlines


def end_of(day: date, zone: ZoneInfo) -> datetime:
    after = day + DAY
    return datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC)


def months_on(day: date, months: int) -> date:
    year, month = day.year + (day.month - 1 + months) // 12, (day.month - 1 + months) % 12 + 1
    for last in range(day.day, 0, -1):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    raise AssertionError


def first_due(conversation: Conversation, obligation: str) -> tuple[datetime, bool]:
    """The instant, and whether it is counted in days."""
    request = conversation.request
    unit, count = TIMES[conversation.procedure, request.urgency][obligation]
    if unit == "h":
        return request.at + count * HOUR, False
    day = request.at.astimezone(conversation.zone).date()
    return end_of(months_on(day, count) if unit == "m" else day + count * DAY, conversation.zone), True


def state_of(address: str) -> str:
    return address.split(".", maxsplit=1)[0]


def by_answerer(conversation: Conversation, message: Message) -> bool:
    return message.sender != conversation.request.sender


def in_order(messages: Iterable[Message]) -> list[Message]:
    return sorted(messages, key=lambda one: (one.at, one.id))


def pauses(
    conversation: Conversation, said: list[Message], late: set[str]
) -> list[tuple[datetime, datetime]]:
    questions = in_order(one for one in said if one.type == "query" and by_answerer(conversation, one))
    answered = {one.reply: one.at for one in said if one.type == "answer"}
    stood = []
    for question in questions[: PAUSES[conversation.procedure]]:
        if question.id in late:
            continue
        latest = question.at + PAUSE_AT_MOST[conversation.request.urgency]
        end = answered.get(question.id)
        stood.append((question.at, latest if end is None else min(max(end, question.at), latest)))
    return stood


def together(spans: list[tuple[datetime, datetime]], until: datetime | None = None) -> timedelta:
    total, reached = timedelta(), datetime.min.replace(tzinfo=UTC)
    for start, end in sorted(spans):
        last = end if until is None else min(end, until)
        if last > max(start, reached):
            total += last - max(start, reached)
            reached = last
    return total


def due(conversation: Conversation, obligation: str, said: list[Message]) -> datetime:
    return deadline(conversation, obligation, said)[0]


def deadline(
    conversation: Conversation, obligation: str, said: list[Message]
) -> tuple[datetime, list[tuple[datetime, datetime]]]:
    """When it is due, and the pauses that count for it.

    "A question or a new date counts where it was signed before the deadline as that stood at the moment." So
    for each of them the deadline is counted once more, from what counts and was signed before it, questions
    that had no answer by then standing for as long as they may; and what was signed too late is left out.
    """
    moving = in_order(
        one for one in said if one.type in ("query", "progress") and by_answerer(conversation, one)
    )
    late: set[str] = set()
    for one in moving:
        before = [other for other in said if other.at < one.at]
        if one.at >= _deadline(conversation, obligation, before, late)[0]:
            late.add(one.id)
    return _deadline(conversation, obligation, said, late)


def _deadline(
    conversation: Conversation, obligation: str, said: list[Message], late: set[str]
) -> tuple[datetime, list[tuple[datetime, datetime]]]:
    zone = conversation.zone
    first, in_days = first_due(conversation, obligation)
    stood = pauses(conversation, said, late)

    def later(instant: datetime, spans: list[tuple[datetime, datetime]], days: bool) -> datetime:
        moved = together(spans)
        if not moved:
            return instant
        reached = instant + moved
        return (
            end_of((reached - timedelta(microseconds=1)).astimezone(zone).date(), zone) if days else reached
        )

    at = later(first, stood, in_days)
    for one in said:
        # Of two new dates, by two authorities, neither takes anything away from the other.
        if one.type == "progress" and obligation == LAST[conversation.procedure] and one.id not in late:
            day = date.fromisoformat(str(one.coded["new_due_on"]))
            at = max(at, later(end_of(day, zone), [span for span in stood if span[0] >= one.at], True))
    return at, stood


# -- figures


def figures(conversations: Iterable[Conversation], as_of: datetime, year: int) -> dict[str, dict[str, int]]:
    groups: dict[str, list[dict[str, object]]] = {}
    for conversation in conversations:
        request = conversation.request
        known = [
            one for one in conversation.messages if one.at < as_of and one.consigned and one.consigned < as_of
        ]
        if request.at.year != year or request not in known:
            continue
        key = f"{state_of(request.sender)} {state_of(request.recipient)} {conversation.procedure}"
        groups.setdefault(key, []).append(_one(conversation, known, as_of))
    return {key: _counted(group) for key, group in sorted(groups.items())}


def _one(conversation: Conversation, known: list[Message], as_of: datetime) -> dict[str, object]:
    request, procedure = conversation.request, conversation.procedure
    theirs = in_order(one for one in known if by_answerer(conversation, one))
    ours = in_order(one for one in known if not by_answerer(conversation, one) and one is not request)
    present, moved = request.recipient, True
    while moved:
        moved = False
        for one in theirs:
            if one.type == "redirect" and one.sender == present:
                present, moved = str(one.coded["redirected_to"]), True
    answer = next((one for one in theirs if one.type == ANSWERS[procedure]), None)
    accepts = [one for one in theirs if one.type == "accept" and one.sender == present]
    if answer:
        accepts.append(answer)
    acceptance = in_order(accepts)[0] if accepts else None
    declined = next((one for one in theirs if one.type == "decline"), None)
    withdrawn = next((one for one in ours if one.type == "withdraw"), None)
    end = answer or declined or withdrawn
    until = end.at if end else as_of

    def judged(met: Message | None, limit: datetime) -> bool | None:
        if met:
            return met.at < limit
        return False if limit <= until else None

    def timely(obligation: str, met: Message | None) -> bool | None:
        at = met.at if met else until
        return judged(met, due(conversation, obligation, [one for one in known if one.at <= at]))

    last = LAST[procedure]
    outcome = "answered" if answer else "declined" if declined else "withdrawn" if withdrawn else "open"
    if outcome == "open":
        limit = due(conversation, last, known).astimezone(conversation.zone)
        day = limit.date() + LAPSES[procedure] * DAY
        lapses = limit.replace(year=day.year, month=day.month, day=day.day, fold=0)
        outcome = "lapsed" if as_of >= lapses.astimezone(UTC) else "open"
    return {
        "outcome": outcome,
        "accepted_in_seven_days": judged(acceptance, request.at + 7 * DAY),
        "accepted_in_time": timely("acceptance", acceptance),
        "answered_in_time": timely(last, answer),
        "answered_in_first_time": judged(answer, first_due(conversation, last)[0]),
        "days": -(-max(answer.at - request.at, timedelta()) // DAY) if answer else None,
        "extended": any(one.type == "progress" for one in theirs),
        "redirected": present != request.recipient,
        "paused": int(together(deadline(conversation, last, known)[1], until).total_seconds()),
    }


def _counted(group: list[dict[str, object]]) -> dict[str, int]:
    told: dict[str, int] = {"requests": len(group)}
    for name in ("accepted_in_seven_days", "accepted_in_time", "answered_in_time", "answered_in_first_time"):
        told[name] = sum(one[name] is True for one in group)
        told[f"{name}_of"] = sum(one[name] is not None for one in group)
    for outcome in ("answered", "lapsed", "open", "declined", "withdrawn", "concluded"):
        told[outcome] = sum(one["outcome"] == outcome for one in group)
    days = sorted(int(str(one["days"])) for one in group if one["days"] is not None)
    told["days_of"] = len(days) + told["lapsed"] + told["open"]
    for name, hundredths in (("median_days", 50), ("ninetieth_days", 90)):
        place = (hundredths * told["days_of"] + 99) // 100
        if 0 < place <= len(days):
            told[name] = days[place - 1]
    told["extended"] = sum(bool(one["extended"]) for one in group)
    told["redirected"] = sum(bool(one["redirected"]) for one in group)
    told["paused"] = sum(int(str(one["paused"])) > 0 for one in group)
    told["paused_seconds"] = sum(int(str(one["paused"])) for one in group)
    return told


# -- reminders


def reminders(
    conversations: Iterable[Conversation], state: str, looks: list[datetime]
) -> list[tuple[str, str, str, str, str]]:
    """What the node of `state` should have done by `looks`, the moments at which its worker looked: thread,
    message, obligation, step and due instant, each as often as it is owed."""
    found: list[tuple[str, str, str, str, str]] = []
    for conversation in conversations:
        found += _climbed(conversation, state, looks)
    return found


def _climbed(
    conversation: Conversation, state: str, looks: list[datetime]
) -> list[tuple[str, str, str, str, str]]:
    # Reminders move nothing, so that what is owed changes with the other messages alone.
    moves = in_order(one for one in conversation.messages if one.type not in ("nudge", "escalate"))
    ladders: dict[tuple[str, str], tuple[datetime, int, datetime | None]] = {}
    taken: set[tuple[str, str, str, str, str]] = set()
    found = []
    index, known = 0, []
    owed: list[tuple[str, str, str, str, datetime]] = []
    wait_until = datetime.min.replace(tzinfo=UTC)
    for now in looks:
        if now < moves[0].at:
            continue
        changed = False
        while index < len(moves) and moves[index].at <= now:
            known.append(moves[index])
            index, changed = index + 1, True
        if changed:
            owed = _owed(conversation, known)
            ladders = {
                key: ladders.get(key, (instant, 0, None))
                if ladders.get(key, (instant,))[0] == instant
                else (instant, 0, None)
                for message, obligation, _, _, instant in owed
                for key in [(message, obligation)]
            }
        elif now < wait_until:
            continue
        wait_until = datetime.max.replace(tzinfo=UTC)
        for message, obligation, debtor, urgency, instant in owed:
            side = "us" if state_of(debtor) == state else "them"
            steps = LADDER[side][urgency]
            _, place, last = ladders[message, obligation]
            while place < len(steps):
                name, hours = steps[place]
                at = instant + hours * HOUR
                if last is not None and side == "them" and any(one in SIGNED for one, _ in steps[:place]):
                    at = max(at, last + (hours - steps[place - 1][1]) * HOUR)
                if at > now:
                    wait_until = min(wait_until, at)
                    break
                step = (conversation.id, message, obligation, name, f"{instant:%Y-%m-%dT%H:%M:%S}")
                assert step not in taken, (
                    "a ladder that began anew for the same instant: not in this scenario"
                )
                taken.add(step)
                found.append(step)
                place, last = place + 1, now
            ladders[message, obligation] = (instant, place, last)
        if not owed and index == len(moves):
            break
    return found


def _owed(conversation: Conversation, known: list[Message]) -> list[tuple[str, str, str, str, datetime]]:
    """Message that asked, obligation, who owes, urgency, due instant."""
    request, procedure = conversation.request, conversation.procedure
    present = request.recipient
    for one in known:
        if one.type == "redirect":
            present = str(one.coded["redirected_to"])
    types = {one.type for one in known if by_answerer(conversation, one)}
    ended = "decline" in types or "withdraw" in {one.type for one in known}
    answered_already = ANSWERS[procedure] in types
    owed = []
    if not ended and not answered_already:
        said = {one.type for one in known if one.sender == present}
        for obligation in TIMES[procedure, request.urgency]:
            if obligation == "acceptance" and "accept" in said:
                continue
            at = due(conversation, obligation, known)
            owed.append((request.id, obligation, present, request.urgency, at))
    # A question is owed an answer within the hours of its urgency, or of the request's where that is higher;
    # in a risk assessment also after the contribution.
    if not ended and (not answered_already or procedure == "risk-assessment"):
        answered = {one.reply for one in known if one.type == "answer"}
        for one in known:
            if one.type == "query" and one.id not in answered and one.sender == present:
                urgency = "urgent" if "urgent" in (one.urgency, request.urgency) else "ordinary"
                owed.append((one.id, "answer", request.sender, urgency, one.at + PAUSE_AT_MOST[urgency]))
    return owed
