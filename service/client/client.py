"""One method for each call of the API, by area; how a call is made is in `connection`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, Self, cast

import httpx

from protocol import base64url
from service.client.connection import Connection, given, segment
from service.client.credentials import ClientCredentials
from service.client.types import (
    Accepted,
    AdapterState,
    Approval,
    Attachment,
    Awaiting,
    Case,
    Collection,
    Deadline,
    DeadlinePage,
    Direction,
    EvidenceItem,
    Format,
    Guardian,
    ImportOutcome,
    Json,
    Message,
    MessagePage,
    NextSteps,
    NoticeEvent,
    NoticePage,
    NoticesRead,
    Peer,
    PendingRelays,
    Printed,
    Protection,
    ProtectionStatus,
    RegisteredClient,
    RegisteredPerson,
    RelayRecord,
    Retention,
    RetentionAct,
    RetentionRun,
    SignInLink,
    Stuck,
    Submission,
    Subscription,
    Timeline,
    Upload,
    Validation,
)

__all__ = [
    "ENVELOPE",
    "JOURNAL_PAGE",
    "LONG_POLL",
    "TIMEOUT",
    "UPLOAD",
    "Client",
]

TIMEOUT: Final = 10.0
"""Seconds for an answer; a long poll gets its own wait on top."""
UPLOAD: Final = 60.0
"""Seconds between two signs of life while a document goes up."""
LONG_POLL: Final = 30
"""Seconds, the longest that a node holds an empty page back."""
ENVELOPE: Final = "application/vnd.focalpoint.envelope+json"
JOURNAL_PAGE: Final = 1_000
"""Entries asked for at once."""


class Client:
    """One node, one user of it. Asynchronous; close it, or use it as a context."""

    def __init__(
        self,
        base_url: str,
        token: str | ClientCredentials,
        *,
        language: str = "en",
        timeout: float = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`token`: a token, or what gets one whenever it is needed. `timeout` in seconds. `transport` is for
        an application in this process, as tests have it."""
        self._timeout = timeout
        self._node = Connection(base_url, token, language=language, timeout=timeout, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._node.close()

    # -- cases

    async def open_case(self, id: str | None = None) -> Case:  # noqa: A002
        """A new case; with an `id` of yours (a UUID), the same one when it is asked for again."""
        body = {} if id is None else {"json": {"id": id}}
        return cast("Case", await self._node.json("POST", "/v1/cases", **body))

    async def case(self, reference: str) -> Timeline:
        """The case and its timeline."""
        return cast("Timeline", await self._node.json("GET", f"/v1/cases/{segment(reference)}"))

    async def set_protection(self, reference: str, status: ProtectionStatus, *, reason: str) -> Protection:
        """Propose a status, or confirm as a second person what another has proposed. `reason` is a code."""
        body = {"status": status, "reason": reason}
        return cast(
            "Protection",
            await self._node.json("PUT", f"/v1/cases/{segment(reference)}/protection", json=body),
        )

    async def record_guardian(self, reference: str, provided_on: str | None) -> Guardian:
        """Since which day (`YYYY-MM-DD`) the child has a guardian or representative; None takes it back."""
        body = {"provided_on": provided_on}
        return cast(
            "Guardian", await self._node.json("PUT", f"/v1/cases/{segment(reference)}/guardian", json=body)
        )

    async def case_retention(self, reference: str) -> Retention:
        """Until when narrative and identity of a case are kept."""
        return cast("Retention", await self._node.json("GET", f"/v1/cases/{segment(reference)}/retention"))

    async def change_retention(self, reference: str, act: RetentionAct, *, reason: str) -> Retention:
        """Block, unblock or hold; propose to lift a hold or to erase. `reason` is a code."""
        body = {"act": act, "reason": reason}
        return cast(
            "Retention", await self._node.json("POST", f"/v1/cases/{segment(reference)}/retention", json=body)
        )

    async def due_for_retention(self) -> list[Retention]:
        """What `run_retention` would do now. All of it, page by page."""
        asked: dict[str, str] = {}
        found: list[Retention] = []
        while True:
            answer = await self._node.json("GET", "/v1/retention", params=asked)
            found += cast("list[Retention]", answer["cases"])
            if "after" not in answer:
                return found
            asked = {"after": answer["after"]}

    async def run_retention(self) -> RetentionRun:
        return cast("RetentionRun", await self._node.json("POST", "/v1/retention"))

    async def next_steps(self, reference: str) -> NextSteps:
        return cast("NextSteps", await self._node.json("GET", f"/v1/cases/{segment(reference)}/next-steps"))

    async def case_evidence(self, reference: str) -> bytes:
        """The bundle that `focalpoint verify` verifies offline."""
        return (await self._node.request("GET", f"/v1/cases/{segment(reference)}/evidence")).content

    async def agreement(self, reference: str, digest: str) -> bytes:
        """An agreement that both States signed, as the file that `focalpoint agreement verify` verifies."""
        path = f"/v1/cases/{segment(reference)}/agreements/{segment(digest)}"
        return (await self._node.request("GET", path)).content

    # -- messages

    async def send(self, submission: Submission) -> Accepted | Awaiting:
        return cast("Accepted | Awaiting", await self._node.json("POST", "/v1/messages", json=submission))

    async def send_signed(
        self, statement: str, *, narrative: bytes | None = None, identity: bytes | None = None
    ) -> Accepted | Awaiting:
        """Send a statement that the agency has signed, with the exact bytes of the parts that it binds."""
        parts = {"narrative": narrative, "identity": identity}
        body = {"statement": statement} | {
            name: base64url.encode(part).decode() for name, part in parts.items() if part is not None
        }
        answer = await self._node.json(
            "POST",
            "/v1/messages",
            content=json.dumps(body).encode(),
            headers={"Content-Type": "application/jose+json"},
        )
        return cast("Accepted | Awaiting", answer)

    async def validate(self, submission: Submission) -> Validation:
        return cast("Validation", await self._node.json("POST", "/v1/messages/validation", json=submission))

    async def messages(
        self,
        *,
        case: str | None = None,
        type: str | None = None,  # noqa: A002 (the parameter's name in the API)
        direction: Direction | None = None,
        status: str | None = None,
        thread: str | None = None,
        since: datetime | None = None,
        after: str | None = None,
        limit: int | None = None,
        wait: int = 0,
    ) -> MessagePage:
        """One page, oldest arrival first. `wait`: seconds to hold an empty page back, up to LONG_POLL."""
        filters = {
            "case": case,
            "type": type,
            "direction": direction,
            "status": status,
            "thread": thread,
            "since": None if since is None else since.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "after": after,
            "limit": limit,
            "wait": wait or None,
        }
        asked = given(filters)
        answer = await self._node.json("GET", "/v1/messages", params=asked, timeout=self._timeout + wait)
        return cast("MessagePage", answer)

    async def follow(
        self,
        *,
        after: str | None = None,
        direction: Direction | None = None,
        case: str | None = None,
        wait: int = LONG_POLL,
    ) -> AsyncIterator[Message]:
        """Every message from `after` on, then new ones as they arrive, without end.

        What was yielded may be yielded again after a restart from an older cursor: act on ids.
        """
        while True:
            page = await self.messages(after=after, direction=direction, case=case, wait=wait)
            for message in page["messages"]:
                yield message
            after = page["cursor"]

    async def message(self, id: str) -> Message:  # noqa: A002
        return cast("Message", await self._node.json("GET", f"/v1/messages/{segment(id)}"))

    async def request_release(self, id: str, *, reason: str) -> Approval:  # noqa: A002
        """Ask that another person release the identity part. `reason` is a code."""
        answer = await self._node.json(
            "POST", f"/v1/messages/{segment(id)}/identity-release", json={"reason": reason}
        )
        return cast("Approval", answer)

    async def approvals(self, *, state: str | None = None) -> list[Approval]:
        """What takes two people: what still waits first, the oldest first. All of them, page by page."""
        asked = {} if state is None else {"state": state}
        found: list[Approval] = []
        while True:
            answer = await self._node.json("GET", "/v1/approvals", params=asked)
            found += cast("list[Approval]", answer["approvals"])
            if "after" not in answer:
                return found
            asked = {**asked, "after": answer["after"]}

    async def approval(self, id: str) -> Approval:  # noqa: A002
        """With the message that waits, if one does; never its identity part."""
        return cast("Approval", await self._node.json("GET", f"/v1/approvals/{segment(id)}"))

    async def approve(self, id: str, *, reason: str | None = None) -> Approval:  # noqa: A002
        """Approve what another person proposed; it is carried out at once."""
        return await self._decide(
            id, {"decision": "approve"} | ({} if reason is None else {"reason": reason})
        )

    async def send_back(self, id: str, *, reason: str) -> Approval:  # noqa: A002
        """Return what another person proposed, with the code of a reason. Nothing is done."""
        return await self._decide(id, {"decision": "return", "reason": reason})

    async def _decide(self, id: str, body: Json) -> Approval:  # noqa: A002
        return cast(
            "Approval", await self._node.json("POST", f"/v1/approvals/{segment(id)}/decision", json=body)
        )

    async def release_identity(self, id: str, *, reason: str) -> Message:  # noqa: A002
        """The message with its identity part, once another person has released it for this reason.
        Journalled with who asked."""
        asked = {"identity": "release", "reason": reason}
        return cast("Message", await self._node.json("GET", f"/v1/messages/{segment(id)}", params=asked))

    async def evidence(self, id: str) -> list[EvidenceItem]:  # noqa: A002
        answer = await self._node.json("GET", f"/v1/messages/{segment(id)}/evidence")
        return cast("list[EvidenceItem]", answer["evidence"])

    async def rendering(
        self,
        id: str,  # noqa: A002
        *,
        language: str | None = None,
        format: Literal["text", "html"] = "text",  # noqa: A002
    ) -> str:
        """The message in words, in `language` or the client's own."""
        return (await self.printed(id, language=language, format=format)).content.decode()

    async def printed(
        self,
        id: str,  # noqa: A002
        *,
        language: str | None = None,
        format: Format = "pdf",  # noqa: A002
    ) -> Printed:
        """The same as a file, with the digest by which `collect` can name it."""
        return await self._node.printed(f"/v1/messages/{segment(id)}/rendering", language, format)

    async def printed_timeline(
        self,
        reference: str,
        *,
        language: str | None = None,
        format: Format = "text",  # noqa: A002
    ) -> Printed:
        """The case's timeline in words."""
        return await self._node.printed(
            f"/v1/cases/{segment(reference)}/timeline/rendering", language, format
        )

    async def collect(self, id: str, *, shown: Printed | None = None) -> Collection:  # noqa: A002
        """Say that the agency has the message: retrieval evidence goes back to its sender.

        `shown`: the rendering that was read. The evidence then names it.
        """
        named = {}
        if shown is not None:
            named = {"rendering": shown.digest, "lang": shown.language, "format": shown.format}
        return cast(
            "Collection",
            await self._node.json("POST", f"/v1/messages/{segment(id)}/collection", params=named),
        )

    # -- attachments

    async def attach(
        self,
        case: str,
        id: str,  # noqa: A002
        body: AsyncIterable[bytes] | Iterable[bytes],
        *,
        media_type: str,
    ) -> Upload:
        """Upload a document for a message to cite, piece by piece. `id` is yours, and makes it safe to
        repeat; `media_type` as HTTP has it."""
        answer = await self._node.json(
            "PUT",
            f"/v1/cases/{segment(case)}/attachments/{segment(id)}",
            content=body,
            headers={"Content-Type": media_type},
            timeout=UPLOAD,
        )
        return cast("Upload", answer)

    async def attachments(self, id: str) -> list[Attachment]:  # noqa: A002
        answer = await self._node.json("GET", f"/v1/messages/{segment(id)}/attachments")
        return cast("list[Attachment]", answer["attachments"])

    async def attachment(self, id: str, digest: str, *, reason: str) -> AsyncIterator[bytes]:  # noqa: A002
        """A document, piece by piece: a release of identity, journalled with the code `reason`."""
        where = f"/v1/messages/{segment(id)}/attachments/{segment(digest)}"
        asked = {"identity": "release", "reason": reason}
        async with self._node.streamed("GET", where, params=asked) as answer:
            async for piece in answer.aiter_bytes():
                yield piece

    # -- envelopes, directory, deadlines, operations

    async def landing(self, state: str, procedure: str, *, jurisdiction: str | None = None) -> str:
        """The address to write to: by competence, then jurisdiction (ISO 3166-2), then the focal point."""
        asked = {"state": state, "procedure": procedure}
        if jurisdiction is not None:
            asked["jurisdiction"] = jurisdiction
        answer = await self._node.json("GET", "/v1/directory/landing", params=asked)
        return str(answer["address"])

    async def export_envelope(self, id: str) -> bytes:  # noqa: A002
        return (await self._node.request("GET", f"/v1/messages/{segment(id)}/envelope")).content

    async def pending_relays(self) -> PendingRelays:
        """What an intermediary has to hand over, oldest first."""
        return cast("PendingRelays", await self._node.json("GET", "/v1/relay/pending"))

    async def record_relay(
        self,
        id: str,  # noqa: A002
        *,
        outcome: Literal["handed-over", "failed"],
        way: str,
        reason: str | None = None,
        attempt: int | None = None,
    ) -> RelayRecord:
        """What became of handing a message over. With `attempt`, from 1, saying it twice counts once."""
        said = {"outcome": outcome, "way": way, "reason": reason, "attempt": attempt}
        body = given(said)
        return cast(
            "RelayRecord", await self._node.json("POST", f"/v1/messages/{segment(id)}/relay", json=body)
        )

    async def propose_paper_consent(self, id: str) -> Approval:  # noqa: A002
        """Ask a second person to confirm the consent on paper that this attestation attests."""
        where = f"/v1/messages/{segment(id)}/paper-consent"
        return cast("Approval", await self._node.json("POST", where))

    async def export_hand_over(self, state: str) -> AsyncIterator[bytes]:
        """A State's cases and documents for its own node, sealed to it, piece by piece; at the intermediary
        they are blocked from then on."""
        async with self._node.streamed("POST", f"/v1/hand-over/{segment(state)}") as answer:
            async for piece in answer.aiter_bytes():
                yield piece

    async def import_hand_over(self, file: AsyncIterable[bytes] | Iterable[bytes]) -> dict[str, Any]:
        """Take it in at the State's own node. What broke off goes on by the same file."""
        headers = {"Content-Type": "application/vnd.focalpoint.hand-over"}
        return await self._node.json("POST", "/v1/hand-over", content=file, headers=headers, timeout=UPLOAD)

    async def relay_envelope(self, id: str) -> bytes:  # noqa: A002
        """Of a message that was sealed past the intermediary's node: for its authority to open."""
        return (await self._node.request("GET", f"/v1/messages/{segment(id)}/relay/envelope")).content

    async def import_envelope(self, envelope: bytes) -> ImportOutcome:
        answer = await self._node.json(
            "POST", "/v1/envelopes", content=envelope, headers={"Content-Type": ENVELOPE}
        )
        return cast("ImportOutcome", answer)

    async def authorities(
        self, *, state: str | None = None, procedure: str | None = None
    ) -> list[dict[str, Any]]:
        filters = {"state": state, "procedure": procedure}
        asked = given(filters)
        answer = await self._node.json("GET", "/v1/directory/authorities", params=asked)
        return cast("list[dict[str, Any]]", answer["authorities"])

    async def directory_state(self) -> dict[str, Any]:
        """Which directory the node has, how long it is good, and what peers see of it."""
        return await self._node.json("GET", "/v1/directory/state")

    async def preview_entry(self, kind: str, name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """What an entry of this State would say and change; nothing is signed."""
        body = {"kind": kind, "name": name, "facts": dict(facts)}
        return await self._node.json("POST", "/v1/directory/entries/preview", json=body)

    async def propose_entry(
        self, kind: str, name: str, *, facts: Mapping[str, Any] | None = None, entry: str | None = None
    ) -> Approval:
        """`facts` where the node holds the root key, or an `entry` that was signed elsewhere. Published once
        a second administrator approves; a mandate's revocation at once."""
        body = {"facts": dict(facts or {})} if entry is None else {"entry": entry}
        path = f"/v1/directory/entries/{segment(kind)}/{segment(name)}"
        return cast("Approval", await self._node.json("PUT", path, json=body))

    async def propose_key_act(
        self,
        act: str,
        owner: str,
        *,
        kid: str | None = None,
        since: str | None = None,
        replace: bool = False,
    ) -> Approval:
        """generate, publish, rotate, retire; revoke and compromised, which hold at once from now on."""
        body: dict[str, Any] = {"act": act, "owner": owner}
        body |= {} if kid is None else {"kid": kid}
        body |= {} if since is None else {"since": since}
        body |= {"replace": True} if replace else {}
        return cast("Approval", await self._node.json("POST", "/v1/keys/actions", json=body))

    async def vocabularies(self) -> list[dict[str, Any]]:
        answer = await self._node.json("GET", "/v1/vocabularies")
        return cast("list[dict[str, Any]]", answer["vocabularies"])

    async def vocabulary(self, scheme: str) -> dict[str, Any]:
        return await self._node.json("GET", f"/v1/vocabularies/{segment(scheme)}")

    async def deadlines(
        self,
        *,
        owed_by: Literal["us", "them"] | None = None,
        overdue: bool | None = None,
        case: str | None = None,
    ) -> list[Deadline]:
        """The first hundred."""
        return (await self.deadline_page(owed_by=owed_by, overdue=overdue, case=case))["deadlines"]

    async def deadline_page(
        self,
        *,
        owed_by: Literal["us", "them"] | None = None,
        overdue: bool | None = None,
        case: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> DeadlinePage:
        """One page, the earliest first. `after`: as the page before gave it."""
        filters = {
            "owed_by": owed_by,
            "overdue": None if overdue is None else str(overdue).lower(),
            "case": case,
            "after": after,
            "limit": None if limit is None else str(limit),
        }
        asked = given(filters)
        return cast("DeadlinePage", await self._node.json("GET", "/v1/deadlines", params=asked))

    async def indicators(
        self,
        *,
        year: int | None = None,
        procedure: str | None = None,
        peer: str | None = None,
        as_of: str | None = None,
        publication: bool = False,
    ) -> dict[str, Any]:
        """How timely States answered the requests of `year`, and whether the peers' nodes count the same."""
        asked = _indicators_asked(year, procedure, peer, as_of, publication)
        return await self._node.json("GET", "/v1/indicators", params=asked)

    async def printed_indicators(
        self,
        *,
        year: int | None = None,
        procedure: str | None = None,
        peer: str | None = None,
        as_of: str | None = None,
        publication: bool = False,
        language: str | None = None,
        format: Format = "text",  # noqa: A002
    ) -> Printed:
        asked = _indicators_asked(year, procedure, peer, as_of, publication)
        return await self._node.printed("/v1/indicators", language, format, asked)

    async def indicators_file(
        self,
        *,
        year: int | None = None,
        procedure: str | None = None,
        peer: str | None = None,
        as_of: str | None = None,
        publication: bool = False,
        language: str | None = None,
        format: Literal["csv", "json"] = "csv",  # noqa: A002
    ) -> bytes:
        asked = _indicators_asked(year, procedure, peer, as_of, publication) | {"format": format}
        asked |= {} if language is None else {"lang": language}
        return (await self._node.request("GET", "/v1/indicators", params=asked)).content

    async def stuck(self) -> Stuck:
        """The oldest unanswered by legal deadline first, then what stands still for longer than it may."""
        return cast("Stuck", await self._node.json("GET", "/v1/operations/stuck"))

    async def peers(self) -> list[Peer]:
        """Each peer's node as this one sees it: this one first."""
        return cast("list[Peer]", (await self._node.json("GET", "/v1/operations/peers"))["peers"])

    async def report_adapter(self, name: str, health: Mapping[str, Any]) -> AdapterState:
        """Say how the adapter `name` is (`adapters.kit.health`)."""
        path = f"/v1/adapters/{segment(name)}/health"
        return cast("AdapterState", await self._node.json("PUT", path, json=dict(health)))

    async def adapters(self) -> list[AdapterState]:
        """How this State's adapters are, the unwell first."""
        return cast("list[AdapterState]", (await self._node.json("GET", "/v1/adapters"))["adapters"])

    async def statistics(self) -> list[dict[str, Any]]:
        """What was released, the newest first, without the tables."""
        answer = await self._node.json("GET", "/v1/statistics", params={"limit": 500})
        return cast("list[dict[str, Any]]", answer["releases"])

    async def make_statistics(
        self,
        role: Literal["destination", "origin"],
        *,
        year: int | None = None,
        day: str | None = None,
        by_sex: bool = False,
        coarsen: bool = False,
    ) -> dict[str, Any]:
        """Release statistics on a `year` that is over, or on a past `day` (`2026-12-31`). The same again
        gives the same release."""
        when = {"year": year} if day is None else {"day": day}
        asked = {"role": role, **when, "by_sex": by_sex, "coarsen": coarsen}
        return await self._node.json("POST", "/v1/statistics/releases", json=asked)

    async def printed_statistics(
        self,
        id: str,  # noqa: A002
        *,
        language: str | None = None,
        format: Format = "text",  # noqa: A002
    ) -> Printed:
        return await self._node.printed(f"/v1/statistics/releases/{segment(id)}", language, format)

    async def statistics_file(
        self,
        id: str,  # noqa: A002
        *,
        language: str | None = None,
        format: Literal["csv", "json"] = "csv",  # noqa: A002
    ) -> bytes:
        asked = {"format": format} | ({} if language is None else {"lang": language})
        path = f"/v1/statistics/releases/{segment(id)}"
        return (await self._node.request("GET", path, params=asked)).content

    # -- who may ask, and who did

    async def clients(self) -> list[RegisteredClient]:
        answer = await self._node.json("GET", "/v1/clients")
        return cast("list[RegisteredClient]", answer["clients"])

    async def register_client(
        self,
        id: str,  # noqa: A002
        *,
        role: str,
        keys: Sequence[Json],
        authorities: Sequence[str] = (),
        scopes: Sequence[str] | None = None,
    ) -> Approval:
        """Propose a system, or to replace what was registered under `id`; a second administrator approves.
        `keys`: public JSON Web Keys."""
        body = {"role": role, "keys": list(keys), "authorities": list(authorities)}
        body |= {} if scopes is None else {"scopes": list(scopes)}
        return cast("Approval", await self._node.json("PUT", f"/v1/clients/{segment(id)}", json=body))

    async def disable_client(self, id: str) -> RegisteredClient:  # noqa: A002
        return cast("RegisteredClient", await self._node.json("DELETE", f"/v1/clients/{segment(id)}"))

    async def people(self) -> list[RegisteredPerson]:
        answer = await self._node.json("GET", "/v1/persons")
        return cast("list[RegisteredPerson]", answer["persons"])

    async def add_person(
        self, *, role: str, authorities: Sequence[str] = (), subject: str | None = None
    ) -> RegisteredPerson | Approval:
        """`subject`: what the identity provider calls them; None for somebody who comes by links. Where the
        role shows content or administers: what waits for a second administrator, and whose `subject` is their
        name."""
        body: dict[str, Any] = {"role": role, "authorities": list(authorities)}
        body |= {} if subject is None else {"subject": subject}
        return cast("RegisteredPerson | Approval", await self._node.json("POST", "/v1/persons", json=body))

    async def disable_person(self, id: str) -> RegisteredPerson:  # noqa: A002
        return cast("RegisteredPerson", await self._node.json("DELETE", f"/v1/persons/{segment(id)}"))

    async def invite(self, id: str) -> SignInLink | Approval:  # noqa: A002
        """A link that signs the person in once, shown this once; or what waits for a second administrator,
        who has it in the answer to their approval."""
        return cast(
            "SignInLink | Approval", await self._node.json("POST", f"/v1/persons/{segment(id)}/invitation")
        )

    async def notices(self, *, after: str | None = None, limit: int = 50, wait: int = 0) -> NoticePage:
        """What this client is told, the oldest first. `wait`: seconds to wait for the first."""
        asked: dict[str, Any] = {"limit": limit, "wait": wait}
        asked |= {} if after is None else {"after": after}
        return cast(
            "NoticePage", await self._node.json("GET", "/v1/notices", params=asked, timeout=TIMEOUT + wait)
        )

    async def mark_read(self, cursor: str) -> NoticesRead:
        """Say that this client has read up to `cursor`."""
        return cast("NoticesRead", await self._node.json("PUT", "/v1/notices/read", json={"cursor": cursor}))

    async def events(self, *, after: str | None = None, seconds: int = 3_600) -> AsyncIterator[NoticeEvent]:
        """What this client is told, as it happens; each with the `cursor` to go on from. Ends with the token,
        or after `seconds`."""
        asked: dict[str, Any] = {"seconds": seconds}
        asked |= {} if after is None else {"after": after}
        patience = httpx.Timeout(TIMEOUT, read=60.0)
        async with self._node.streamed("GET", "/v1/events", params=asked, timeout=patience) as answer:
            seen: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line:
                    seen[name] = value
                else:
                    if "data" in seen:
                        yield cast("NoticeEvent", {**json.loads(seen["data"]), "cursor": seen["id"]})
                    seen = {}

    async def subscriptions(self) -> list[Subscription]:
        answer = await self._node.json("GET", "/v1/subscriptions")
        return cast("list[Subscription]", answer["subscriptions"])

    async def subscription(self, id: str) -> Subscription:  # noqa: A002
        return cast("Subscription", await self._node.json("GET", f"/v1/subscriptions/{segment(id)}"))

    async def put_subscription(
        self,
        id: str,  # noqa: A002
        *,
        channel: Literal["email", "webhook"],
        authority: str | None = None,
        audience: str | None = None,
        target: str | None = None,
        kinds: Sequence[str] = (),
        daily_at: int | None = None,
        language: str | None = None,
    ) -> Subscription:
        """Have notices sent to an office's mailbox or to a system, or say anew how."""
        wanted = {
            "channel": channel,
            "authority": authority,
            "audience": audience,
            "target": target,
            "kinds": list(kinds) or None,
            "daily_at": daily_at,
            "language": language,
        }
        body = given(wanted)
        return cast(
            "Subscription", await self._node.json("PUT", f"/v1/subscriptions/{segment(id)}", json=body)
        )

    async def delete_subscription(self, id: str) -> Subscription:  # noqa: A002
        return cast("Subscription", await self._node.json("DELETE", f"/v1/subscriptions/{segment(id)}"))

    async def webhook_keys(self) -> list[str]:
        """The public keys by which a receiver knows this node's webhooks."""
        return cast(
            "list[str]", (await self._node.json("GET", "/.well-known/focalpoint-webhook-key"))["keys"]
        )

    async def journal(self, *, after: int = 0, case: str | None = None) -> AsyncIterator[bytes]:
        """The access journal's lines from behind position `after`, each without its end."""
        while True:
            asked: dict[str, Any] = {"after": after, "limit": JOURNAL_PAGE}
            asked |= {} if case is None else {"case": case}
            lines = (await self._node.request("GET", "/v1/journal", params=asked)).content.splitlines()
            for line in lines:
                yield line
            if len(lines) < JOURNAL_PAGE:
                return
            after = json.loads(lines[-1])["position"]

    async def ready(self) -> dict[str, bool]:
        """Which parts of the node work; not ready is an answer too."""
        answer = await self._node.answer("GET", "/readyz")
        return cast("dict[str, bool]", answer.json()["parts"])

    async def metrics(self) -> str:
        return (await self._node.request("GET", "/metrics")).text


def _indicators_asked(
    year: int | None, procedure: str | None, peer: str | None, as_of: str | None, publication: bool
) -> dict[str, str]:
    asked = {
        "year": None if year is None else str(year),
        "procedure": procedure,
        "peer": peer,
        "as_of": as_of,
    }
    named = given(asked)
    return named | ({"publication": "true"} if publication else {})
