"""The officer's console: the work, the cases, the messages, and what takes two people.

work       what is owed by us, what came, what waits for a decision, notices; cases
case       one case: conversations, next steps and what is missing, protection, retention, papers
compose    from a next step to a message: form, check, what will be signed, send
message    reading, collecting, evidence, identity, envelopes by hand
approvals  the second person
agreement  what both States agreed; two versions beside each other
lookup     codes and the directory
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from service.console.officer import agreement, approvals, case, compose, lookup, message, work

__all__ = ["ROUTERS"]

ROUTERS: Final[tuple[APIRouter, ...]] = (
    work.router,
    case.router,
    compose.router,
    message.router,
    approvals.router,
    agreement.router,
    lookup.router,
)
