"""Writes our own vectors anew: `python -m tests.vectors.generate`. On purpose, never by a test run.

One file per case, named by what is wrong with it (or right). Sealing draws fresh randomness, so every run
changes every sealed byte; commit the result only when the format has changed, and say so in the change log.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from protocol import base64url, padding
from protocol.envelope import Envelope, Outgoing, SealedHeader
from protocol.identifiers import MessageId, NodeCode
from protocol.json_strict import Json, dumps
from protocol.sealing import SealingPrivateKey, SealingSuite, seal
from protocol.statements import LocalSigningKey, StatementType, cosign, digest, issue, sign
from tests.protocol.sample_directory import IT_LOCAL, NOW, RO_FOCAL_POINT, sample_directory, seeded_key
from tests.protocol.sample_envelopes import (
    AUTHORITY_KEY,
    DRAFT,
    IT_KEY,
    MESSAGE,
    RO_CONTENT,
    RO_IDENTITY,
    clear_header,
    envelope,
    outgoing_content,
    receipt,
    signed_content,
)

HERE = Path(__file__).parent
BARE = dataclasses.replace(DRAFT, narrative=(), identity=None)
OTHER = MessageId("00000000-0000-4000-8000-000000000001")


def write(kind: str, name: str, about: str, given: Json, expected: Json) -> None:
    folder = HERE / kind
    folder.mkdir(exist_ok=True)
    vector = {"kind": kind, "about": about, "given": given, "expected": expected}
    (folder / f"{name}.json").write_text(json.dumps(vector, indent=1, ensure_ascii=False) + "\n", "utf-8")


def refused(code: str, answer: str = "not_acceptable", **facts: str) -> Json:
    return {"outcome": "refused", "code": code, "class": answer, **({"facts": facts} if facts else {})}


def b64(data: bytes) -> str:
    return base64url.encode(data).decode()


def json_vectors() -> None:
    for name, about, text, code in (
        (
            "plain",
            "Whole numbers, text in several scripts, null",
            '{"a":[1,-2,null,true],"б":"ع 中"}'.encode(),
            None,
        ),
        ("member-twice", "Two readers keep different values", b'{"a":1,"a":2}', "json.duplicate_key"),
        (
            "member-twice-escaped",
            "The same name in two spellings",
            b'{"a":1,"\\u0061":2}',
            "json.duplicate_key",
        ),
        ("fraction", "Readers round differently", b'{"a":1.0}', "json.float"),
        ("exponent", "A float in disguise", b'{"a":1e2}', "json.float"),
        ("not-a-number", "Python's own extension", b'{"a":NaN}', "json.malformed"),
        ("integer-beyond-2-53", "Some readers keep doubles", b"[9007199254740992]", "json.integer_range"),
        ("largest-integer", "The last one that all readers keep", b"[9007199254740991]", None),
        ("lone-surrogate", "No character", b'["\\ud800"]', "json.malformed"),
        ("surrogate-pair", "One character", b'["\\ud83d\\ude00"]', None),
        ("byte-order-mark", "Invisible, and part of the signed bytes", b"\xef\xbb\xbf{}", "json.malformed"),
        ("utf-16", "Another encoding", "{}".encode("utf-16-le"), "json.malformed"),
        ("depth-12", "As deep as is allowed", b"[" * 12 + b"]" * 12, None),
        ("depth-13", "Deeper than is allowed", b"[" * 13 + b"]" * 13, "json.too_deep"),
    ):
        write("json", name, about, {"bytes": b64(text)}, refused(code) if code else {"outcome": "accepted"})


def padding_vectors() -> None:
    for size in (0, 1, 1023, 1024, 1535, 1536, 65_536):
        padded = padding.pad(b"x" * size)
        about = f"{size} times `x`: its size class in bytes, and the end of what is sealed"
        tail = padded[max(0, size - 1) : size + 2]
        given = {"character": "x", "times": size}
        write(
            "padding", f"length-{size}", about, given, {"size": len(padded), "around_the_end_mark": b64(tail)}
        )


def statement_vectors() -> None:
    key = seeded_key("vector-1")
    claims = {"iss": "it.servizio-minori", "iat": int(NOW.timestamp()), "text": "è"}
    token = sign(StatementType.CONTENT, claims, key)
    protected, payload, signature = token.split(".")

    def resigned(header: Json, body: bytes = b"{}") -> str:
        signed = f"{b64(dumps(header))}.{b64(body)}".encode()
        return (signed + b"." + base64url.encode(key.sign(signed))).decode()

    forger = LocalSigningKey.from_seed("vector-1", bytes(32))
    good = {"alg": "Ed25519", "kid": "vector-1", "typ": "fp-content+jws"}
    # Four bits of the last character of a signature are unused.
    respelled = signature[:-1] + chr(ord(signature[-1]) + 1)
    cases: tuple[tuple[str, str, str, str | None], ...] = (
        ("good", "A content statement", token, None),
        (
            "algorithm-none",
            "No signature asked for",
            resigned({**good, "alg": "none"}),
            "statement.algorithm",
        ),
        (
            "algorithm-eddsa",
            "The name that RFC 9864 retires",
            resigned({**good, "alg": "EdDSA"}),
            "statement.algorithm",
        ),
        (
            "header-brings-a-key",
            "A key of its own",
            resigned({**good, "jwk": key.public.jwk()}),
            "statement.algorithm",
        ),
        ("header-critical", "An extension", resigned({**good, "crit": ["exp"]}), "statement.algorithm"),
        (
            "type-manifest",
            "Signed for another purpose",
            sign(StatementType.MANIFEST, claims, key),
            "statement.wrong_type",
        ),
        (
            "claim-twice",
            "Signed, and ambiguous",
            resigned(good, b'{"iss":"a","iss":"b"}'),
            "json.duplicate_key",
        ),
        ("padded-base64", "A second spelling", f"{token}==", "statement.malformed"),
        (
            "trailing-bits",
            "A second spelling of one signature",
            f"{protected}.{payload}.{respelled}",
            "statement.malformed",
        ),
        (
            "claims-changed",
            "Signature of other claims",
            f"{protected}.{b64(b'{}')}.{signature}",
            "statement.signature",
        ),
        (
            "another-key-same-id",
            "A forger",
            sign(StatementType.CONTENT, claims, forger),
            "statement.signature",
        ),
    )
    for name, about, text, code in cases:
        given = {"token": text, "typ": "fp-content+jws", "jwk": key.public.jwk()}
        accepted = {"outcome": "accepted", "claims": claims, "digest": digest(text.encode())}
        write("statement", name, about, given, refused(code) if code else accepted)


def cosigned_vectors() -> None:
    keys = [seeded_key(f"vector-root-{number}") for number in (1, 2, 3)]
    payload = b'{"network":"focalpoint-example"}'
    alias = LocalSigningKey.from_seed("vector-alias", keys[0].seed())
    one, two = (cosign(StatementType.CHARTER, payload, key) for key in keys[:2])
    listed = [key.public.jwk() for key in (*keys, alias)]
    enough = {"outcome": "accepted", "signers": [key.kid for key in keys[:2]]}
    for name, about, signatures, expected in (
        ("two-of-three", "Detached, unencoded payload (RFC 7797)", [one, two], enough),
        ("one-twice", "One signer is not two", [one, one], refused("statement.threshold")),
        (
            "one-key-two-ids",
            "One key is not two",
            [one, cosign(StatementType.CHARTER, payload, alias)],
            refused("statement.threshold"),
        ),
        (
            "other-bytes",
            "A signature over another payload",
            [one, cosign(StatementType.CHARTER, b"{}", keys[1])],
            refused("statement.threshold"),
        ),
        (
            "other-purpose",
            "Signed as an admission",
            [one, cosign(StatementType.ADMISSION, payload, keys[1])],
            refused("statement.threshold"),
        ),
        (
            "strangers-besides",
            "Unknown and broken signatures harm nothing",
            [one, "x", cosign(StatementType.CHARTER, payload, IT_KEY), two],
            enough,
        ),
    ):
        document = {"payload": b64(payload), "signatures": signatures}
        given = {"document": document, "typ": "fp-charter+jws", "jwks": listed, "threshold": 2}
        write("cosigned", name, about, given, expected)


def sealed_vectors() -> None:
    plain, header, other = b"a part of a message", b"h" * 32, b"o" * 32
    for suite in SealingSuite:
        key = SealingPrivateKey.from_secret(f"vector-{suite}", suite, bytes(range(32)))
        jwe = json.loads(seal(plain, to=key.public, header_digest=header))
        protected = json.loads(base64url.decode(jwe["protected"].encode()))
        shortened = {**jwe, "ciphertext": b64(base64url.decode(jwe["ciphertext"].encode())[:-1])}
        cases: tuple[tuple[str, str, Json, bytes, str | None], ...] = (
            ("good", "Opens", jwe, header, None),
            ("another-clear-header", "Cut from another envelope", jwe, other, "sealing.not_opened"),
            ("aad-exchanged", "AAD made to fit", {**jwe, "aad": b64(other)}, other, "sealing.not_opened"),
            ("cut-short", "Content shortened", shortened, header, "sealing.not_opened"),
            (
                "second-recipient",
                "Room for another recipient",
                {**jwe, "recipients": "x"},
                header,
                "sealing.malformed",
            ),
            (
                "another-key-id",
                "Sealed to a key of another name",
                {**jwe, "protected": b64(dumps({**protected, "kid": "x"}))},
                header,
                "sealing.wrong_key",
            ),
            (
                "compressed",
                "A header member more",
                {**jwe, "protected": b64(dumps({**protected, "zip": "DEF"}))},
                header,
                "sealing.malformed",
            ),
        )
        for name, about, sealed, bound_to, code in cases:
            given = {
                "jwe": sealed,
                "secret": b64(key.to_secret()),
                "jwk": key.public.jwk(),
                "header_digest": b64(bound_to),
            }
            expected = refused(code, "cannot_open") if code else {"outcome": "opened", "plain": b64(plain)}
            write("sealed", f"{suite.lower()}-{name}", about, given, expected)


def envelope_vectors() -> None:
    world = sample_directory()
    folder = HERE / "envelope"
    folder.mkdir(exist_ok=True)
    surroundings = {
        "about": "What the node `ro` holds while it opens the envelopes beside this file.",
        "me": "ro",
        "now": int(NOW.timestamp()),
        "charter_digest": world.charter_digest,
        "charter": world.charter.to_json(),
        "admissions": [one.to_json() for one in world.admissions.values()],
        "snapshot": world.snapshot_token,
        "entries": world.entries,
        "sealing_keys": [
            {"kid": key.kid, "suite": key.suite, "secret": b64(key.to_secret())}
            for key in (RO_CONTENT, RO_IDENTITY)
        ],
        "procedures": {"social-inquiry.request": "social-inquiry", "case.notification": "case"},
    }
    text = json.dumps(surroundings, indent=1, ensure_ascii=False)
    (folder / "surroundings.json").write_text(text + "\n", "utf-8")
    good = envelope(outgoing=outgoing_content(BARE))
    body = json.loads(good.data)

    def saying(key: LocalSigningKey = AUTHORITY_KEY, **claims: Any) -> Envelope:
        statement = issue(StatementType.CONTENT, {**signed_content(BARE).statement.claims, **claims}, key)
        draft = dataclasses.replace(
            BARE, sender=claims.get("iss", BARE.sender), recipient=claims.get("aud", BARE.recipient)
        )
        return envelope(outgoing=outgoing_content(draft, statements=(statement.token,)))

    def sealing_again(**plain: bytes) -> bytes:
        parts = {name: part.encode() for name, part in body["parts"].items()}
        for name, part in plain.items():
            parts[name] = seal(part, to=RO_CONTENT.public, header_digest=good.header_digest)
        records = {name: {"sha256": digest(part), "size": len(part)} for name, part in parts.items()}
        token = sign(StatementType.MANIFEST, {**good.manifest.claims, "parts": records}, IT_KEY)
        return dumps({"manifest": token, "parts": {name: part.decode() for name, part in parts.items()}})

    def sealed_header(**changes: Any) -> bytes:
        header = SealedHeader(
            kind="content",
            id=MESSAGE,
            sender=BARE.sender,
            recipient=BARE.recipient,
            statements=(signed_content(BARE).statement.digest,),
        )
        return dataclasses.replace(header, **changes).to_bytes()

    def receipts(*tokens: str) -> bytes:
        return envelope(outgoing=Outgoing(kind="evidence", id=MESSAGE, statements=tokens)).data

    def nobody(code: str) -> Json:
        return refused(code, "unauthenticated")

    def unopened(code: str, **facts: str) -> Json:
        return refused(code, "cannot_open", **facts)

    mixed = {**body, "parts": {**body["parts"], "header": json.loads(envelope().data)["parts"]["header"]}}
    destroyed = SealingPrivateKey.from_secret("ro-content-0", SealingSuite.HPKE_9_KE, bytes(32))
    future = clear_header(sent_at=NOW + timedelta(minutes=6))
    newer = clear_header(version="1.1", unknown={"lane": "fast"})
    critical = dataclasses.replace(newer, critical=("lane",))
    local_key, stranger = seeded_key(f"{IT_LOCAL}-1"), seeded_key("fr-node-1")
    content = outgoing_content(BARE)
    opened: Json = {"outcome": "opened", "kind": "content"}
    cases: tuple[tuple[str, str, bytes, Json], ...] = (
        (
            "good-three-parts",
            "Coded, narrative and identity",
            envelope().data,
            {**opened, "identity": DRAFT.identity},
        ),
        ("good-coded-alone", "No part but the statement", good.data, opened),
        (
            "good-receipts",
            "Several receipts share an envelope",
            receipts(receipt(), receipt(number=2)),
            {"outcome": "opened", "kind": "evidence"},
        ),
        (
            "good-next-minor-version",
            "An unknown member is kept",
            envelope(outgoing=content, clear=newer).data,
            opened,
        ),
        ("good-unknown-claim", "An unknown claim is kept", saying(carrier="air").data, opened),
        (
            "next-major-version",
            "Another protocol",
            envelope(outgoing=content, clear=clear_header(version="2.0")).data,
            nobody("envelope.version"),
        ),
        (
            "for-another-node",
            "Delivered to the wrong inbox",
            envelope(outgoing=content, clear=clear_header(recipient=NodeCode("it"))).data,
            nobody("opening.not_for_us"),
        ),
        (
            "from-the-future",
            "Six minutes ahead",
            envelope(outgoing=content, clear=future).data,
            nobody("opening.from_the_future"),
        ),
        (
            "too-old",
            "Sixteen days",
            envelope(outgoing=content, clear=clear_header(sent_at=NOW - timedelta(days=16))).data,
            nobody("opening.too_old"),
        ),
        (
            "unknown-node",
            "A node that no State has entered",
            envelope(outgoing=content, clear=clear_header(sender=NodeCode("fr")), node_key=stranger).data,
            nobody("statement.unknown_key"),
        ),
        (
            "manifest-by-an-authority",
            "An authority is no node",
            envelope(outgoing=content, node_key=AUTHORITY_KEY).data,
            nobody("statement.unknown_key"),
        ),
        (
            "manifest-forged",
            "Another key under the node's id",
            envelope(outgoing=content, node_key=LocalSigningKey.from_seed(IT_KEY.kid, bytes(32))).data,
            nobody("statement.signature"),
        ),
        (
            "part-of-another-envelope",
            "Not the part that was signed",
            dumps(mixed),
            nobody("opening.part_digest"),
        ),
        (
            "part-unlisted",
            "A part besides those signed",
            dumps({**body, "parts": {**body["parts"], "narrative": "x"}}),
            nobody("envelope.malformed"),
        ),
        (
            "member-twice",
            "Two manifests",
            good.data.replace(b'{"manifest":', b'{"manifest":"x","manifest":', 1),
            nobody("json.duplicate_key"),
        ),
        (
            "destroyed-key",
            "Sealed to a retired key",
            envelope(outgoing=content, clear=clear_header(key=destroyed.kid), sealing_key=destroyed).data,
            unopened("sealing.unknown_key", current_kid="ro-content-1", purpose="content"),
        ),
        (
            "sealed-header-of-another-id",
            "Clear and sealed id differ",
            sealing_again(header=sealed_header(id=OTHER)),
            unopened("opening.header_mismatch"),
        ),
        (
            "statement-unlisted",
            "Not the statement of the sealed header",
            sealing_again(header=sealed_header(statements=("d" * 43,))),
            unopened("opening.statement_digest"),
        ),
        (
            "forwarded-in-secret",
            "A statement to one, enveloped for another",
            envelope(outgoing=dataclasses.replace(content, recipient=RO_FOCAL_POINT)).data,
            unopened("opening.header_mismatch"),
        ),
        (
            "replayed-under-a-new-id",
            "An old statement as a new message",
            envelope(outgoing=dataclasses.replace(content, id=OTHER), clear=clear_header(id=OTHER)).data,
            unopened("opening.header_mismatch"),
        ),
        (
            "signed-by-another-authority",
            "Of the same State",
            saying(local_key).data,
            unopened("statement.unknown_key"),
        ),
        (
            "signed-by-the-node",
            "A node does not speak for its authority",
            saying(IT_KEY).data,
            unopened("statement.unknown_key"),
        ),
        (
            "identity-missing",
            "Bound and not sent",
            envelope(outgoing=outgoing_content(DRAFT, identity=None)).data,
            unopened("content.part_missing"),
        ),
        (
            "receipt-of-another-node",
            "Signed by its own recipient",
            receipts(receipt("ro", seeded_key("ro-node-1"))),
            unopened("opening.signer"),
        ),
        (
            "critical-claim",
            "Unknown, and declared critical",
            saying(carrier="air", crit=["carrier"]).data,
            refused("content.critical"),
        ),
        (
            "critical-header-member",
            "Unknown, and declared critical",
            envelope(outgoing=content, clear=critical).data,
            refused("envelope.critical"),
        ),
        (
            "content-dated-ahead",
            "Would lengthen its own deadline",
            saying(iat=int(NOW.timestamp()) + 301).data,
            refused("opening.from_the_future"),
        ),
        (
            "recipient-not-served",
            "Another node's authority",
            saying(aud=IT_LOCAL).data,
            refused("opening.not_served_here"),
        ),
        (
            "not-competent",
            "A local office in a social inquiry",
            saying(local_key, iss=IT_LOCAL).data,
            refused("opening.not_competent"),
        ),
    )
    for name, about, data, expected in cases:
        write("envelope", name, about, {"envelope": data.decode()}, expected)


if __name__ == "__main__":
    for vectors in (
        json_vectors,
        padding_vectors,
        statement_vectors,
        cosigned_vectors,
        sealed_vectors,
        envelope_vectors,
    ):
        vectors()
