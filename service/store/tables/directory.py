"""The directory as received, as it was, and as peers have it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table

__all__ = [
    "DIRECTORY_COMPARISON",
    "DIRECTORY_DOCUMENT",
    "DIRECTORY_HISTORY",
    "DIRECTORY_SNAPSHOT",
    "DirectoryComparison",
    "DirectoryDocument",
    "DirectoryHistory",
    "DirectorySnapshot",
]


class DirectoryDocument(Row, table=True):
    """The directory as last received, one signed document a path."""

    __tablename__ = "directory_document"

    path: str = Field(primary_key=True)
    digest: str
    token: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=Instant)


class DirectoryHistory(Row, table=True):
    """Every document that ever was current here: old statements are verified against what stood then."""

    __tablename__ = "directory_history"
    __table_args__ = (Index("ix_directory_history_path", "path"),)

    digest: str = Field(primary_key=True)
    path: str
    token: str = Field(sa_type=Text)


class DirectorySnapshot(Row, table=True):
    """Snapshots received, by their own sequence. A lower one than the highest here is a rollback."""

    __tablename__ = "directory_snapshot"

    sequence: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    digest: str
    token: str = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=Instant)


class DirectoryComparison(Row, table=True):
    """What comparing our directory with a peer's came to, the last time that it told us."""

    __tablename__ = "directory_comparison"

    peer: str = Field(primary_key=True)
    compared_at: datetime = Field(sa_type=Instant)
    outcome: str
    sequence: int = Field(sa_type=BigInteger)
    digest: str
    their_sequence: int = Field(sa_type=BigInteger)
    their_digest: str
    their_buckets: str = Field(sa_type=Text)
    """Short digests, parted by spaces (`protocol.directory.views`)."""
    since: int | None = Field(default=None, sa_type=BigInteger)
    """The lowest snapshot number of which the two hold different ones."""
    differing: str | None = Field(default=None, sa_type=Text)
    """Paths of directory documents, one a line."""
    owed: bool = False
    """The peer is to be told at once what we hold."""


DIRECTORY_DOCUMENT = core_table(DirectoryDocument)
DIRECTORY_HISTORY = core_table(DirectoryHistory)
DIRECTORY_SNAPSHOT = core_table(DirectorySnapshot)
DIRECTORY_COMPARISON = core_table(DirectoryComparison)
