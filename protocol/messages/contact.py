"""Who answers for a case: an office of an authority, never a person.

How an office is reached stands in the authority's directory entry, so it stays true when a number changes.
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import AuthorityAddress, Coded, CodedPart

__all__ = ["OfficeContact"]


class OfficeContact(CodedPart):
    authority: AuthorityAddress
    office: Annotated[str, Coded("office")]
