"""What a use case may reach: everything by this one value, nothing by a global."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol.identifiers import NodeCode, StateCode

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from service.metrics import Metrics
    from service.ports import Clock, DirectorySource, KeyStore, RandomSource
    from service.settings import Settings
    from service.store import Store, Vault
    from service.store.ledger import Ledger
    from service.wake import Wake

__all__ = ["Node"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One State's node. Made once, in `service.app`; tests make their own with stand-ins."""

    settings: Settings
    code: NodeCode
    state: StateCode
    clock: Clock
    random: RandomSource
    store: Store
    keys: KeyStore
    vault: Vault
    ledger: Ledger
    directory: DirectorySource
    wake: Wake
    metrics: Metrics
    log: FilteringBoundLogger
