"""Primero's calls, as its description has them: https://github.com/primeroIMS/primero, `doc/api/tokens`,
`cases`, `referrals` and `transfers` at 671744f, and what that leaves open from `app/` (README.md says where).

No answer is believed for its status alone. One that is not as described is `primero.nonsense`, and never half
a record. The text of an error is not read: it may quote what somebody typed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from types import TracebackType
from typing import Any, Final, Literal, Self

import httpx

from adapters.kit.errors import Away, Unfit

__all__ = ["MOST_PER_PAGE", "Kind", "Page", "Primero", "Stamped", "Transition", "moment"]

type Json = dict[str, Any]
type Kind = Literal["referrals", "transfers"]

MOST_PER_PAGE: Final = 1_000
"""Records, the most that one page has (doc/api/cases/get.md)."""
_TIMEOUT: Final = 15.0
_MOST_BYTES: Final = 4 << 20
"""An answer longer than this is none of Primero's to what is asked here."""
_TOKEN_SECONDS: Final = 50 * 60
"""A token lasts an hour (doc/api.md); it is renewed before."""
_FOR_EVER: Final = "2200-01-01T00:00:00.000Z"
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPES: Final[Mapping[Kind, str]] = {"referrals": "Referral", "transfers": "Transfer"}
_STATUSES: Final = frozenset(
    {"pending", "inprogress", "in_progress", "accepted", "rejected", "done", "revoked"}
)
"""Older releases write `in_progress`."""
_SHORT: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A record of a list. `changed_at` as Primero has it, in thousandths of a second."""

    id: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records, the one that changed longest ago first. `full`: there may be more behind them."""

    records: tuple[Stamped, ...]
    full: bool
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A referral or a transfer. `status` is `inprogress` where the answer has none, as in their examples."""

    kind: Kind
    id: str
    record: str
    status: str
    to: str | None
    by: str
    created_at: datetime
    agency: str | None = None
    remote: bool = False
    service: str | None = field(default=None, repr=False)
    notes: str = field(default="", repr=False)
    rejected_reason: str = field(default="", repr=False)


class Primero:
    """One account of one installation. `before_each` is waited for before every call."""

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        now: Callable[[], float],
        timeout: float = _TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`now`: seconds that never go back. `timeout` in seconds."""
        self.user = user
        self.before_each: Callable[[], Awaitable[None]] | None = None
        self._password = password
        self._now = now
        self._token: str | None = None
        self._since = 0.0
        self._one = asyncio.Lock()
        self._http = httpx.AsyncClient(base_url=f"{url}/api/v2", timeout=timeout, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def cases(self, *, since: datetime, per: int, page: int = 1) -> Page:
        """What the account sees and what changed at `since` or later, by when it changed."""
        start = since.astimezone(UTC)
        asked = {
            "last_updated_at": f"{_text(start)}..{_FOR_EVER}",
            "order_by": "last_updated_at",
            "order": "asc",
            "fields": "id,last_updated_at",
            "per": per,
            "page": page,
        }
        try:
            told = await self._object("GET", "/cases", params=asked)
        except Unfit as unfit:
            # Of one record it would mean that; of the list it is the installation.
            raise Away(unfit.code, unfit.hint) from None
        rows, metadata = told.get("data"), told.get("metadata")
        if not isinstance(rows, list) or len(rows) > per or not isinstance(metadata, dict):
            raise Away("primero.nonsense", "expected a page of records")
        total = metadata.get("total")
        if not isinstance(total, int) or isinstance(total, bool) or metadata.get("page") != page:
            raise Away("primero.nonsense", "expected the page that was asked for")
        records = tuple(
            Stamped(id=_id(_mapping(row).get("id")), changed_at=moment(row.get("last_updated_at")))
            for row in rows
        )
        # A filter on a field that the account may not see is left out in silence, and everything comes.
        if any(record.changed_at < start for record in records):
            raise Away("primero.filter_ignored", "the account needs to see last_updated_at")
        if any(one.changed_at > other.changed_at for one, other in pairwise(records)):
            raise Away("primero.nonsense", "expected the oldest change first")
        return Page(records=records, full=len(records) == per, total=total)

    async def case(self, id: str, fields: Iterable[str]) -> Json:  # noqa: A002
        """The record, with these fields alone. Unfit `primero.gone` where there is none, `primero.forbidden`
        where the account may not see it."""
        answer = await self._asked(
            "GET", f"/cases/{_id(id)}", params={"fields": ",".join(dict.fromkeys(("id", *fields)))}
        )
        record = _mapping(_told(answer).get("data"))
        if record.get("id") != id:
            raise Away("primero.nonsense", "expected the record that was asked for")
        return record

    async def has_case(self, id: str) -> bool:  # noqa: A002
        try:
            await self.case(id, ())
        except Unfit as unfit:
            if unfit.code == "primero.gone":
                return False
            raise
        return True

    async def create_case(self, id: str, data: Mapping[str, Any]) -> None:  # noqa: A002
        """A record under an id of ours; nothing where it is there already."""
        made = await self._asked(
            "POST", "/cases", allowed=(200, 204, 409), json={"data": {**data, "id": _id(id)}}
        )
        if made.status_code == 200 and _mapping(_told(made).get("data")).get("id") != id:
            raise Away("primero.nonsense", "expected the record that was made")

    async def transitions(self, kind: Kind, record: str) -> tuple[Transition, ...]:
        """Those that the account may see, the oldest first. Of referrals that is, on a record that somebody
        else owns, what was referred to the account alone (`app/models/concerns/transitionable.rb`)."""
        rows = (await self._object("GET", f"/cases/{_id(record)}/{kind}")).get("data")
        if not isinstance(rows, list):
            raise Away("primero.nonsense", "expected a list of transitions")
        found = [_transition(kind, record, row) for row in rows]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.id)))

    async def transition(self, kind: Kind, record: str, id: str) -> Transition:  # noqa: A002
        """Unfit `primero.gone` for one that is not listed."""
        for found in await self.transitions(kind, record):
            if found.id == id:
                return found
        raise Unfit("primero.gone", "no such transition")

    async def hand_on(
        self,
        kind: Kind,
        record: str,
        *,
        notes: str,
        to: str | None = None,
        remote_to: str | None = None,
        remote_agency: str | None = None,
        consent_overridden: bool = False,
    ) -> Transition:
        """Refer or transfer to a user of this Primero, or to somebody elsewhere. The same twice is two: look
        first."""
        data: Json = {"notes": notes}
        if to is not None:
            data["transitioned_to"] = to
        else:
            data |= {
                "remote": True,
                "transitioned_to_remote": remote_to,
                "transitioned_to_agency": remote_agency,
            }
        if consent_overridden:
            data["consent_overridden"] = True
        told = await self._object("POST", f"/cases/{_id(record)}/{kind}", json={"data": data})
        return _transition(kind, record, told.get("data"))

    async def set_status(
        self,
        kind: Kind,
        record: str,
        id: str,  # noqa: A002
        status: Literal["accepted", "rejected", "done"],
        *,
        rejected_reason: str | None = None,
    ) -> Transition:
        """Answer it. A transfer knows no `done`."""
        data: Json = {"status": status}
        if rejected_reason is not None:
            data["rejected_reason"] = rejected_reason
        told = await self._object("PATCH", f"/cases/{_id(record)}/{kind}/{_id(id)}", json={"data": data})
        changed = _transition(kind, record, told.get("data"))
        if changed.id != id:
            raise Away("primero.nonsense", "expected the transition that was answered")
        return changed

    async def mark(self, record: str, *, synced: bool, url: str, status: str) -> None:
        """Say on the record how it stands with us. Primero notes it in its log and keeps no field of it
        (`app/models/concerns/webhookable.rb`), so that the same again does no harm."""
        data = {"mark_synced": synced, "mark_synced_url": url, "mark_synced_status": status}
        told = await self._object("PATCH", f"/cases/{_id(record)}", json={"data": data})
        _mapping(told.get("data"))

    async def _object(self, method: str, path: str, **request: Any) -> Json:
        return _told(await self._asked(method, path, **request))

    async def _asked(
        self, method: str, path: str, *, allowed: tuple[int, ...] = (200,), **request: Any
    ) -> httpx.Response:
        for again in (False, True):
            token = await self._logged_in()
            answer = await self._called(method, path, headers={"Authorization": token}, **request)
            if answer.status_code != 401 or again:
                break
            # Ended before its time: a restart of theirs, or a clock.
            if self._token == token:
                self._token = None
        status = answer.status_code
        if status in allowed:
            return answer
        if status == 401:
            raise Away("primero.login_refused", "a new token is refused as well")
        if status == 403 and path != "/cases":
            raise Unfit("primero.forbidden", "the account may not do this with this record")
        if status == 404:
            raise Unfit("primero.gone", "no such record")
        if status == 422:
            raise Unfit("primero.invalid", "Primero does not take it as it is")
        if status == 403:
            raise Away("primero.forbidden", "the account may not list or create cases")
        raise Away("primero.refused", f"status {status}", retry_after=answer.headers.get("Retry-After"))

    async def _logged_in(self) -> str:
        async with self._one:
            if self._token is not None and self._now() - self._since < _TOKEN_SECONDS:
                return self._token
            began = self._now()
            user = {"user_name": self.user, "password": self._password}
            answer = await self._called("POST", "/tokens", json={"user": user})
            if answer.status_code == 401:
                raise Away("primero.login_refused", "user name or password")
            if answer.status_code != 200:
                asked = answer.headers.get("Retry-After")
                raise Away("primero.refused", f"status {answer.status_code}", retry_after=asked)
            token = str(answer.headers.get("Authorization", ""))
            if not re.fullmatch(r"Bearer [\w.~+/=-]{1,8000}", token, re.ASCII):
                raise Away("primero.nonsense", "expected a token")
            if _told(answer).get("user_name") != self.user:
                raise Away("primero.nonsense", "expected a token of this user")
            self._token, self._since = token, began
            return token

    async def _called(self, method: str, path: str, **request: Any) -> httpx.Response:
        if self.before_each is not None:
            await self.before_each()
        try:
            async with self._http.stream(method, path, **request) as answer:
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise Away("primero.nonsense", "the answer does not end")
        except httpx.HTTPError:
            raise Away("primero.unreachable") from None
        kept = ("Authorization", "Retry-After")
        headers = {name: answer.headers[name] for name in kept if name in answer.headers}
        return httpx.Response(answer.status_code, headers=headers, content=bytes(body))


