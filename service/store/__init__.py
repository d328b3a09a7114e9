"""Where the node remembers: one database, one writer, sealed parts.

    store = Store("sqlite:////var/lib/focalpoint/node.db")
    row = await store.write(lambda session: accept(session, ...))     # on disk when this returns
    page = await store.read(lambda session: newest(session, ...))

`tables` says what is kept, `vault` how narrative and identity rest, `writer` why an answer means "on disk".
"""

from service.store.store import Store
from service.store.vault import Vault

__all__ = ["Store", "Vault"]
