"""Clients of both nodes, as agencies are: they post until they are answered, collect what comes, and reply.

it   posts requests, every fourth followed at once by its withdrawal; collects what `ro` accepts
ro   collects what `it` posts, and accepts every third request that is not withdrawn

The same id is posted again, with the same content, until there is an answer: a client that was cut off does
not know whether it was heard.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from tests.faults.ledger import Ledger, Promise
from tests.faults.local_network import LocalNetwork
from tests.protocol.sample_contents import sample

OFFICE = {"it": "it.servizio-minori", "ro": "ro.anpdca"}
PEER = {"it": "ro", "ro": "it"}
PACE, SLOW_PACE = 0.04, 0.4
BEHIND = 40
"""Seconds between two posts of one client: a stream to kill in, not a load test. Slower while more than
`BEHIND` messages are not collected: a slow machine shall have its outages and no pile of work beside them."""
ANSWERED_WITHIN = 60.0


class Left(Exception):
    """The agency stopped asking while nobody answered: it does not know whether it was heard."""


class Agency:
    """One State's case officer with a connection to the node, kept up through its deaths."""

    def __init__(
        self,
        network: LocalNetwork,
        code: str,
        ledger: Ledger,
        stop: threading.Event | None = None,
        leave: threading.Event | None = None,
    ) -> None:
        """`stop`: finish and go. `leave`: go, finished or not."""
        self.code = code
        self._ledger = ledger
        self._stop = stop or threading.Event()
        self._leave = leave or threading.Event()
        self.client = httpx.Client(
            base_url=network.node(code)["api"],
            headers={"Authorization": f"Bearer {network.token(code)}"},
            timeout=httpx.Timeout(15, connect=2),
        )

    def __enter__(self) -> Agency:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def post(
        self, case: str, type_: str, *, during: str, id_: str = "", in_reply_to: str | None = None
    ) -> Promise | None:
        """Post until answered. None when the answer was no."""
        content = sample(type_)
        id_ = id_ or str(uuid.uuid4())
        body: dict[str, Any] = {
            "id": id_,
            "case": case,
            "type": type_,
            "sender": OFFICE[self.code],
            "recipient": OFFICE[PEER[self.code]],
            "declares_no_danger": True,
            "coded": content.coded,
            "narrative": [
                {"field": block.field, "language": block.language, "text": block.text}
                for block in content.narrative
            ],
        }
        if content.identity is not None:
            body["identity"] = content.identity
        if in_reply_to is not None:
            body["in_reply_to"] = in_reply_to
        self._ledger.asked.add(id_)
        answer = self.until_answered("POST", "/v1/messages", json=body)
        if answer.status_code != 202:
            self._ledger.refused.append(f"{type_} {answer.status_code} {answer.json().get('code')}")
            return None
        said = answer.json()
        promise = Promise(
            id=id_,
            sender_node=self.code,
            recipient_node=PEER[self.code],
            recipient=OFFICE[PEER[self.code]],
            statement_digest=said["statement_digest"],
            submission_evidence=said["evidence"],
            during=during,
        )
        self._ledger.answered(promise)
        return promise

    def until_answered(self, method: str, path: str, **rest: Any) -> httpx.Response:
        end = time.monotonic() + ANSWERED_WITHIN
        while True:
            try:
                answer = self.client.request(method, path, **rest)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code < 500:
                return answer
            assert time.monotonic() < end, f"{self.code} answered nothing for {ANSWERED_WITHIN:g} s"
            if self._leave.wait(0.05):
                raise Left

    def collect_arrivals(self, then: Callable[[dict[str, Any]], None]) -> None:
        """Until told to stop and nothing more has come: collect, and do what follows from it."""
        after: str | None = None
        while True:
            stopping = self._stop.is_set()
            asked = {"direction": "in", "limit": 200, "wait": 0 if stopping else 1}
            page = self.until_answered(
                "GET", "/v1/messages", params={**asked, **({} if after is None else {"after": after})}
            ).json()
            after = page["cursor"]
            for message in page["messages"]:
                collected = self.until_answered("POST", f"/v1/messages/{message['id']}/collection")
                if collected.status_code != 200:
                    self._ledger.refused.append(f"collection {collected.status_code}")
                then(message)
            if stopping and not page["messages"]:
                return


