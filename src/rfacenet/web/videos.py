"""Uploaded videos: received into files without a name, measured one after the other, forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from multiprocessing import reduction
from typing import IO, Any, Literal

from rfacenet.errors import RfacenetError, VideoError
from rfacenet.inference.estimator import unreadable
from rfacenet.inference.settings import EstimateSettings
from rfacenet.web.containers import HEAD_BYTES, is_video
from rfacenet.web.isolation import IsolatedProcess, LentFile, ProcessLimits
from rfacenet.web.settings import ServeSettings
from rfacenet.web.video_process import answer

CHUNK_S, CHUNK_BYTES = 30.0, 300_000
"""A client that sends less than this in such a time has gone, or wants to keep others from a place."""

UPLOAD_S = 1800.0
"""Longest time that an upload may take."""

LONGEST_LABEL = 120

State = Literal["waiting", "working", "done"]


class NotPossibleError(RfacenetError):
    """The system lacks what uploads need."""


class BusyError(RfacenetError):
    """There is no room for more at the moment."""


class NoVideoError(RfacenetError):
    """What was sent does not begin like a video."""


class TooLargeError(RfacenetError):
    """What was sent is larger than what is taken."""


@dataclass(slots=True, eq=False)
class Video:
    """One uploaded video.

    Attributes:
        key: Hard to guess: whoever knows it may see the result.
        label: What to call it, as its owner does.
        method: Name of the method.
        file: The video itself; None once it has been measured.
        state: What becomes of it.
        progress: How much of it has been measured, 0 to 1; None where that is unknown.
        outcome: What came out, once it is done: result, CSV and report.
        done_s: When that was, on the monotonic clock.
        process: What measures it.
    """

    key: str
    label: str
    method: str
    file: IO[bytes] | None
    state: State = "waiting"
    progress: float | None = 0.0
    outcome: dict[str, Any] = field(default_factory=dict)
    done_s: float = 0.0
    process: IsolatedProcess | None = None


class Videos:
    """All videos that are waiting, being measured, or done and not yet forgotten.

    Args:
        settings: Limits.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._limits = ProcessLimits(settings.max_memory_mb, settings.max_video_s)
        self._videos: dict[str, Video] = {}
        self._queue: asyncio.Queue[Video] = asyncio.Queue()
        self._arriving = 0

    def get(self, key: str) -> Video | None:
        """The video of that key; None if there is none (any more)."""
        return self._videos.get(key)

    def waiting_before(self, video: Video) -> int:
        """How many videos are to be done before this one."""
        unfinished = [v for v in self._videos.values() if v.state != "done"]
        return unfinished.index(video) if video in unfinished else 0

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place for a video that arrives.

        Raises:
            NotPossibleError: Videos cannot be uploaded on this system.
            BusyError: All are taken.
        """
        if not hasattr(reduction, "DupFd"):
            raise NotPossibleError("Windows has no files without a name; use 'rfacenet estimate' there.")
        unfinished = self._arriving + sum(video.state != "done" for video in self._videos.values())
        if unfinished >= self._settings.max_videos:
            raise BusyError(f"{unfinished} videos are waiting already; try again in a minute.")
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    async def receive(self, chunks: AsyncIterator[bytes]) -> IO[bytes]:
        """Take a video into a file that has no name and is gone with this process, however that ends.

        Raises:
            NoVideoError: It does not begin like a video; no more than the beginning was taken.
            TooLargeError: It is larger than allowed.
            TimeoutError: It takes too long, or hardly comes.
        """
        file = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the video has been measured)
        try:
            async with asyncio.timeout(UPLOAD_S):
                size = 0
                head = b""
                pace = _Pace()
                while (chunk := await pace.next(chunks)) is not None:
                    size += len(chunk)
                    self.check_size(size)
                    file.write(chunk)
                    if len(head) < HEAD_BYTES:
                        head += chunk[:HEAD_BYTES]
                        _check_head(head, is_whole=False)
                _check_head(head, is_whole=True)
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def check_size(self, size: int) -> None:
        """Refuse what is larger than allowed.

        Raises:
            TooLargeError: It is.
        """
        if size > self._settings.max_upload_mb * 1e6:
            raise TooLargeError(
                f"The video is larger than {self._settings.max_upload_mb:g} MB; send a shorter part of it, "
                "or use 'rfacenet estimate' on the machine itself."
            )

    def add(self, label: str, method: str, file: IO[bytes]) -> Video:
        """Queue a video that has arrived."""
        video = Video(secrets.token_urlsafe(16), tidy(label), method, file)
        self._videos[video.key] = video
        self._queue.put_nowait(video)
        return video

    def remove(self, video: Video) -> None:
        """Forget a video, and stop measuring it."""
        self._videos.pop(video.key, None)
        _let_go(video)

    async def work(self) -> None:
        """Measure the videos in the order of their arrival, for as long as the service runs."""
        while True:
            video = await self._queue.get()
            if video.key in self._videos:
                await self._measure(video)

    async def forget_old(self) -> None:
        """Forget results that nobody came for, for as long as the service runs."""
        while True:
            await asyncio.sleep(min(30.0, self._settings.keep_s))
            oldest_s = time.monotonic() - self._settings.keep_s
            for video in list(self._videos.values()):
                if video.state == "done" and video.done_s < oldest_s:
                    self.remove(video)

    def close(self) -> None:
        """Stop everything."""
        for video in list(self._videos.values()):
            self.remove(video)

    async def _measure(self, video: Video) -> None:
        assert video.file is not None
        video.state = "working"
        arguments = (LentFile(video.file.fileno()), video.label, video.method)
        try:
            video.process = IsolatedProcess("rfacenet.web.video_process:measure", arguments, self._limits)
            video.outcome = await asyncio.to_thread(self._follow, video, video.process)
        except OSError as error:  # no process can be started
            video.outcome = _failed(video, f"cannot be measured now ({error.strerror}); try again later")
        finally:
            _let_go(video)
            video.state, video.progress, video.done_s = "done", 1.0, time.monotonic()

    def _follow(self, video: Video, process: IsolatedProcess) -> dict[str, Any]:
        """What the process says in the end, or what its silence means."""
        until_s = time.monotonic() + self._settings.max_video_s
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                said = process.receive(min(left_s, 1.0))
                message = None if said is None else json.loads(said)
            except (EOFError, ValueError, RecursionError):
                return _failed(video, "took its process down; it may be too large or broken")
            if isinstance(message, dict) and "result" in message:
                return message
            if isinstance(message, dict):
                video.progress = message.get("progress")
        return _failed(
            video,
            f"took longer than {self._settings.max_video_s:g} s and was stopped; give a shorter part of it",
        )


class _Pace:
    """Takes what is sent, as long as enough of it comes."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._until_s = time.monotonic() + CHUNK_S
        self._missing = CHUNK_BYTES

    async def next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """The next chunk; None at the end.

        Raises:
            TimeoutError: Less came than :data:`CHUNK_BYTES` in :data:`CHUNK_S`.
        """
        async with asyncio.timeout(self._until_s - time.monotonic()):
            chunk = await anext(chunks, None)
        self._missing -= len(chunk or b"")
        if self._missing <= 0:
            self._begin()
        return chunk


def _check_head(head: bytes, *, is_whole: bool) -> None:
    if (is_whole or len(head) >= HEAD_BYTES) and not is_video(head):
        what = "is empty" if not head else "is not in a format of videos that is known here"
        raise NoVideoError(f"The file {what}; send a video such as MP4, MOV, WebM, MKV or AVI.")


def tidy(label: str) -> str:
    """A file's name as its owner knows it, without what does not belong into a line of text."""
    name = "".join(
        sign if sign.isprintable() else " " for sign in label.replace("\\", "/").rpartition("/")[2]
    )
    return name.strip()[:LONGEST_LABEL] or "video"


def _failed(video: Video, what: str) -> dict[str, Any]:
    error = VideoError(f"'{video.label}' {what}.")
    return answer(unreadable(video.label, video.method, error), EstimateSettings(method=video.method))


def _let_go(video: Video) -> None:
    """End the process and drop the file, which frees its place on the disk."""
    if video.process is not None:
        video.process.kill()
        video.process = None
    if video.file is not None:
        video.file.close()
        video.file = None
