"""Bring a database to the tables of this release.

Each revision must leave the release before it able to run: columns are added in one release and relied upon
in the next, and dropped in the one after nothing reads them.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from service.errors import Misconfigured
from service.store.engine import open_engine

__all__ = ["current_revision", "draft", "newest_revision", "upgrade"]


def upgrade(url: str) -> None:
    """Apply what is missing, each revision in its own transaction. Run it before the node opens its store.

    Misconfigured `store.newer_database`: the database was written by a later release than this one.
    """
    engine = open_engine(url)
    config = _config()
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise Misconfigured(
                    "store.newer_database", "a later release wrote this database; run that one or a newer"
                ) from error
    finally:
        engine.dispose()


def draft(url: str, *, revision: str, message: str) -> None:
    """Write a new revision from an empty database at `url`: for `scripts/new_migration.py`."""
    upgrade(url)
    engine = open_engine(url)
    config = _config()
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message=message, rev_id=revision, autogenerate=True)
    finally:
        engine.dispose()


def current_revision(engine: Engine) -> str | None:
    """The revision that the database is at; None for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """The revision of this release."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
