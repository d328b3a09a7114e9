"""Every vector ends as it says, the drafts' own and ours. Other implementations can be held against them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from protocol import base64url, json_strict, opening, padding
from protocol.directory import Directory
from protocol.errors import CannotOpen, NotAcceptable, Refused, Unauthenticated
from protocol.json_strict import dumps
from protocol.sealing import SealingPrivateKey, SealingPublicKey, SealingSuite, open_sealed, read_sealed
from protocol.statements import CoSigned, StatementType, VerifyKey, read, verify, verify_threshold

VECTORS = Path(__file__).parents[1] / "vectors"
CLASSES = {
    "unauthenticated": Unauthenticated,
    "cannot_open": CannotOpen,
    "not_acceptable": NotAcceptable,
}


def vectors(kind: str) -> Any:
    files = sorted(path for path in (VECTORS / kind).glob("*.json") if path.stem != "surroundings")
    assert files, kind
    loaded = [(path.stem, json.loads(path.read_text("utf-8"))) for path in files]
    return pytest.mark.parametrize("vector", [pytest.param(vector, id=name) for name, vector in loaded])


def refused_as_expected(vector: dict[str, Any], run: Any) -> Any:
    """What `run` gives; None when it was refused and the vector says so."""
    expected = vector["expected"]
    if expected["outcome"] != "refused":
        return run(vector["given"])
    with pytest.raises(Refused) as refusal:
        run(vector["given"])
    assert (refusal.value.code, type(refusal.value)) == (expected["code"], CLASSES[expected["class"]])
    assert dict(refusal.value.facts) == expected.get("facts", dict(refusal.value.facts))
    return None


def decoded(text: str) -> bytes:
    return base64url.decode(text.encode())


@pytest.mark.parametrize("suite", list(SealingSuite))
def test_the_drafts_own_vectors_open(suite: SealingSuite) -> None:
    folder = VECTORS / "jose-hpke"
    jwk = json.loads((folder / f"jwks_{suite}.json").read_text("utf-8"))
    secret = decoded(jwk["d" if suite is SealingSuite.HPKE_3_KE else "priv"])
    key = SealingPrivateKey.from_secret(jwk["kid"], suite, secret)
    public = {name: value for name, value in jwk.items() if name not in ("d", "priv")}
    assert key.public == SealingPublicKey.from_jwk(public)
    # The examples' AAD and (for one) content cipher are not ours, nor are they padded: hence step by step.
    sealed = read_sealed((folder / f"jwe_{suite}-flattened.json").read_bytes())
    plain = sealed.content(sealed.content_key(key, b"")).decode()
    assert plain.startswith("You can trust us to stick with you through thick and thin")
    assert decoded(sealed.aad.decode()) == b"The Fellowship of the Ring"


@vectors("json")
def test_json(vector: dict[str, Any]) -> None:
    refused_as_expected(vector, lambda given: json_strict.parse(decoded(given["bytes"]), max_bytes=1000))


@vectors("padding")
def test_padding(vector: dict[str, Any]) -> None:
    given, expected = vector["given"], vector["expected"]
    size = given["times"]
    padded = padding.pad(given["character"].encode() * size)
    assert len(padded) == expected["size"]
    assert padded[max(0, size - 1) : size + 2] == decoded(expected["around_the_end_mark"])


@vectors("statement")
def test_statement(vector: dict[str, Any]) -> None:
    statement = refused_as_expected(
        vector,
        lambda given: verify(
            read(given["token"], typ=StatementType(given["typ"])), VerifyKey.from_jwk(given["jwk"])
        ),
    )
    if statement is not None:
        assert statement.claims == vector["expected"]["claims"]
        assert statement.digest == vector["expected"]["digest"]


@vectors("cosigned")
def test_cosigned(vector: dict[str, Any]) -> None:
    def run(given: dict[str, Any]) -> frozenset[str]:
        keys = {jwk["kid"]: VerifyKey.from_jwk(jwk) for jwk in given["jwks"]}
        document = CoSigned.from_json(given["document"])
        return verify_threshold(document, StatementType(given["typ"]), keys, given["threshold"])

    signers = refused_as_expected(vector, run)
    if signers is not None:
        assert signers == set(vector["expected"]["signers"])


@vectors("sealed")
def test_sealed(vector: dict[str, Any]) -> None:
    def run(given: dict[str, Any]) -> bytes:
        public = SealingPublicKey.from_jwk(given["jwk"])
        key = SealingPrivateKey.from_secret(public.kid, public.suite, decoded(given["secret"]))
        assert key.public == public
        return open_sealed(dumps(given["jwe"]), key=key, header_digest=decoded(given["header_digest"]))

    plain = refused_as_expected(vector, run)
    if plain is not None:
        assert plain == decoded(vector["expected"]["plain"])


class Surroundings:
    """What the receiving node holds, read from the vectors alone."""

    def __init__(self) -> None:
        given = json.loads((VECTORS / "envelope" / "surroundings.json").read_text("utf-8"))
        self.me = given["me"]
        self.now = datetime.fromtimestamp(given["now"], UTC)
        self.procedure_of = given["procedures"].get
        self.directory = Directory.assemble(
            CoSigned.from_json(given["charter"]),
            given["charter_digest"],
            [CoSigned.from_json(one) for one in given["admissions"]],
            given["snapshot"],
            given["entries"],
            now=self.now,
        )
        self.keys = {
            one["kid"]: SealingPrivateKey.from_secret(
                one["kid"], SealingSuite(one["suite"]), decoded(one["secret"])
            )
            for one in given["sealing_keys"]
        }

    def sealing(self, kid: str, /) -> SealingPrivateKey | None:
        return self.keys.get(kid)

    def current_sealing_kid(self, purpose: str = "content", /) -> str:
        return self.directory.sealing_key(self.me, purpose, self.now).kid  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def here() -> Surroundings:
    return Surroundings()


@vectors("envelope")
def test_envelope(vector: dict[str, Any], here: Surroundings) -> None:
    def run(given: dict[str, Any]) -> opening.Opened:
        authentic = opening.authenticate(
            given["envelope"].encode(), directory=here.directory, me=here.me, now=here.now
        )
        return opening.open_envelope(
            authentic, keys=here, directory=here.directory, now=here.now, procedure_of=here.procedure_of
        )

    opened = refused_as_expected(vector, run)
    if opened is not None:
        assert opened.kind == vector["expected"]["kind"]
        if "identity" in vector["expected"]:
            assert opened.content.identity == vector["expected"]["identity"]
