"""A directory in a node's store, as the worker that follows the hub keeps it."""

from __future__ import annotations

import asyncio

from sqlmodel import Session

from protocol.directory import Directory
from service.directory.documents import CHARTER, admission_path, cosigned_text, keep
from service.settings import Settings
from service.store import Store
from tests.ready_database import ready_database

__all__ = ["keep_directory"]


def keep_directory(settings: Settings, directory: Directory) -> None:
    """The database made, unless it is there, and everything that the directory knows of in it."""
    admissions = [pair for pairs in directory.archive.admissions.values() for pair in pairs]
    entries = sorted(directory.archive.held.values(), key=lambda held: held.entry.issued_at)
    documents = [
        *((CHARTER, cosigned_text(one)) for one in directory.charter_documents),
        *((admission_path(admission.member), cosigned_text(cosigned)) for admission, cosigned in admissions),
        *((held.entry.path, held.token) for held in entries),
    ]

    def work(session: Session) -> None:
        keep(
            session,
            documents,
            sequence=directory.snapshot.sequence,
            snapshot=directory.snapshot.token,
            now=directory.snapshot.issued_at,
        )

    ready_database(settings.database)
    store = Store(settings.database, readers=1)

    async def written() -> None:
        await store.write(work)

    try:
        asyncio.run(written())
    finally:
        store.close()
