"""Samples of the forms about identity and nationality."""

from __future__ import annotations

from tests.protocol.sample_parts import PERSONS_AND_PLACES, SampleContent, block

__all__ = ["IDENTITY"]

IDENTITY = (
    SampleContent(
        type="identity.request",
        coded={
            "identity_questions": ["nationality", "civil-registration", "document-genuine"],
            "legal_bases": ["palermo-protocol-2000"],
            "travel_document_needed": "unknown",
            "documents_seen": ["birth-certificate"],
            "child_informed": "yes",
        },
        narrative=(block("reasons", "it", "La bambina dice di essere nata a Exampleville."),),
        identity=PERSONS_AND_PLACES,
    ),
    SampleContent(
        type="identity.result",
        coded={
            "identity_outcome": "verified",
            "verification_methods": ["civil-register", "document-examined"],
            "concluded_on": "2026-11-25",
            "travel_document": "will-be-issued",
            "limitations": ["none"],
        },
        narrative=(block("findings", "ro", "Nașterea este înregistrată."),),
        identity=PERSONS_AND_PLACES,
    ),
)
