"""The page at `/`: files of the package, sent as they are, named with their hashes in an ETag."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from fastapi import FastAPI, Request, Response

from evenhand.service.errors import MissingError

__all__ = ["mount"]

KINDS = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "png": "image/png",
    "json": "application/json",
}


def _assets() -> dict[str, tuple[bytes, str, str]]:
    """path -> (content, type, ETag) of every file of the page; read once, so no request names a path on the disk."""
    found: dict[str, tuple[bytes, str, str]] = {}
    places = [("", files("evenhand.service") / "page")]
    while places:
        under, folder = places.pop()
        for item in folder.iterdir():
            path = f"{under}{item.name}"
            if item.is_dir():
                places.append((f"{path}/", item))
            elif item.name.rpartition(".")[2] in KINDS:
                content = item.read_bytes()
                tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
                found[path] = (content, KINDS[item.name.rpartition(".")[2]], tag)
    return found


def mount(app: FastAPI) -> None:
    """Serve the page at / and its files at /page/…"""
    assets = _assets()

    async def asset(request: Request, path: str = "index.html") -> Response:
        if path not in assets:
            raise MissingError("there is nothing here: the page is at /, the API is described at /openapi.json")
        content, kind, tag = assets[path]
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, 200, headers, kind)

    app.add_api_route("/", asset, include_in_schema=False)
    app.add_api_route("/page/{path:path}", asset, include_in_schema=False)
