"""An agency signs on its own side and hands in the finished statement: the node adds nothing to it, and
believes nothing of it that it can check."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from protocol import base64url
from protocol.content import Draft, NarrativeBlock, SignedContent, sign_content
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.statements import LocalSigningKey
from protocol.vocabularies import RELEASE
from service.clock import SystemClock
from tests.journeys.forgery import new_id
from tests.journeys.local_network import (
    IT,
    IT_COURT,
    RO,
    LocalNetwork,
    await_status,
    message,
    send,
    status_of,
)
from tests.protocol.sample_contents import sample
from tests.watching import until

pytestmark = pytest.mark.network

JOSE = {"Content-Type": "application/jose"}
JOSE_JSON = {"Content-Type": "application/jose+json"}


@pytest.fixture(scope="module")
def key(network: LocalNetwork) -> LocalSigningKey:
    """The authority's own key, as an agency that keeps it would have it."""
    return network.keys("it").signing(IT)


def signed(
    type_: str,
    case: str,
    key: LocalSigningKey,
    *,
    id: MessageId | None = None,  # noqa: A002
    **changes: Any,
) -> SignedContent:
    content = sample(type_)
    id_ = id or new_id()
    members: dict[str, Any] = {
        "id": id_,
        "type": type_,
        "case": CaseReference(case),
        "thread": ThreadId(id_),
        "sender": Address(IT),
        "recipient": Address(RO),
        "coded": content.coded,
        "narrative": tuple(
            NarrativeBlock(field=block.field, language=block.language, text=block.text)
            for block in content.narrative
        ),
        "identity": content.identity,
        "declares_no_danger": True,
        "vocabulary": RELEASE,
    }
    return sign_content(
        Draft(**members | changes),
        key=key,
        issued_at=SystemClock().now().replace(microsecond=0),
        random_bytes=secrets.token_bytes,
    )


def with_parts(made: SignedContent) -> dict[str, str]:
    return {
        "statement": made.statement.token,
        **({"narrative": base64url.encode(made.narrative).decode()} if made.narrative else {}),
        **({"identity": base64url.encode(made.identity).decode()} if made.identity else {}),
    }


def post(client: httpx.Client, body: dict[str, str]) -> httpx.Response:
    return client.post("/v1/messages", content=json.dumps(body), headers=JOSE_JSON)


def test_a_statement_that_the_agency_signed_travels_as_it_is(
    network: LocalNetwork, key: LocalSigningKey
) -> None:
    it, ro = network.client("it", "agency-system"), network.officer("ro")
    case = network.settled_case()
    notified = signed("case.notification", case, key)
    taken = post(it, with_parts(notified))
    assert taken.status_code == 202, taken.text
    assert taken.json()["statement_digest"] == notified.statement.digest
    id_ = taken.json()["id"]
    await_status(it, id_, "consigned")
    assert post(it, with_parts(notified)).json() == taken.json(), "again, and the same answer"
    for code in ("it", "ro"):
        rows = network.rows(code, "select statement from message where id = ?", id_)
        assert rows == [{"statement": notified.statement.token}]
    network.release("ro", id_, "visit")
    read = network.officer("ro").get(f"/v1/messages/{id_}", params={"identity": "release", "reason": "visit"})
    assert read.json()["content"]["identity"] == sample("case.notification").identity

    # Bare, for a message without parts.
    query = send(ro, message("query", case, RO, IT, in_reply_to=id_))["id"]
    until(lambda: status_of(it, query) == "consigned")
    answer = signed(
        "answer",
        case,
        key,
        thread=ThreadId(id_),
        in_reply_to=MessageId(query),
        narrative=(),
        identity=None,
    )
    bare = it.post("/v1/messages", content=answer.statement.token, headers=JOSE)
    assert bare.status_code == 202, bare.text
    await_status(it, bare.json()["id"], "consigned")
    checked = it.post("/v1/messages/validation", content=answer.statement.token, headers=JOSE)
    assert checked.status_code == 200


def _altered(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    def alter(body: dict[str, str]) -> dict[str, str]:
        part = bytearray(base64url.decode(body[name].encode()))
        at = part.index(b"La bambina") if name == "narrative" else part.index(b"Example")
        part[at] ^= 1
        return body | {name: base64url.encode(bytes(part)).decode()}

    return alter


def _without(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    return lambda body: {member: value for member, value in body.items() if member != name}


def _other_signature(body: dict[str, str]) -> dict[str, str]:
    head, payload, signature = body["statement"].split(".")
    raw = bytearray(base64url.decode(signature.encode()))
    raw[10] ^= 1
    return body | {"statement": f"{head}.{payload}.{base64url.encode(bytes(raw)).decode()}"}


ALTERED: dict[str, tuple[str, Callable[[dict[str, str]], dict[str, str]]]] = {
    "the narrative": ("content.part_digest", _altered("narrative")),
    "the identity": ("content.part_digest", _altered("identity")),
    "no narrative": ("content.part_missing", _without("narrative")),
    "no identity": ("content.part_missing", _without("identity")),
    "the signature": ("statement.signature", _other_signature),
    "identity and narrative exchanged": (
        "content.part_digest",
        lambda body: body | {"narrative": body["identity"], "identity": body["narrative"]},
    ),
}


@pytest.mark.parametrize("what", ALTERED)
def test_what_was_altered_after_signing_is_refused(
    network: LocalNetwork, key: LocalSigningKey, what: str
) -> None:
    code, alter = ALTERED[what]
    it = network.client("it", "agency-system")
    made = signed("case.notification", network.settled_case(), key)
    answer = post(it, alter(with_parts(made)))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert network.rows("it", "select id from message where id = ?", made.statement.claims["jti"]) == []
    assert post(it, with_parts(made)).status_code == 202, "the refusal used up nothing"


def test_another_key_speaks_for_nobody(network: LocalNetwork, key: LocalSigningKey) -> None:
    it = network.client("it", "agency-system")
    case = network.settled_case()
    keys = network.keys("it")
    for name, other, code in (
        ("a key of its own", LocalSigningKey.generate("own-key"), "statement.unknown_key"),
        ("the same id", LocalSigningKey.from_seed(key.kid, b"s" * 32), "statement.signature"),
        ("another office's", keys.signing(IT_COURT), "statement.unknown_key"),
        ("the node's", keys.signing("it"), "statement.unknown_key"),
        ("another State's", network.keys("ro").signing(RO), "statement.unknown_key"),
    ):
        answer = post(it, with_parts(signed("case.notification", case, other)))
        assert (answer.status_code, answer.json()["code"]) == (422, code), name
    # Rightly signed, and by an authority that the token does not act for.
    court = signed("case.notification", case, keys.signing(IT_COURT), sender=Address(IT_COURT))
    stranger = network.stranger("it", "agency-system", IT)
    answer = post(stranger, with_parts(court))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.not_your_authority")
    # Rightly signed, by an authority that may not say this.
    asked = signed("social-inquiry.request", case, keys.signing(IT_COURT), sender=Address(IT_COURT))
    answer = post(it, with_parts(asked))
    assert (answer.status_code, answer.json()["code"]) == (422, "opening.not_competent")


def test_another_statement_under_the_same_id_is_a_conflict(
    network: LocalNetwork, key: LocalSigningKey
) -> None:
    it = network.client("it", "agency-system")
    case = network.settled_case()
    first = signed("case.notification", case, key)
    assert post(it, with_parts(first)).status_code == 202
    again = signed("case.notification", case, key, id=MessageId(first.statement.claims["jti"]))
    answer = post(it, with_parts(again))
    assert (answer.status_code, answer.json()["code"]) == (409, "id_reused")
