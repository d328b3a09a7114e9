"""What people write about a child stands in no place where somebody without the grant could look.

A whole case is played between two real nodes with planted words in every narrative and identity field; then
everything is searched that the nodes and the hub have written, sent or answered.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml

from protocol import conversations, messages
from protocol.identifiers import NodeCode
from protocol.statements import digest
from service.access.roles import CONTENT_SCOPES, ENDPOINTS, ROLE_SCOPES, Role
from service.api.reading import ENVELOPE
from service.routing.subjects import envelope_subject
from tests.journeys.local_network import (
    IT,
    IT_COURT,
    REPOSITORY,
    RO,
    RO_LOCAL,
    Json,
    LocalNetwork,
    await_status,
    message,
    send,
    status_of,
)
from tests.journeys.planting import Planter, files_below, occurrences, spellings
from tests.watching import until

pytestmark = pytest.mark.network

WITHOUT_CONTENT = [role for role in Role if not ROLE_SCOPES[role] & CONTENT_SCOPES]


@dataclass(frozen=True, kw_only=True)
class Played:
    """A case from notification to collection. `sent`: message id by type; `frozen_hub`: every file of the
    hub's store while the notification lay there."""

    network: LocalNetwork
    planter: Planter
    case: str
    sent: dict[str, str]
    frozen_hub: list[tuple[str, bytes]] = field(repr=False)

    @property
    def core(self) -> str:
        return self.planter.core


@pytest.fixture(scope="module")
def played(network: LocalNetwork) -> Played:
    planter = Planter()
    # Opened for one authority alone: the other one of the same State is a stranger to it.
    case = network.settled_case(opened_by=network.stranger("it", "case-officer", IT))
    it, ro = network.officer("it"), network.officer("ro")
    sent: dict[str, str] = {}

    def say(client: httpx.Client, type_: str, sender: str, to: str, reply_to: str | None = None) -> str:
        content = planter.content(type_)
        body = message(type_, case, sender, to)
        body["narrative"] = [
            {"field": block.field, "language": block.language, "text": block.text}
            for block in content.narrative
        ]
        if content.identity is not None:
            body["identity"] = content.identity
        if reply_to is not None:
            body["in_reply_to"] = sent[reply_to]
        if type_ == "guardian.notice":
            body["coded"].pop("replaces")
        sent[type_] = send(client, body)["id"]
        return sent[type_]

    with stopped(network, "ro"):
        notified = say(it, "case.notification", IT, RO)
        hub_store = Path(network.description["hub"]["store"])
        found = until(lambda: _holding_an_envelope(hub_store), what="the envelope in the hub's store")
    await_status(it, notified, "consigned")
    for client, other, type_, sender, to, reply_to in (
        (it, ro, "guardian.notice", IT, RO, "case.notification"),
        (it, ro, "social-inquiry.request", IT, RO, None),
        (ro, it, "accept", RO, IT, "social-inquiry.request"),
        (ro, it, "query", RO, IT, "social-inquiry.request"),
        (it, ro, "answer", IT, RO, "query"),
        (ro, it, "social-inquiry.report", RO, IT, "social-inquiry.request"),
    ):
        await_status(client, say(client, type_, sender, to, reply_to), "consigned")
        until(lambda other=other, id_=sent[type_]: status_of(other, id_) == "consigned")
    collected = it.post(f"/v1/messages/{sent['social-inquiry.report']}/collection")
    assert collected.status_code == 200, collected.text
    await_status(ro, sent["social-inquiry.report"], "retrieved")
    return Played(network=network, planter=planter, case=case, sent=sent, frozen_hub=found)


@contextlib.contextmanager
def stopped(network: LocalNetwork, code: str) -> Iterator[None]:
    """The node's process stands still: what is sent to it stays at the hub."""
    pid = network.node(code)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _holding_an_envelope(store: Path) -> list[tuple[str, bytes]]:
    subject = envelope_subject(NodeCode("ro"), NodeCode("it")).encode()
    files = list(files_below(store))
    return files if any(subject in data and b"manifest" in data for _, data in files) else []


