"""The paths of the pages: `/`, `/docs`, `/problems`, and their files under a path that changes with their content."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, HTTPException, Request, Response

from query_service.dashboard.assets import Asset, Assets, read_assets
from query_service.errors import PROBLEMS_PAGE
from query_service.representation.negotiation import items

_FOR_EVER: Final = "public, max-age=31536000, immutable"  # a year, the most that caches honour

# Everything comes from this service: no inline script or style, no other host, no framing.
_POLICY: Final = "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",  # filters are in the URL
    "X-Content-Type-Options": "nosniff",
}


def dashboard_router(documents_url: str = "") -> APIRouter:
    """Routes over the files of the package, which are read now. They need no key: what they show is asked with one.

    The pages link to the documents at `documents_url`, if there is one.
    """
    assets = read_assets(documents_url)
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def get_dashboard() -> Response:
        return _page(assets, "index.html")

    @router.get("/docs")
    async def get_reference() -> Response:
        return _page(assets, "docs.html")

    @router.get(PROBLEMS_PAGE)
    async def get_problems() -> Response:
        return _page(assets, "problems.html")

    @router.get("/static/{version}/{path:path}")
    async def get_static(request: Request, version: str, path: str) -> Response:
        asset = assets.static.get(path) if version == assets.version else None
        if asset is None:
            raise HTTPException(404)
        return _file(asset, request.headers.get("Accept-Encoding", ""))

    return router


def _page(assets: Assets, name: str) -> Response:
    headers = _HEADERS | {"Cache-Control": "no-cache"}  # a new release shows at the next look
    return Response(assets.pages[name], headers=headers, media_type="text/html; charset=utf-8")


def _file(asset: Asset, accepted: str) -> Response:
    headers = _HEADERS | {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if not any(item.name in ("gzip", "*") and item.weight > 0 for item in items(accepted)):
        return Response(asset.content, headers=headers, media_type=asset.media_type)
    return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type)
