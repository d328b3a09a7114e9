"""The focal-point directory: who is who, whose key is whose, and why that can be believed.

`trust` says who may say what, `entries` what they say, `publish` writes it, `lookup` puts a snapshot together
and answers a node's questions, `archive` answers them about the past.
"""

from protocol.directory.archive import Archive, CutOff
from protocol.directory.entries import (
    DEFAULT_LIMITS,
    AuthorityEntry,
    AuthorityFacts,
    Contact,
    KeyPurpose,
    KeyRecord,
    NodeEntry,
    NodeFacts,
    OpeningHours,
    OtherEntry,
    Owner,
    Role,
    authority_path,
    key_record,
    node_path,
    sealing_key_record,
)
from protocol.directory.lookup import Directory, Freshness, SealingPurpose
from protocol.directory.publish import (
    authority_facts,
    entry_path,
    sign_admission,
    sign_charter,
    sign_entry,
    sign_snapshot,
)
from protocol.directory.trust import (
    Admission,
    Charter,
    Snapshot,
    verify_admission,
    verify_charter,
    verify_snapshot,
)

__all__ = [
    "DEFAULT_LIMITS",
    "Admission",
    "Archive",
    "AuthorityEntry",
    "AuthorityFacts",
    "Charter",
    "Contact",
    "CutOff",
    "Directory",
    "Freshness",
    "KeyPurpose",
    "KeyRecord",
    "NodeEntry",
    "NodeFacts",
    "OpeningHours",
    "OtherEntry",
    "Owner",
    "Role",
    "SealingPurpose",
    "Snapshot",
    "authority_facts",
    "authority_path",
    "entry_path",
    "key_record",
    "node_path",
    "sealing_key_record",
    "sign_admission",
    "sign_charter",
    "sign_entry",
    "sign_snapshot",
    "verify_admission",
    "verify_charter",
    "verify_snapshot",
]