def test_the_search_finds_a_word_in_every_spelling(tmp_path: Path) -> None:
    word = Planter().core
    wanted = spellings(word)
    assert {"utf-8", "utf-8 hex", "utf-8 HEX", "json-escaped", "utf-16-le", "percent"} <= wanted.keys()
    assert {f"utf-8 base64 at {alignment}" for alignment in range(3)} <= wanted.keys()
    for name, written in {
        "plain": f"x{word}y".encode(),
        "base64": base64.b64encode(f"{{'name': '{word}'}}".encode()),
        "base64 shifted": base64.b64encode(f"{{'name': ' {word}'}}".encode()),
        "base64 shifted again": base64.b64encode(f"{{'name': '  {word}'}}".encode()),
        "base64url": base64.urlsafe_b64encode(b"??>" + word.encode() + b"<>?"),
        "base64 twice": base64.b64encode(b".." + base64.urlsafe_b64encode(word.encode())),
        "hex": word.encode().hex().encode(),
        "escaped": json.dumps({"name": word}).encode(),
        "utf-16": word.encode("utf-16"),
    }.items():
        (tmp_path / name).write_bytes(b"\x00noise\xff" + written + b"\xffnoise")
    found = {place for place, _ in occurrences(word, files_below(tmp_path))}
    assert found == {path.name for path in tmp_path.iterdir()}


def test_whoever_has_the_grant_reads_every_planted_word(played: Played) -> None:
    """The positive control: what the other tests look for is there, and the search finds it."""
    readers = {
        "case.notification": "ro",
        "guardian.notice": "ro",
        "social-inquiry.request": "ro",
        "answer": "ro",
        "query": "it",
        "social-inquiry.report": "it",
    }
    for type_, code in readers.items():
        id_ = played.sent[type_]
        if played.planter.of_form(type_, "identity"):
            played.network.release(code, id_, "visit")
        for part, client, query in (
            ("narrative", played.network.officer(code), {}),
            ("identity", played.network.officer(code), {"identity": "release", "reason": "visit"}),
        ):
            answer = client.get(f"/v1/messages/{id_}", params=query)
            texts = played.planter.of_form(type_, part)
            assert [text for text in texts if text not in answer.text] == [], (type_, part)
    assert len(played.planter.planted) > 60
    for at in ("persons/0/names/0/family", "persons/0/documents/0/number", "addresses/0/address_lines"):
        assert f"social-inquiry.report/identity/{at}" in played.planter.planted


def test_no_file_of_node_or_hub_holds_a_planted_word(played: Played) -> None:
    network = played.network
    files = list(files_below(network.directory)) + list(files_below(network.temporary))
    assert occurrences(played.core, files) == []
    assert occurrences(played.core, played.frozen_hub) == []
    # The search reached what it was meant to reach.
    places = {place for place, _ in files}
    for code in ("it", "ro"):
        assert {f"nodes/{code}/node.db", f"nodes/{code}/node.db-wal", f"nodes/{code}/node.log"} <= places
        in_database = [data for place, data in files if place.startswith(f"nodes/{code}/node.db")]
        assert any(played.case.encode() in data for data in in_database)
        assert any(played.sent["accept"].encode() in data for data in in_database)
    assert any(b"manifest" in data for place, data in played.frozen_hub if "streams/ro/" in place)


def test_a_plain_text_taken_for_an_envelope_is_not_kept(played: Played) -> None:
    """An officer chooses the wrong file: it is refused, and no database has it then."""
    network = played.network
    word = Planter().core
    wrong = message("case.notification", played.case, IT, RO, narrative=[_block("circumstances", "fr", word)])
    no_manifest = {"manifest": word, "parts": {}}
    for data in (json.dumps(wrong).encode(), json.dumps(no_manifest).encode(), word.encode()):
        answer = network.officer("ro").post("/v1/envelopes", content=data, headers={"Content-Type": ENVELOPE})
        assert (answer.status_code, answer.json()["code"]) == (400, "envelope.not_vouched_for")
        (row,) = network.rows("ro", "select size, data from quarantine where digest = ?", digest(data))
        assert row == {"size": len(data), "data": b""}
    assert occurrences(word, files_below(network.directory)) == []


