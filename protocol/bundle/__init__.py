"""A case's evidence in one file, and its verification with nothing but the charter's digest.

    {"format": "focalpoint-evidence-bundle", "version": 1,
     "charter": {…}, "admissions": [{…}], "snapshots": ["…"], "entries": [{"path", "token"}],
     "messages": [{"sender", "id", "statement", "manifests": ["…"], "evidence": ["…"]}],
     "agreement": {"payload", "signatures"}, "index": "…"}

The exporting node signs an *index* that lists every message and link in order, so that also a link taken from
the end is missed. Everything else was signed by others, and is checked against the directory material that
travels along, by the keys that counted when it was made. A bundle holds statements, never narrative nor
identity: those are bound in a statement by digest alone, so a bundle stays whole after both were destroyed.

The export of an agreement is a bundle of what that agreement needs: the versions that led to it, both
acceptances, every document that it rests on, the agreements before and after it; `agreement` has its bytes
and the two co-signatures. The index lists every member of the directory material too, so that one altered
byte is found wherever it is, also in a signature that no threshold needed.

A signature counts from its own date, or from the counterpart's consignment where there is one: a thief, and a
recipient who helps the thief, write any date. What a key signed that its owner gave up as stolen therefore
needs more (`coverage`): `checkpoints` holds it. Whether a key was stolen since, a bundle says as of the
directory that travels along; a verifier with a directory of its own passes it, as `known`.
"""

from protocol.bundle.agreements import CoSignature, ProvenAgreement, ProvenOnPaper, RestsOn
from protocol.bundle.authority import ProcedureOf
from protocol.bundle.coverage import Checkpoint
from protocol.bundle.document import BundleMessage, export_bundle
from protocol.bundle.findings import Finding
from protocol.bundle.messages import ProvenMessage
from protocol.bundle.verification import Report, verify_bundle

__all__ = [
    "BundleMessage",
    "Checkpoint",
    "CoSignature",
    "Finding",
    "ProcedureOf",
    "ProvenAgreement",
    "ProvenMessage",
    "ProvenOnPaper",
    "Report",
    "RestsOn",
    "export_bundle",
    "verify_bundle",
]
