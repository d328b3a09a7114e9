"""What the operator of a node sees: that everything moves, and where it does not. No content, no identity."""

from __future__ import annotations

from fastapi import APIRouter, Response

from service.console.pages import Page, See, render

__all__ = ["router"]

router = APIRouter(route_class=Page)


@router.get("/console/operator")
async def overview(see: See) -> Response:
    return render(see, "operator/overview.html")
