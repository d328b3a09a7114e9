"""Cases, who takes part in them, and the keys under which their parts rest."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Index, LargeBinary, String
from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table

__all__ = [
    "CASE_ALIAS",
    "CASE_FILE",
    "CASE_KEY",
    "CASE_PARTY",
    "CaseAliasRow",
    "CaseFileRow",
    "CaseKey",
    "CaseParty",
]


class CaseFileRow(Row, table=True):
    """A case as this node knows it. `role` is this State's: where the child is, or where the child is
    from."""

    __tablename__ = "case_file"
    __table_args__ = (Index("ix_case_file_opening", "opened_by", "opening_id", unique=True),)

    reference: str = Field(primary_key=True)
    role: Literal["destination", "origin"] = Field(sa_type=String)
    opened_at: datetime = Field(sa_type=Instant)
    opened_by: str
    opening_id: str | None = None
    """By which whoever opened it asks again without opening another."""
    protection: Literal["unknown", "not-sought", "possible", "sought"] = Field(sa_type=String)
    protection_proposed: str | None = None
    """A change that waits for a second person."""
    protection_proposed_by: str | None = None
    protection_changed_at: datetime | None = Field(default=None, sa_type=Instant)
    guardian_provided_on: str | None = None
    """Day on which the child was given a guardian or representative, as somebody recorded it here; None where
    nobody did. It never leaves this node."""


class CaseParty(Row, table=True):
    """An authority that takes part in the case, and may therefore know that it exists."""

    __tablename__ = "case_party"
    __table_args__ = (Index("ix_case_party_address", "address"),)

    reference: str = Field(primary_key=True, foreign_key="case_file.reference")
    address: str = Field(primary_key=True)


class CaseAliasRow(Row, table=True):
    """That two references stand for the same child: said or taken, or told to this node and not let out.
    Never taken back: it only ever tightens."""

    __tablename__ = "case_alias"
    __table_args__ = (Index("ix_case_alias_same_as", "same_as"),)

    reference: str = Field(primary_key=True)
    same_as: str = Field(primary_key=True)
    noted_at: datetime = Field(sa_type=Instant)


class CaseKey(Row, table=True):
    """A case's data key, wrapped. A destroyed one keeps its row and its date, and no key."""

    __tablename__ = "case_key"

    reference: str = Field(primary_key=True)
    purpose: Literal["identity", "narrative"] = Field(primary_key=True, sa_type=String)
    wrapped: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)
    destroyed_at: datetime | None = Field(default=None, sa_type=Instant)


CASE_ALIAS = core_table(CaseAliasRow)
CASE_FILE = core_table(CaseFileRow)
CASE_PARTY = core_table(CaseParty)
CASE_KEY = core_table(CaseKey)