def test_no_byte_between_node_and_hub_shows_a_planted_word(played: Played) -> None:
    wire = played.network.tap.everything()
    assert occurrences(played.core, [("wire", wire)]) == []
    assert envelope_subject(NodeCode("ro"), NodeCode("it")).encode() in wire
    assert envelope_subject(NodeCode("it"), NodeCode("ro")).encode() in wire


def test_metrics_and_problems_show_no_planted_word(played: Played) -> None:
    network, it = played.network, played.network.officer("it")
    answers = [
        (f"metrics of {code}", network.client(code, "operator").get("/metrics").content)
        for code in ("it", "ro")
    ]
    assert all(b"fp_" in body for _, body in answers)
    word = played.core
    good = message("social-inquiry.request", played.case, IT, RO)
    for name, body in {
        "an unknown member": {**good, word: word},
        "a value of the wrong kind": {**good, "declares_no_danger": word},
        "an unknown code": {**good, "coded": {**good["coded"], "child_informed": word}},
        "an unknown coded field": {**good, "coded": {**good["coded"], word: word}},
        "an unknown identity field": {**good, "identity": {word: word}},
        "a name that is none": {**good, "identity": {"persons": [{"reference": word, "names": word}]}},
        "an unknown narrative field": {**good, "narrative": [_block(word, "fr", word)]},
        "an unknown language": {**good, "narrative": [_block("reasons", word, word)]},
        "too long a text": {**good, "narrative": [_block("reasons", "fr", word * 20_000)]},
        "an address": {**good, "sender": word},
        "another address": {**good, "recipient": f"ro.{uuid.uuid4()}"},
        "a type": {**good, "type": word},
        "a case": {**good, "case": word},
        "an id": {**good, "id": word},
        "a predecessor": {**good, "in_reply_to": word},
        "an urgency": {**good, "urgency": word},
    }.items():
        for path in ("/v1/messages", "/v1/messages/validation"):
            answer = it.post(path, json=body)
            assert answer.status_code in (200, 400, 404, 409, 413, 422), (name, answer.text)
            answers.append((f"{name} at {path}", answer.content))
    answers += [
        (path, it.get(path, headers={"Accept-Language": word.encode()}).content)
        for path in (
            f"/v1/cases/{word}",
            f"/v1/messages/{word}",
            f"/v1/messages?type={word}&case={word}",
            f"/v1/messages?{word}={word}",
            f"/v1/messages?after={word}",
            f"/v1/vocabularies/{word}",
            f"/{word}",
        )
    ]
    answers.append(("not json", it.post("/v1/messages", content=word, headers=_JSON).content))
    answers.append(("twice", it.post("/v1/messages", content=_twice(word), headers=_JSON).content))
    answers.append(("a token", httpx.get(f"{it.base_url}/v1/messages", headers=_bearer(word)).content))
    answers.append(("media type", it.post("/v1/messages", headers={"Content-Type": b"a/x-w"}).content))
    assert occurrences(word, answers) == []
    logs = [
        (f"{code} {name}", (network.directory / "nodes" / code / name).read_bytes())
        for code in ("it", "ro")
        for name in ("node.log", "node.out")
    ]
    assert occurrences(word, logs) == []


_JSON = {"Content-Type": "application/json"}


def _block(field: str, language: str, text: str) -> Json:
    return {"field": field, "language": language, "text": text}


def _twice(word: str) -> bytes:
    return f'{{"{word}": "{word}", "{word}": 1}}'.encode()


