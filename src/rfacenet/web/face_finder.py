"""Finding the face in the pictures of all viewers, in one process of its own; and following it."""

from __future__ import annotations

import asyncio
import json

from rfacenet.faces import most_overlapping
from rfacenet.types import FaceBox
from rfacenet.web.isolation import IsolatedProcess, ProcessLimits

LIMITS = ProcessLimits(memory_mb=600)
START_S = 60.0
"""The process loads torch and the detector: seconds on a machine at rest, more on a busy one."""

ANSWER_S = 10.0
"""A detection takes some 20 ms; a process that takes this long is stuck."""


class FaceFinder:
    """The process that finds faces, started at its first use and again whenever it dies."""

    def __init__(self) -> None:
        self._process: IsolatedProcess | None = None
        self._turn = asyncio.Lock()
        self._exchanges: set[asyncio.Task[list[FaceBox]]] = set()

    async def start(self) -> None:
        """Start the process, so that the first viewer need not wait for it."""
        async with self._turn:
            await self._running()

    async def find(self, jpeg: bytes) -> list[FaceBox]:
        """The faces in a picture, in shares of its width and height (0 to 1); none in a damaged one.

        Args:
            jpeg: The picture, checked by :func:`rfacenet.web.messages.check_jpeg`.
        """
        # To its end even if the asker goes: its answer would be taken for that to the next picture.
        exchange = asyncio.ensure_future(self._exchange(jpeg))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._exchanges.discard)
        return await asyncio.shield(exchange)

    async def _exchange(self, jpeg: bytes) -> list[FaceBox]:
        async with self._turn:
            try:
                process = await self._running()
                process.send(jpeg)
                answer = await asyncio.to_thread(process.receive, ANSWER_S)
                boxes = None if answer is None else _boxes(answer)
            except (EOFError, ValueError):
                boxes = None
                answer = None
            if answer is None:
                self.close()
            return boxes or []

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    async def _running(self) -> IsolatedProcess:
        if self._process is None:
            self._process = IsolatedProcess("rfacenet.web.face_process:find_faces", (), LIMITS)
            if await asyncio.to_thread(self._process.receive, START_S) is None:
                self.close()
                raise EOFError
        return self._process


def _boxes(answer: bytes) -> list[FaceBox]:
    return [FaceBox(*map(float, box)) for box in json.loads(answer) or []]


class FaceFollower:
    """Recognises one viewer's face from picture to picture.

    Follows like :mod:`rfacenet.faces.tracking`, but cannot wait to see what comes next: one miss is bridged
    by the face's last place, a second one means that it is gone.
    """

    def __init__(self) -> None:
        self._last: FaceBox | None = None
        self._others: list[FaceBox] = []
        self._misses = 0

    def follow(self, faces: list[FaceBox]) -> tuple[FaceBox | None, bool]:
        """The followed face among those of the next picture, and whether it is another than before."""
        same = None if self._last is None else most_overlapping(faces, self._last)
        # Who was there all along does not take the place of a face that is missed once; a stranger does.
        strangers = [face for face in faces if most_overlapping(self._others, face) is None]
        if same is None and self._last is not None and self._misses == 0 and not strangers:
            self._misses, self._others = 1, faces
            return self._last, False
        is_other = same is None and self._last is not None and bool(faces)
        self._last = same or max(faces, key=lambda face: face.area_px, default=None)
        self._others = [face for face in faces if face is not self._last]
        self._misses = 0
        return self._last, is_other
