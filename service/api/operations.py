"""What operators and their tools ask: is it alive, is it ready, how is it, what does it serve."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from service.api.answers import answer
from service.api.guard import Guarded, api_of
from service.metrics import CONTENT_TYPE

__all__ = ["Probe", "router", "working"]

type Probe = Callable[[], Awaitable[bool]]
"""True when a part of the node does its work."""

PROBE_TIMEOUT = 2.0
"""Seconds after which a part that does not answer counts as away: less than what probes of supervisors
wait."""

router = APIRouter(route_class=Guarded)


@router.get("/livez")
async def is_alive() -> Response:
    return answer({"alive": True}, language="en")


@router.get("/readyz")
async def is_ready(request: Request) -> Response:
    parts = await working(api_of(request).probes)
    ready = all(parts.values())
    return answer({"ready": ready, "parts": parts}, language="en", status=200 if ready else 503)


async def working(probes: Mapping[str, Probe]) -> dict[str, bool]:
    """Which parts do their work now."""
    return dict(zip(probes, await asyncio.gather(*map(_works, probes.values())), strict=True))


async def _works(probe: Probe) -> bool:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT):
            return await probe()
    except Exception:  # noqa: BLE001 (whatever it is, the part does not work; its own log says why)
        return False


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    exposition = api_of(request).node.metrics.exposition()
    return Response(exposition, headers={"Content-Type": CONTENT_TYPE})


@router.get("/openapi.yaml")
async def description() -> Response:
    return Response(_DESCRIPTION, media_type="application/yaml")


_DESCRIPTION = (files("service.api") / "openapi.yaml").read_bytes()
