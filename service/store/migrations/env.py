"""Alembic's entry: always on the connection that `migrate` gives, never a URL of its own."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlmodel.sql.sqltypes import AutoString

from service.store.columns import Instant, RowNumber
from service.store.tables import METADATA


def _rendered(kind: str, item: Any, autogenerate: Any) -> str | Literal[False]:
    """A revision names plain types: it must read the same when SQLModel has long changed."""
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(item, Instant | RowNumber):
        name = type(item).__name__
        autogenerate.imports.add(f"from service.store.columns import {name}")
        return f"{name}()"
    return False


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=METADATA,
        render_as_batch=True,  # SQLite alters a table by copying it
        render_item=_rendered,
        transactional_ddl=True,  # SQLite can, once the driver leaves transactions to us: whole or not at all
        transaction_per_migration=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
