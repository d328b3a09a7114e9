"""Focalpoint's protocol: what child-protection authorities of different States say to each other, and how it
is signed, sealed, checked and proven. It does no I/O: bytes, values and `now` go in; values or a refusal come
out. Another State's software can be written on this package alone.

One exchange. Italy's authority asks, Italy's node seals, Romania's node opens, believes and answers:

    signed = sign_content(draft, key=authority_key, issued_at=now, random_bytes=os.urandom)
    sealed_to = directory.sealing_key("ro", "content", now)
    clear = ClearHeader(sender="it", recipient="ro", id=draft.id, sent_at=now, epoch="1", sequence=1,
                        suite=sealed_to.suite, key=sealed_to.kid)
    said = Outgoing(kind="content", id=draft.id, sender=draft.sender, recipient=draft.recipient,
                    statements=(signed.statement.token,),
                    narrative=signed.narrative, identity=signed.identity)
    envelope = assemble(said, clear=clear, node_key=it_key, sealing_key=sealed_to,
                        identity_key=directory.sealing_key("ro", "identity", now))

    authentic = authenticate(envelope.data, directory=directory, me="ro", now=now)
    opened = open_envelope(authentic, keys=ro_keys, directory=directory, now=now, procedure_of=procedure_of)
    validate(opened.content)
    thread = advance(None, opened.content, table=table_for("social-inquiry"), sending=False).thread
    proof = issue_evidence(
        "content-consigned", issuer="ro", key=ro_key, issued_at=now, previous=None,
        about=About(sender_node="it", id=draft.id, manifest_digest=envelope.manifest_digest,
                    statement_digest=opened.content.statement_digest),
        directory=directory.snapshot.digest, vocabulary=draft.vocabulary)

Every name above, and every other in `__all__`, may be imported from here. They are found when first asked
for: whoever needs the identifiers alone does not wait for the cryptography and the forms.

    who and what              identifiers, directory, vocabularies, messages
    said, sealed, carried     content, statements, sealing, envelope, opening
    allowed, owed, proven     conversations, safeguards, deadlines, evidence, channels, reconciliation, bundle
    shown                     rendering, refusals
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protocol.bundle import Report, export_bundle, verify_bundle
    from protocol.content import Content, Draft, NarrativeBlock, SignedContent, read_content, sign_content
    from protocol.conversations import PredecessorMissing, Thread, advance, procedure_of, table_for
    from protocol.directory import Directory
    from protocol.envelope import ClearHeader, Envelope, Outgoing, assemble
    from protocol.errors import CannotOpen, FocalpointError, Missing, NotAcceptable, Refused, Unauthenticated
    from protocol.evidence import About, Evidence, verify_evidence
    from protocol.evidence import issue as issue_evidence
    from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, StateCode, ThreadId
    from protocol.messages import FORMS, validate
    from protocol.opening import Keys, Opened, authenticate, check_content, open_envelope
    from protocol.reconciliation import Reconciliation, compare, issue_reconciliation, read_reconciliation
    from protocol.rendering import render
    from protocol.safeguards import SAFEGUARDS, CaseFile, check_receiving, check_sending
    from protocol.sealing import SealingPrivateKey, SealingPublicKey
    from protocol.statements import LocalSigningKey, SigningKey, Statement, StatementType, VerifyKey

__all__ = [
    "FORMS",
    "SAFEGUARDS",
    "About",
    "Address",
    "CannotOpen",
    "CaseFile",
    "CaseReference",
    "ClearHeader",
    "Content",
    "Directory",
    "Draft",
    "Envelope",
    "Evidence",
    "FocalpointError",
    "Keys",
    "LocalSigningKey",
    "MessageId",
    "Missing",
    "NarrativeBlock",
    "NodeCode",
    "NotAcceptable",
    "Opened",
    "Outgoing",
    "PredecessorMissing",
    "Reconciliation",
    "Refused",
    "Report",
    "SealingPrivateKey",
    "SealingPublicKey",
    "SignedContent",
    "SigningKey",
    "StateCode",
    "Statement",
    "StatementType",
    "Thread",
    "ThreadId",
    "Unauthenticated",
    "VerifyKey",
    "advance",
    "assemble",
    "authenticate",
    "check_content",
    "check_receiving",
    "check_sending",
    "compare",
    "export_bundle",
    "issue_evidence",
    "issue_reconciliation",
    "open_envelope",
    "procedure_of",
    "read_content",
    "read_reconciliation",
    "render",
    "sign_content",
    "table_for",
    "validate",
    "verify_bundle",
    "verify_evidence",
]

_MODULES = {
    "bundle": ("Report", "export_bundle", "verify_bundle"),
    "content": ("Content", "Draft", "NarrativeBlock", "SignedContent", "read_content", "sign_content"),
    "conversations": ("PredecessorMissing", "Thread", "advance", "procedure_of", "table_for"),
    "directory": ("Directory",),
    "envelope": ("ClearHeader", "Envelope", "Outgoing", "assemble"),
    "errors": ("CannotOpen", "FocalpointError", "Missing", "NotAcceptable", "Refused", "Unauthenticated"),
    "evidence": ("About", "Evidence", "issue_evidence", "verify_evidence"),
    "identifiers": ("Address", "CaseReference", "MessageId", "NodeCode", "StateCode", "ThreadId"),
    "messages": ("FORMS", "validate"),
    "opening": ("Keys", "Opened", "authenticate", "check_content", "open_envelope"),
    "reconciliation": ("Reconciliation", "compare", "issue_reconciliation", "read_reconciliation"),
    "rendering": ("render",),
    "safeguards": ("SAFEGUARDS", "CaseFile", "check_receiving", "check_sending"),
    "sealing": ("SealingPrivateKey", "SealingPublicKey"),
    "statements": ("LocalSigningKey", "SigningKey", "Statement", "StatementType", "VerifyKey"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}
_CALLED_THERE = {"issue_evidence": "issue"}
"""Names that need their module beside them to be understood have a fuller one here."""


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), _CALLED_THERE.get(name, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
