"""The application: its pages, its interface for programs, and the live connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rfacenet import __version__
from rfacenet.web.face_finder import FaceFinder
from rfacenet.web.guard import Guard
from rfacenet.web.interface import REFUSED, interface
from rfacenet.web.live import LiveService
from rfacenet.web.settings import ServeSettings
from rfacenet.web.videos import Videos

STATIC = Path(__file__).parent / "static"

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

PAGES = {"/": "index.html", "/docs": "docs.html"}
"""Addresses of pages that are called otherwise than their file; everything else that is served is listed."""


class Service:
    """Everything that runs beside the answers: the queue of videos, the process that finds faces."""

    def __init__(self, settings: ServeSettings) -> None:
        self.videos = Videos(settings)
        self.finder = FaceFinder()
        self.live = LiveService(self.finder, settings.max_viewers)

    @contextlib.asynccontextmanager
    async def running(self, _app: FastAPI) -> AsyncIterator[None]:
        """From the start of the service to its end."""
        works = (self.videos.work(), self.videos.forget_old(), self._start_finder())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            self.videos.close()
            self.finder.close()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_finder(self) -> None:
        with contextlib.suppress(EOFError, OSError):  # the first viewer tries again
            await self.finder.start()


def create_app(settings: ServeSettings) -> FastAPI:
    """The application, guarded; started and ended by whoever serves it."""
    service = Service(settings)
    app = FastAPI(
        title="rfacenet",
        version=__version__,
        description="Heart rate from face video. Not a medical device. The live connection is a WebSocket at "
        "`/api/live`, described in docs/api.md.",
        docs_url=None,  # FastAPI's own page loads scripts from elsewhere; ours is /docs
        redoc_url=None,
        redirect_slashes=False,
        # Versions that know it would report requests to whom the environment names; others pass it over.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        lifespan=service.running,
    )
    app.include_router(interface(service.videos, settings))
    _add_refusals(app)
    app.include_router(_pages())
    app.add_api_websocket_route("/api/live", service.live.serve)
    app.add_middleware(Guard, settings=settings)
    app.state.service = service
    return app


def _pages() -> APIRouter:
    """The page and what belongs to it: so many files, read once, and no folder is ever looked into."""
    router = APIRouter(include_in_schema=False)
    files = {f"/{path.name}": path for path in STATIC.iterdir() if path.suffix in CONTENT_TYPES}
    for address, name in PAGES.items():
        files[address] = files.pop(f"/{name}")
    for address, path in files.items():
        router.add_api_route(address, _file_route(path), methods=["GET", "HEAD"])
    return router


def _file_route(path: Path) -> Callable[[], Awaitable[Response]]:
    content, kind = path.read_bytes(), CONTENT_TYPES[path.suffix]

    async def serve() -> Response:
        # Asked for again each time, as the next version may come from the same address.
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    return serve


def _add_refusals(app: FastAPI) -> None:
    """Answer the library's errors with their sentence."""
    for kind, (status, headers) in REFUSED.items():

        async def refuse(
            _request: Request, error: Exception, status: int = status, headers: dict[str, str] = headers
        ) -> Response:
            return JSONResponse({"detail": str(error)}, status, headers)

        app.add_exception_handler(kind, refuse)

    async def not_here(request: Request, error: HTTPException) -> Response:
        own = {
            "Not Found": "There is nothing at this address; /docs lists what there is.",
            "Method Not Allowed": f"This address takes no {request.method[:20]}; /docs lists what it takes.",
        }
        detail = own.get(error.detail, error.detail)
        return JSONResponse({"detail": detail}, error.status_code, dict(error.headers or {}))

    app.add_exception_handler(HTTPException, not_here)  # type: ignore[arg-type]  # narrower than its stub
