"""What every table of the node is made with."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, cast

from sqlalchemy import Index, MetaData, Table, text
from sqlmodel import SQLModel

__all__ = ["METADATA", "Direction", "Row", "core_table", "partial_index"]

METADATA = MetaData(
    # Constraints need names that both databases agree on, or a later migration cannot alter them.
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

type Direction = Literal["in", "out"]


def partial_index(name: str, *columns: str, where: str) -> Index:
    """An index over the few rows that still matter; both databases keep such."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Row(SQLModel):
    """What every table's class derives from: its table is then in `METADATA`."""

    metadata: ClassVar[MetaData] = METADATA


def core_table(row: type[SQLModel]) -> Table:
    """The Core table of a class, for the busy paths."""
    return cast(Table, cast(Any, row).__table__)