def _bearer(word: str) -> dict[str, bytes]:
    return {"Authorization": f"Bearer {word}".encode()}


def _paths(played: Played) -> Iterator[str]:
    """Every GET of the description with real ids, as each message, case and thread of the play has them."""
    description = yaml.safe_load((REPOSITORY / "openapi.yaml").read_text())
    for template, operations in description["paths"].items():
        if "get" not in operations:
            continue
        if "{id}" in template:
            for id_ in played.sent.values():
                path = template.replace("{id}", id_).replace("{digest}", "A" * 43)
                if template.endswith("/attachments/{digest}"):
                    yield f"{path}?identity=release&reason=visit"
                    continue
                yield path
                if template == "/v1/messages/{id}":
                    yield f"{path}?identity=release&reason=visit"
                if template.endswith("/rendering"):
                    yield from (f"{path}?lang=fr&format=html", f"{path}?lang=ar")
        elif template == "/v1/events":
            yield f"{template}?seconds=0"  # what there is, and then it ends
        elif template == "/v1/directory/landing":
            yield f"{template}?state=ro&procedure=social-inquiry"
        elif template == "/v1/messages" or template == "/v1/deadlines":
            yield from (template, f"{template}?case={played.case}")
        else:
            path = template.replace("{reference}", played.case).replace("{scheme}", "exploitation-form")
            yield path.replace("{digest}", "A" * 43)


@pytest.mark.parametrize("role", WITHOUT_CONTENT)
def test_no_answer_to_a_role_without_content_shows_a_planted_word(played: Played, role: Role) -> None:
    assert set(WITHOUT_CONTENT) == {Role.OPERATOR, Role.AUDITOR, Role.STATISTICIAN, Role.ADMINISTRATOR}
    for code in ("it", "ro"):
        client = played.network.client(code, role)
        answers = [(f"{code} {path}", client.get(path)) for path in _paths(played)]
        assert len(answers) == len(list(_paths(played))) >= 15
        assert occurrences(played.core, [(at, answer.content) for at, answer in answers]) == []
        for at, answer in answers:
            # A session is a browser's, a callback and an invitation want what only a provider or a link has.
            also = {401, 422} if " /auth/" in at else set()
            assert answer.status_code in {200, 403, 404, 503} | also, (at, answer.text)


@pytest.mark.parametrize("role", [Role.CASE_OFFICER, Role.AGENCY_SYSTEM, Role.INTERMEDIARY_OFFICER])
def test_who_works_on_a_case_without_the_identity_grant_sees_no_identity(played: Played, role: Role) -> None:
    for code in ("it", "ro"):
        client = played.network.client(code, role)
        for type_, id_ in played.sent.items():
            identity = [text.split()[1] for text in played.planter.of_form(type_, "identity")]
            marks = {f"mot {number} {played.core}" for number in identity}
            for path in (f"/v1/messages/{id_}", f"/v1/messages/{id_}/rendering?lang=fr"):
                answer = client.get(path)
                assert answer.status_code == 200
                assert [mark for mark in marks if mark in answer.text] == []
            # Whoever has the scope has not been released it for this reason.
            release = client.get(f"/v1/messages/{id_}", params={"identity": "release", "reason": "curious"})
            refused = "second_person" if role is Role.CASE_OFFICER else "scope"
            assert (release.status_code, release.json()["code"]) == (403, f"access.{refused}")


