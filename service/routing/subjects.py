"""Every name that the hub knows: subjects, streams, consumers.

    fp.v1.<to>.<from>.env           one envelope; the server ties <from> to the sender's account
    $KV.DIR.<writer>.<path…>        one signed directory document; the server ties <writer> to the account
    fp.dir.<writer>.<path…>         "this document changed", for those that follow the directory

A node's account and its inbox stream are both called by the node code, bare. That is what lets the server's
`account_token_position` tie a place in a subject to the account that uses it: with a prefix such as
`INBOX_`, the token would never equal the account's name. Node codes are lower-case; the hub's own names are
not, so neither can pass for the other.
"""

from __future__ import annotations

from protocol.identifiers import NodeCode, parse_node_code
from service.errors import Misconfigured

__all__ = [
    "CHANGED",
    "CONSUMER",
    "DIRECTORY_STREAM",
    "HUB_ACCOUNT",
    "NETWORK_WRITER",
    "SYSTEM_ACCOUNT",
    "changed_path",
    "directory_filter",
    "directory_subject",
    "envelope_subject",
    "inbox_subjects",
    "member_code",
    "read_directory_subject",
    "read_envelope_subject",
]

HUB_ACCOUNT = "FP"
"""Owns every stream. No State holds a key to it."""
SYSTEM_ACCOUNT = "SYS"
DIRECTORY_STREAM = "KV_DIR"
CONSUMER = "node"
"""The one consumer of an inbox."""
NETWORK_WRITER = NodeCode("net")
"""Who writes charter, admissions and snapshots: the network itself, from the hub's account."""

_ENVELOPES = "fp.v1"
_DOCUMENTS = "$KV.DIR"
CHANGED = "fp.dir"


def member_code(text: str) -> NodeCode:
    """A node code that may be given an account at the hub. Misconfigured `hub.reserved_code` for `net`."""
    code = parse_node_code(text)
    if code == NETWORK_WRITER:
        raise Misconfigured(
            "hub.reserved_code", f"`{NETWORK_WRITER}` writes for the network; name the node otherwise"
        )
    return code


def envelope_subject(to: NodeCode, sender: NodeCode) -> str:
    return f"{_ENVELOPES}.{to}.{sender}.env"


def inbox_subjects(code: NodeCode) -> str:
    return f"{_ENVELOPES}.{code}.*.env"


def read_envelope_subject(subject: str) -> tuple[NodeCode, NodeCode] | None:
    """(to, sender), or None for anything else that a hub might deliver."""
    match subject.split("."):
        case ["fp", "v1", to, sender, "env"]:
            return NodeCode(to), NodeCode(sender)
        case _:
            return None


def directory_subject(writer: NodeCode, path: str) -> str:
    """`path` is a directory path such as `it/authority/servizio-minori`."""
    return f"{_DOCUMENTS}.{writer}.{path.replace('/', '.')}"


def directory_filter(writer: NodeCode | None = None) -> str:
    """All documents, or all that one writer put."""
    return f"{_DOCUMENTS}.>" if writer is None else f"{_DOCUMENTS}.{writer}.>"


def read_directory_subject(subject: str) -> tuple[NodeCode, str] | None:
    """(writer, path), or None for anything else."""
    match subject.split("."):
        case ["$KV", "DIR", writer, *steps] if steps and all(steps):
            return NodeCode(writer), "/".join(steps)
        case _:
            return None


def changed_path(subject: str) -> str | None:
    """The path that a `fp.dir.…` notice is about."""
    match subject.split("."):
        case ["fp", "dir", _, *steps] if steps and all(steps):
            return "/".join(steps)
        case _:
            return None
