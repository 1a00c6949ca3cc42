"""The interface for programs, which the page uses as well."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from rfacenet.errors import UnknownMethodError
from rfacenet.inference.settings import FACE_METHOD
from rfacenet.web.catalogue import known_method, method_list
from rfacenet.web.guard import REPORT_POLICY
from rfacenet.web.settings import ServeSettings
from rfacenet.web.videos import BusyError, NotPossibleError, NoVideoError, TooLargeError, Video, Videos


class MethodAnswer(BaseModel):
    """A way to get a pulse wave out of a face."""

    name: str
    kind: Literal["classical", "neural"]
    input: str = Field(description="What of the face it reads")
    source: str = Field(description="The paper that it comes from")
    training: str | None = Field(description="What its weights were trained on; null if it was not learned")
    is_live: bool = Field(description="Whether it measures a camera, not only video files")
    is_default: bool


class VideoAnswer(BaseModel):
    """What becomes of a video."""

    id: str
    name: str
    method: str
    state: Literal["waiting", "working", "done"]
    progress: float | None = Field(description="Share that has been measured, 0 to 1; null if unknown")
    before: int = Field(description="How many videos come before this one")
    result: dict[str, Any] | None = Field(description="The estimate, as `rfacenet estimate --json` writes it")


class LimitsAnswer(BaseModel):
    """What is taken at most."""

    max_viewers: int = Field(description="Cameras at a time")
    max_videos: int = Field(description="Videos that arrive, wait or are being measured at a time")
    max_upload_mb: float = Field(description="Megabytes of one video")
    max_video_s: float = Field(description="Seconds of work on one video")


def _refusals(sentences: dict[int, str]) -> dict[int | str, dict[str, Any]]:
    """Refusals as the description of the interface lists them."""
    # Not by a "model": that would take them for pages where the route answers with a page.
    detail = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
    content = {"application/json": {"schema": detail}}
    return {status: {"description": text, "content": content} for status, text in sentences.items()}


_ANYWHERE = _refusals(
    {
        401: "The token is missing",
        403: "The request comes from a page of another origin",
        421: "This machine has another name",
    }
)
_MISSING = _refusals({404: "There is no such video (any more)"})
_UNREADY = _refusals({409: "The video has not been measured yet"})
_NOT_TAKEN = _refusals(
    {
        400: "There is no such method, or the video did not arrive whole",
        408: "The video took too long to arrive",
        413: "The video is too large",
        415: "The file does not begin like a video",
        501: "Videos cannot be uploaded on this system",
        503: "Too many videos are waiting",
        507: "There is no room for the video",
    }
)
_VIDEO_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def interface(videos: Videos, settings: ServeSettings) -> APIRouter:
    """All operations under ``/api``."""
    router = APIRouter(prefix="/api", responses=_ANYWHERE)

    @router.get("/methods")
    async def methods() -> list[MethodAnswer]:
        """Every method there is to choose from."""
        return [MethodAnswer(**method) for method in await asyncio.to_thread(method_list)]

    @router.get("/limits")
    async def limits() -> LimitsAnswer:
        """What is taken at most."""
        return LimitsAnswer(**{name: getattr(settings, name) for name in LimitsAnswer.model_fields})

    routes = _VideoRoutes(videos)
    add = router.add_api_route
    one = "/videos/{key}"
    add(
        "/videos",
        routes.upload,
        methods=["POST"],
        status_code=202,
        responses=_NOT_TAKEN,
        openapi_extra=_VIDEO_BODY,
    )
    add(one, routes.state, methods=["GET"], responses=_MISSING)
    add(one, routes.forget, methods=["DELETE"], status_code=204, responses=_MISSING)
    late = _MISSING | _UNREADY
    add(f"{one}/report", routes.report, methods=["GET"], response_class=HTMLResponse, responses=late)
    csv: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}
    add(f"{one}/csv", routes.table, methods=["GET"], response_class=Response, responses=csv | late)
    return router


class _VideoRoutes:
    """The operations on videos."""

    def __init__(self, videos: Videos) -> None:
        self._videos = videos

    async def upload(
        self,
        request: Request,
        response: Response,
        name: Annotated[str, Query(max_length=1000, description="What to call the video")] = "video",
        method: Annotated[str, Query(max_length=100, description="Name of the method")] = FACE_METHOD,
        content_length: Annotated[str | None, Header(include_in_schema=False)] = None,
        content_type: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> VideoAnswer:
        """Send a video file, as the whole body of the request, to be measured when its turn comes."""
        if content_type.startswith("multipart/"):
            form = "The file itself is expected as the body (curl --data-binary @face.mp4), not a form."
            raise HTTPException(415, form, _GO)
        if content_length is not None and content_length.isdecimal():
            self._videos.check_size(int(content_length[:18]))
        chosen = await asyncio.to_thread(known_method, method)
        with self._videos.place():
            try:
                file = await self._videos.receive(aiter(request.stream()))
            except TimeoutError as error:
                raise HTTPException(408, "The video took too long to arrive.", _GO) from error
            except ClientDisconnect as error:
                raise HTTPException(400, "The video did not arrive whole.") from error
            except OSError as error:
                raise HTTPException(507, "There is no room for the video.", _GO) from error
            video = self._videos.add(name, chosen, file)
        response.headers["location"] = f"/api/videos/{video.key}"
        return self._described(video)

    async def state(self, key: str) -> VideoAnswer:
        """How far a video is, and in the end what came out."""
        return self._described(self._found(key))

    async def forget(self, key: str) -> Response:
        """Stop measuring a video and forget it, and its result."""
        self._videos.remove(self._found(key))
        return Response(status_code=204)

    async def report(self, key: str) -> HTMLResponse:
        """The page about a video, as `rfacenet estimate --report` writes it."""
        headers = {"content-security-policy": REPORT_POLICY}
        return HTMLResponse(self._finished(key).outcome["report"], headers=headers)

    async def table(self, key: str) -> Response:
        """The rates as a table, as `rfacenet estimate --csv` writes it."""
        headers = {"content-disposition": 'attachment; filename="heart-rate.csv"'}
        return Response(self._finished(key).outcome["csv"], media_type="text/csv", headers=headers)

    def _found(self, key: str) -> Video:
        video = self._videos.get(key)
        if video is None:
            raise HTTPException(404, "There is no such video; results are kept for a while only.")
        return video

    def _finished(self, key: str) -> Video:
        video = self._found(key)
        if video.state != "done":
            raise HTTPException(409, "The video has not been measured yet; ask again later.")
        return video

    def _described(self, video: Video) -> VideoAnswer:
        return VideoAnswer(
            id=video.key,
            name=video.label,
            method=video.method,
            state=video.state,
            progress=video.progress,
            before=self._videos.waiting_before(video),
            result=video.outcome.get("result"),
        )


_GO = {"connection": "close"}
"""What is left of an upload that is not taken need not be sent."""

REFUSED: dict[type[Exception], tuple[int, dict[str, str]]] = {
    UnknownMethodError: (400, _GO),
    TooLargeError: (413, _GO),
    NoVideoError: (415, _GO),
    NotPossibleError: (501, _GO),
    BusyError: (503, {"retry-after": "60", **_GO}),
}
"""Status and headers of the library's own refusals."""