@pytest.mark.parametrize(
    ("code", "authority", "role"),
    [
        ("it", IT_COURT, Role.SUPERVISOR),
        ("it", IT_COURT, Role.CASE_OFFICER),
        ("ro", RO_LOCAL, Role.SUPERVISOR),
        ("ro", RO_LOCAL, Role.AGENCY_SYSTEM),
    ],
)
def test_another_authority_of_the_same_state_learns_nothing_of_the_case(
    played: Played, code: str, authority: str, role: Role
) -> None:
    """Nor that there is one: what is not theirs is answered like what does not exist."""
    stranger = played.network.stranger(code, role, authority)
    nowhere = {played.case: "K7QM-3XPT-9V2D-6"} | {id_: str(uuid.uuid4()) for id_ in played.sent.values()}
    asked = 0
    for path in _paths(played):
        if not any(known in path for known in nowhere):
            continue
        answer = stranger.get(path)
        assert occurrences(played.core, [(path, answer.content)]) == []
        if "?case=" in path:
            page = answer.json()
            assert page.get("messages", page.get("deadlines")) == [], path
            continue
        unknown = path
        for known in nowhere:
            unknown = unknown.replace(known, nowhere[known])
        nothing = stranger.get(unknown)
        assert (answer.status_code, answer.content) == (nothing.status_code, nothing.content), path
        assert answer.status_code in (403, 404), path
        asked += 1
    assert asked > 20
    listed = stranger.get("/v1/messages", params={"limit": 200}).text + stranger.get("/v1/deadlines").text
    assert [known for known in nowhere if known in listed] == []
    released = played.network.rows(
        code, "select * from access_journal where actor like ?", f"%-of-{authority}"
    )
    assert released == []


PUBLIC_NAMES = (
    *conversations.PROCEDURES,
    *(name for name in messages.FORMS if "." in name or "-" in name),
    *("content-consigned", "consignment-failed", "content-retrieved", "submission-accepted"),
)
"""Words of the sealed side: procedures, message types, kinds of evidence. Not `case`, `accept` and the like,
which any English text may have."""
_TOO_SHORT = 8


def _sealed_names(played: Played) -> list[str]:
    plain = played.case.replace("-", "")
    return [
        *(IT, IT_COURT, RO, RO_LOCAL),
        *(played.case, plain, plain.lower(), played.case.lower()),
        # `identity` is the procedure and the sealed part: that an envelope has such a part is not hidden.
        *(name for name in PUBLIC_NAMES if len(name) >= _TOO_SHORT and name != "identity"),
    ]


def test_the_hub_keeps_neither_authority_nor_case_nor_procedure(played: Played) -> None:
    """Save in the directory's own stream, which is public and says who there is."""
    hub = played.network.directory / "hub"
    directory_stream = "jetstream/FP/streams/KV_DIR/"
    places = [
        *files_below(hub, leave_out=[hub / "js" / directory_stream]),
        *((place, data) for place, data in played.frozen_hub if not place.startswith(directory_stream)),
    ]
    for name in _sealed_names(played):
        assert occurrences(name, places) == [], name
    # The search would have seen them: the stream left out is where they stand.
    directory = list(files_below(hub / "js" / directory_stream))
    assert occurrences(IT, directory)
    assert occurrences("social-inquiry", directory)


def test_the_wire_shows_neither_authority_nor_case_nor_procedure(played: Played) -> None:
    frames = [frame for frame in played.network.tap.frames() if not frame.asks_for_directory]
    carried = b"\n".join(frame.data for frame in frames if not frame.is_directory)
    for name in _sealed_names(played):
        assert occurrences(name, [("wire", carried)]) == [], name
    public = b"\n".join(frame.data for frame in frames if frame.is_directory)
    assert occurrences(IT, [("wire", public)])
    assert carried.count(b"manifest") >= len(played.sent)


def test_a_log_line_names_no_case_and_no_authority(played: Played) -> None:
    for code in ("it", "ro"):
        log = (played.network.directory / "nodes" / code / "node.log").read_bytes()
        assert re.search(rb'"event":', log)
        for name in (played.case, played.case.replace("-", ""), IT, RO):
            assert occurrences(name, [("log", log)]) == []


def test_every_get_of_the_description_was_walked() -> None:
    description = yaml.safe_load((REPOSITORY / "openapi.yaml").read_text())
    described = {path for path, operations in description["paths"].items() if "get" in operations}
    assert described == {path for method, path in ENDPOINTS if method == "GET"}
