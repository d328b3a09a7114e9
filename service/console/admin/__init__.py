"""What administrators do in a browser: accounts, this State's part of the directory, keys, where notices go.

Most of it waits for a second administrator; then the page leads to what waits (`/console/approvals`).
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from service.console.admin import accounts, agreements, directory, hand_over, keys, subscriptions

__all__ = ["ROUTERS"]

ROUTERS: Final[tuple[APIRouter, ...]] = (
    accounts.router,
    directory.router,
    agreements.router,
    keys.router,
    subscriptions.router,
    hand_over.router,
)
