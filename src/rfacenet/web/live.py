"""The live connection: a WebSocket that takes frames and gives boxes and estimates."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from rfacenet.errors import RfacenetError
from rfacenet.inference.settings import FACE_METHOD
from rfacenet.processes import usable_cores
from rfacenet.web.allowance import Allowance
from rfacenet.web.catalogue import live_method
from rfacenet.web.face_finder import FaceFinder, FaceFollower
from rfacenet.web.messages import FRAMES_HZ, MAX_PICTURE_BYTES, Kind, MessageError, unpack
from rfacenet.web.viewer import Viewer, box_message

ESTIMATE_S = 0.5
"""Time from one estimate to the next; longer where the machine is busy."""

START_S, SILENCE_S, LONGEST_S = 10.0, 120.0, 3600.0
"""How long a client may take to begin, may say nothing, and may stay; seconds.

A page in the background says nothing, as browsers give it no frames; a client that is gone without a word
is noticed by the WebSocket's own pings long before.
"""

SEND_S = 10.0
"""A client that does not take what it is sent for this long is gone."""

MAX_MESSAGE_BYTES = MAX_PICTURE_BYTES + 1000
MAX_TEXT = 2000

PICTURES_HZ, RESULTS_HZ = 3.0, 0.5
"""Most messages of a kind in a second, on average: pictures to find the face in, results."""

POLICY_VIOLATION, BAD_DATA, FAULT, TRY_LATER = 1008, 1007, 1011, 1013
"""Codes of RFC 6455 with which a connection is ended."""

_MAX_REASON_BYTES = 120  # a close frame holds no more


class LiveService:
    """All viewers' connections.

    Args:
        finder: Finds the faces.
        max_viewers: Viewers at a time.
    """

    def __init__(self, finder: FaceFinder, max_viewers: int) -> None:
        self._finder = finder
        self._max_viewers = max_viewers
        self._viewers = 0
        # Estimates at a time: each has a core, and the others wait for their turn.
        self._cores = asyncio.Semaphore(usable_cores())

    async def serve(self, socket: WebSocket) -> None:
        """One connection from its beginning to its end."""
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # gone while something was being sent
            try:
                async with _within(LONGEST_S, f"A measurement ends after {LONGEST_S:g} s; start again."):
                    await self._converse(socket)
            except TimeoutError as error:
                await _end(socket, POLICY_VIOLATION, str(error))
            except MessageError as error:
                await _end(socket, BAD_DATA, str(error))
            except RfacenetError as error:
                await _end(socket, POLICY_VIOLATION, str(error))
            except WebSocketDisconnect:
                raise
            except Exception:  # one viewer's fault must not look like a service that is gone
                logging.getLogger(__name__).exception("a live connection failed")
                await _end(socket, FAULT, "The service met a fault; please report it, and start again.")

    async def _converse(self, socket: WebSocket) -> None:
        async with _within(START_S, f"Nothing was asked for within {START_S:g} s; start again."):
            wish = _command(await _receive(socket), "start")
        method = live_method(wish.get("method") or FACE_METHOD)
        if self._viewers >= self._max_viewers:
            said = (
                f"{self._viewers} cameras are being measured, as many as this machine can; try again later."
            )
            await _send(socket, {"type": "busy", "detail": said})
            await _end(socket, TRY_LATER, said)
            return
        async with self._place():
            viewer = await asyncio.to_thread(Viewer, method)
            height, width = viewer.crop_px
            await _send(
                socket,
                {
                    "type": "ready",
                    "method": method,
                    "crop_px": [height, width],
                    "enlarge": viewer.enlarge,
                    "longest_s": LONGEST_S,
                },
            )
            await _either(self._listen(socket, viewer), self._estimate(socket, viewer))

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        self._viewers += 1
        try:
            yield
        finally:
            self._viewers -= 1

    async def _listen(self, socket: WebSocket, viewer: Viewer) -> None:
        """Take in what the client sends, until it goes."""
        frames = Allowance(FRAMES_HZ, 2 * FRAMES_HZ)
        pictures = Allowance(PICTURES_HZ, 2 * PICTURES_HZ)
        results = Allowance(RESULTS_HZ, 10)
        follower = FaceFollower()
        async with asyncio.TaskGroup() as group:
            search: asyncio.Task[None] | None = None
            while True:
                async with _within(SILENCE_S, f"No picture came for {SILENCE_S:g} s; start again."):
                    message = await _receive(socket)
                if isinstance(message, str):
                    _command(message, "save")
                    _allow(results)
                    result = await asyncio.to_thread(viewer.result)
                    await _send(socket, result)
                    continue
                frame = unpack(message, viewer.crop_px)
                if frame.kind is not Kind.PICTURE:
                    _allow(frames)
                    viewer.put(frame)
                    continue
                _allow(pictures)
                if search is None or search.done():  # one at a time; others are passed over
                    find = self._find(socket, viewer, follower, frame.number, frame.content)
                    search = group.create_task(find)

    async def _find(
        self, socket: WebSocket, viewer: Viewer, follower: FaceFollower, number: int, jpeg: bytes
    ) -> None:
        """Answer one picture with where the face is."""
        box, is_other = follower.follow(await self._finder.find(jpeg))
        if is_other:
            await asyncio.to_thread(viewer.start_anew)
        await _send(socket, box_message(number, box, is_other=is_other))

    async def _estimate(self, socket: WebSocket, viewer: Viewer) -> None:
        """Send estimates, about two a second, until the connection ends."""
        while True:
            start_s = time.monotonic()
            async with self._cores:
                work_s = time.monotonic()
                message = await asyncio.to_thread(viewer.advance)
                work_s = time.monotonic() - work_s
            await _send(socket, message)
            # A slow method may not take more than half of a core.
            await asyncio.sleep(max(ESTIMATE_S - (time.monotonic() - start_s), work_s))


async def _either(*works: Any) -> None:
    """Run several things until one of them ends, and end the others."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    # Each is asked, those that end later too: an error that nobody asks for is printed to the terminal.
    errors = [task.exception() for task in tasks if not task.cancelled()]
    for error in errors:
        _raise_plain(error)


