"""The consoles: what people see of a node in a browser, made on the server.

`pages` has every page with the scopes that it needs, `words` what is said in seven languages. Each area is a
module or package with a `router` of pages; a page that is not in `pages.PAGES` does not start.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from service.console import admin, audit, entrance, figures, officer, operator

__all__ = ["ROUTERS"]

ROUTERS: Final[tuple[APIRouter, ...]] = (
    entrance.router,
    operator.router,
    *admin.ROUTERS,
    audit.router,
    figures.router,
    *officer.ROUTERS,
)
