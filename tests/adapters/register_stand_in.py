"""The register of `adapters/template/README.md`, to be kind or cruel to its adapter."""

from __future__ import annotations

from typing import Any

from adapters.kit.stand_in import Answer, Asked, StandIn

type Json = dict[str, Any]


class RegisterStandIn(StandIn):
    """`entered`: every message that was entered, in order. `records` by number."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.records: dict[str, Json] = {}
        self.log: list[tuple[str, str]] = []
        self.entered: list[Json] = []
        self.repeats = False
        """Whether every change is told twice."""

    def put(self, number: str, **facts: Any) -> str:
        """A record, or a change of one. The name that its adapter knows its notification under."""
        self.records[number] = {**self.records.get(number, {}), **facts}
        self.log.append((number, str(self.records[number].get("status"))))
        return f"notification:{number}"

    async def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("x-api-key") != "example":
            return Answer(status=401)
        if (asked.method, asked.path) == ("GET", "/changes"):
            return self._changes(int(asked.query["after"]))
        if (asked.method, asked.path) == ("POST", "/messages"):
            self.entered.append(asked.json())
            return Answer.of({}, status=201)
        kind, _, name = asked.path.strip("/").partition("/")
        if kind == "records" and name in self.records:
            return Answer.of(self.records[name])
        if kind == "messages" and (found := [entry for entry in self.entered if entry["id"] == name]):
            return Answer.of(found[0])
        return Answer(status=404)

    def _changes(self, after: int) -> Answer:
        page = self.log[after : after + 5]
        told = [{"record": number, "status": status} for number, status in page]
        return Answer.of(
            {
                "changes": told * (2 if self.repeats else 1),
                "next": after + len(page),
                "more": after + len(page) < len(self.log),
            }
        )