def moment(value: object) -> datetime:
    """A date and time of Primero's. Away `primero.nonsense` for anything else."""
    try:
        if not isinstance(value, str):
            raise ValueError
        at = datetime.fromisoformat(value)
        if at.tzinfo is None:
            raise ValueError
        at = at.astimezone(UTC)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)
    except (ValueError, OverflowError):
        raise Away("primero.nonsense", "expected a date and time") from None


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(answer: httpx.Response) -> Json:
    try:
        told = answer.json()
    except (ValueError, RecursionError):
        told = None
    return _mapping(told)


def _mapping(value: Any) -> Json:
    if not isinstance(value, dict):
        raise Away("primero.nonsense", "expected a JSON object")
    return value


def _id(value: object) -> str:
    """Also keeps a name from reaching another path."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Away("primero.nonsense", "expected an id")
    return value


def _line(row: Json, name: str) -> str | None:
    value = row.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > _SHORT):
        raise Away("primero.nonsense", f"expected text as {name}")
    return value or None


def _transition(kind: Kind, record: str, value: object) -> Transition:
    row = _mapping(value)
    status = _line(row, "status") or "inprogress"
    if row.get("type") != _TYPES[kind] or row.get("record_id") != record or status not in _STATUSES:
        raise Away("primero.nonsense", "expected a transition of the record")
    by = _line(row, "transitioned_by")
    if by is None:
        raise Away("primero.nonsense", "expected who made the transition")
    return Transition(
        kind=kind,
        id=_id(row.get("id")),
        record=record,
        status="inprogress" if status == "in_progress" else status,
        to=_line(row, "transitioned_to"),
        by=by,
        created_at=moment(row.get("created_at")),
        agency=_line(row, "transitioned_to_agency"),
        remote=row.get("remote") is True,
        service=_line(row, "service"),
        # Whatever somebody wrote, however much of it: what is ours in it is short and comes first.
        notes=str(row.get("notes") or "")[:_SHORT],
        rejected_reason=str(row.get("rejected_reason") or "")[:_SHORT],
    )