def _raise_plain(error: BaseException | None) -> None:
    """Raise an error as it was before a group of tasks wrapped it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is not None:
        raise error


@contextlib.asynccontextmanager
async def _within(timeout_s: float, sentence: str) -> AsyncIterator[None]:
    """End what takes longer, and say so by the error's sentence.

    Raises:
        TimeoutError: It took longer.
    """
    # Not asyncio.wait_for: before Python 3.12 that now and then swallows a cancellation.
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():  # one within this one
            raise
        raise TimeoutError(sentence) from error


async def _receive(socket: WebSocket) -> str | bytes:
    message = await socket.receive()
    if message["type"] != "websocket.receive":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    content = message.get("bytes") if text is None else text
    return content if content is not None else b""


def _command(message: str | bytes, expected: str) -> dict[str, Any]:
    """The JSON object of a text message that asks for what is expected.

    Raises:
        MessageError: It is anything else.
    """
    sentence = f'A text message {{"type": "{expected}"}} was expected.'
    if isinstance(message, bytes) or len(message) > MAX_TEXT:
        raise MessageError(sentence)
    try:
        content = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise MessageError(sentence) from error
    if not isinstance(content, dict) or content.get("type") != expected:
        raise MessageError(sentence)
    return content


def _allow(allowance: Allowance) -> None:
    if not allowance.take():
        raise RfacenetError("Too many messages in too short a time; send frames as the camera gives them.")


async def _send(socket: WebSocket, message: dict[str, Any]) -> None:
    async with _within(SEND_S, "What was sent was not taken in; start again."):
        await socket.send_text(json.dumps(message, allow_nan=False))


async def _end(socket: WebSocket, code: int, reason: str) -> None:
    short = reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
    async with asyncio.timeout(SEND_S):
        await socket.close(code, short)
