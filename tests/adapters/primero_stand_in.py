"""Primero as its description has it, as far as the adapter asks it.

Made after https://github.com/primeroIMS/primero: doc/api/tokens/post.md at 198b70b, doc/api/cases/get.md,
post.md, id/get.md and id/patch.md, doc/api/referrals and transfers at 671744f; where these are silent, after
app/models/referral.rb at 1a4d94e, transfer.rb at 0363254, transitionable.rb at 04a98e2, webhookable.rb at
46c846b and historical.rb at 0607071. AGPL-3.0: facts only, no text of it is here. Made-up people.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.kit.stand_in import Answer, Asked, StandIn

type Json = dict[str, Any]

ACCOUNT, PASSWORD = "focalpoint", "correct horse"
WORKER, INBOX = "case_worker", "intake"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PrimeroStandIn(StandIn):
    """`records` by id, `transitions` in order. `marks`: every status that was marked, as the log of Primero
    keeps it. `sees_all`: whether the account's role shows it records that are not its own. `filters`: whether
    its role shows it `last_updated_at`, without which filters on it are left out in silence."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.records: dict[str, Json] = {}
        self.transitions: list[Json] = []
        self.marks: list[tuple[str, Json]] = []
        self.tokens: dict[str, int] = {}
        self.uses_per_token = 10_000
        self.logins = 0
        self.sees_all = False
        self.filters = True
        self.may_list_transfers = True
        self.repeats = False
        self._at = datetime(2026, 11, 20, 9, tzinfo=UTC)

    # -- what people do in Primero

    def now(self) -> str:
        self._at += timedelta(milliseconds=7)
        return self._at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def put(self, id: str | None = None, **facts: Any) -> str:  # noqa: A002
        """A record of a case worker's, or a change of one."""
        id_ = id or str(uuid.uuid4())
        old = self.records.get(id_, {"id": id_, "owned_by": WORKER, "assigned_user_names": []})
        self.records[id_] = {**old, **facts, "last_updated_at": self.now()}
        return id_

    def refer(self, record: str, *, kind: str = "referrals", by: str = WORKER, **facts: Any) -> Json:
        """To the account, unless `facts` say otherwise."""
        made = {
            "id": str(uuid.uuid4()),
            "type": {"referrals": "Referral", "transfers": "Transfer"}[kind],
            "record_id": record,
            "record_type": "Child",
            "status": "inprogress",
            "transitioned_to": ACCOUNT,
            "transitioned_by": by,
            "notes": "",
            "created_at": self.now(),
            **facts,
        }
        self.transitions.append(made)
        if not made.get("remote") and made["transitioned_to"] not in (seen := self._users(record)):
            seen.append(made["transitioned_to"])
        self.put(record)
        return made

    def answer_as(self, user: str, made: Json, status: str, **facts: Any) -> None:
        """Somebody answers. An acceptance of a referral changes nothing of its record."""
        assert made["transitioned_to"] == user
        made |= {"status": status, **facts}
        if status != "accepted":
            self._users(made["record_id"]).remove(user)
            self.put(made["record_id"])
        elif made["type"] == "Transfer":
            self.put(made["record_id"], owned_by=user)

    def notes(self, kind: str = "Referral") -> list[Json]:
        """What the account handed on, in order."""
        return [one for one in self.transitions if one["transitioned_by"] == ACCOUNT and one["type"] == kind]

    def webhook(self, record: str) -> Json:
        return {
            "data": {"record_id": record, "record_type": "Child", "hostname": "primero.example", "event": "x"}
        }

    def _users(self, record: str) -> list[str]:
        users: list[str] = self.records[record]["assigned_user_names"]
        return users

    def _sees(self, record: Json) -> bool:
        return self.sees_all or record["owned_by"] == ACCOUNT or ACCOUNT in record["assigned_user_names"]

    # -- the API

    async def answer(self, asked: Asked) -> Answer:
        if not asked.path.startswith("/api/v2/"):
            return Answer(status=404)
        path = asked.path.removeprefix("/api/v2").strip("/").split("/")
        if path == ["tokens"]:
            return self._token(asked)
        token = asked.headers.get("authorization", "")
        if self.tokens.get(token, 0) <= 0:
            return Answer.of({"error": "You need to sign in or sign up before continuing."}, status=401)
        self.tokens[token] -= 1
        if path == ["cases"]:
            return self._list(asked) if asked.method == "GET" else self._create(asked)
        record = self.records.get(path[1])
        if path[0] != "cases" or record is None:
            return self._error(404, asked, "Not Found")
        if not self._sees(record):
            return self._error(403, asked, "Forbidden")
        if len(path) == 2:
            return self._fetched(asked, record) if asked.method == "GET" else self._update(asked, record)
        if path[2] == "transfers" and not self.may_list_transfers:
            return self._error(403, asked, "Forbidden")
        if len(path) == 3:
            return self._transitions(asked, record, path[2])
        return self._transition(asked, record, path[3])

    def expire(self) -> None:
        """An hour passes."""
        self.tokens.clear()

    def _token(self, asked: Asked) -> Answer:
        if asked.json() != {"user": {"user_name": ACCOUNT, "password": PASSWORD}}:
            return Answer.of({"error": "Invalid User name or password."}, status=401)
        self.logins += 1
        token = f"Bearer header.payload-{self.logins}.signature"
        self.tokens[token] = self.uses_per_token
        return Answer.of({"user_name": ACCOUNT}, headers={"Authorization": token})

    def _list(self, asked: Asked) -> Answer:
        query = asked.query
        per, page = int(query.get("per", 20)), int(query.get("page", 1))
        if per > 1_000:
            return self._error(422, asked, "per")
        seen = [record for record in self.records.values() if self._sees(record)]
        if self.filters and "last_updated_at" in query:
            start, _, end = query["last_updated_at"].partition("..")
            seen = [record for record in seen if start <= record["last_updated_at"] <= end]
        seen.sort(key=lambda one: one[query.get("order_by", "last_updated_at")])
        if query.get("order", "desc") == "desc":
            seen.reverse()
        rows = [self._shown(record, query) for record in seen[(page - 1) * per : page * per]]
        return Answer.of({"data": rows, "metadata": {"total": len(seen), "per": per, "page": page}})

    def _create(self, asked: Asked) -> Answer:
        data = asked.json()["data"]
        if not _UUID.fullmatch(data.get("id", "")):
            return self._error(422, asked, "id")
        if data["id"] in self.records:
            return self._error(409, asked, "Conflict")
        self.put(**{"owned_by": ACCOUNT, **data})
        return Answer(status=204)

    def _fetched(self, asked: Asked, record: Json) -> Answer:
        return Answer.of({"data": self._shown(record, asked.query)})

    @staticmethod
    def _shown(record: Json, query: Any) -> Json:
        if "fields" not in query:
            return record
        return {name: record[name] for name in query["fields"].split(",") if name in record}

    def _update(self, asked: Asked, record: Json) -> Answer:
        data = asked.json()["data"]
        marked = {name: data.pop(name) for name in list(data) if name.startswith("mark_synced")}
        if marked.get("mark_synced") or marked.get("mark_synced_status"):
            self.marks.append((record["id"], marked))
        self.put(record["id"], **data)
        return Answer.of({"data": {"last_updated_at": record["last_updated_at"], **data}})

    def _transitions(self, asked: Asked, record: Json, kind: str) -> Answer:
        if asked.method == "POST":
            return self._hand_on(asked, record, kind)
        type_ = {"referrals": "Referral", "transfers": "Transfer"}[kind]
        rows = [one for one in self.transitions if one["record_id"] == record["id"] and one["type"] == type_]
        if type_ == "Referral" and record["owned_by"] != ACCOUNT:
            rows = [one for one in rows if one["transitioned_to"] == ACCOUNT]
        return Answer.of({"data": rows * (2 if self.repeats else 1)})

    def _hand_on(self, asked: Asked, record: Json, kind: str) -> Answer:
        data = asked.json()["data"]
        consents = record.get("disclosure_other_orgs") and record.get("consent_for_services")
        if not (consents or data.get("consent_overridden")) or not data.get("transitioned_to"):
            return self._error(422, asked, "consent")
        return Answer.of({"data": self.refer(record["id"], kind=kind, by=ACCOUNT, **data)})

    def _transition(self, asked: Asked, record: Json, id: str) -> Answer:  # noqa: A002
        made = next((one for one in self.transitions if one["id"] == id), None)
        if made is None:
            return self._error(404, asked, "Not Found")
        data = asked.json()["data"]
        if data["status"] != made["status"] and made["status"] in {"inprogress", "accepted"}:
            facts = {"rejected_reason": data["rejected_reason"]} if "rejected_reason" in data else {}
            self.answer_as(ACCOUNT, made, data["status"], **facts)
        return Answer.of({"data": made})

    @staticmethod
    def _error(status: int, asked: Asked, message: str) -> Answer:
        # What was sent may be quoted: nobody is to log it.
        quoted = f"{message} {asked.body.decode(errors='replace')[:2_000]}"
        error = {"status": status, "resource": asked.path, "message": quoted}
        return Answer.of({"errors": [error]}, status=status)