class Stream:
    """All of them at work, from `start` to `finish`. `during` is noted on every promise."""

    def __init__(self, network: LocalNetwork, *, continuing: Stream | None = None) -> None:
        """`continuing`: with the promises of an earlier stream, given before the network was stopped."""
        self.network = network
        self.ledger = continuing.ledger if continuing else Ledger()
        self.case = continuing.case if continuing else ""
        self.during = "in quiet"
        self._posting_ends = threading.Event()
        self._collecting_ends = threading.Event()
        self._left = threading.Event()
        self._to_be_withdrawn: set[str] = continuing._to_be_withdrawn if continuing else set()
        self._collected = 0
        self._faults: list[BaseException] = []
        self._posters: list[threading.Thread] = []
        self._collectors: list[threading.Thread] = []

    def start(self) -> None:
        self.case = open_case(self.network, self.ledger)
        self._posters = [threading.Thread(target=self._guarded, args=(self._post,)) for _ in range(2)]
        for thread in self._posters:
            thread.start()
        self.start_collecting()

    def start_collecting(self) -> None:
        self._collectors = [
            threading.Thread(target=self._guarded, args=(work,))
            for work in (self._collect_at_it, self._collect_at_ro)
        ]
        for thread in self._collectors:
            thread.start()

    def stop_posting(self) -> None:
        self._posting_ends.set()
        for thread in self._posters:
            thread.join(ANSWERED_WITHIN)

    def finish(self) -> None:
        """Everybody goes home. Raises what a client met."""
        self._posting_ends.set()
        self._collecting_ends.set()
        for thread in (*self._posters, *self._collectors):
            thread.join(ANSWERED_WITHIN)
        if self._faults:
            raise self._faults[0]

    def leave(self) -> None:
        """Everybody goes home at once, whatever is still to do."""
        self._left.set()
        self.finish()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Left:
            return
        except BaseException as error:
            self._faults.append(error)

    def _pace(self) -> float:
        return SLOW_PACE if len(self.ledger) - self._collected > BEHIND else PACE

    def _post(self) -> None:
        with Agency(self.network, "it", self.ledger, self._posting_ends, self._left) as agency:
            self._post_as(agency)

    def _post_as(self, agency: Agency) -> None:
        number = 0
        while not self._posting_ends.wait(self._pace()):
            number += 1
            id_ = str(uuid.uuid4())
            if number % 4 == 0:
                self._to_be_withdrawn.add(id_)
            asked = agency.post(self.case, "social-inquiry.request", during=self.during, id_=id_)
            if asked is not None and number % 4 == 0:
                agency.post(self.case, "withdraw", during=self.during, in_reply_to=id_)

    def _collect_at_it(self) -> None:
        with Agency(self.network, "it", self.ledger, self._collecting_ends, self._left) as agency:
            agency.collect_arrivals(self._count)

    def _collect_at_ro(self) -> None:
        with Agency(self.network, "ro", self.ledger, self._collecting_ends, self._left) as agency:
            self._collect_and_accept_as(agency)

    def _collect_and_accept_as(self, agency: Agency) -> None:
        requests = 0

        def reply(message: dict[str, Any]) -> None:
            nonlocal requests
            self._count(message)
            if message["status"] == "retrieved":
                return  # dealt with before the network was stopped
            if message["type"] != "social-inquiry.request" or message["id"] in self._to_be_withdrawn:
                return
            requests += 1
            if requests % 3 == 0:
                agency.post(self.case, "accept", during=self.during, in_reply_to=message["id"])

        agency.collect_arrivals(reply)

    def _count(self, _: dict[str, Any]) -> None:
        with self.ledger.lock:
            self._collected += 1


def open_case(network: LocalNetwork, ledger: Ledger) -> str:
    """A case at `it` whose protection status two people have settled, made known to `ro`."""
    with Agency(network, "it", ledger) as agency:
        reference = str(agency.until_answered("POST", "/v1/cases").json()["reference"])
        for number in (0, 1):
            answer = agency.until_answered(
                "PUT",
                f"/v1/cases/{reference}/protection",
                json={"status": "not-sought", "reason": "child-interviewed"},
                headers={"Authorization": f"Bearer {network.token('it', number=number)}"},
            )
            assert answer.status_code < 300, answer.text
        notified = agency.post(reference, "case.notification", during="in quiet")
    assert notified is not None
    return reference
