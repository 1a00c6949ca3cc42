"""One face followed through a video: a box for every frame from a detection about once a second.

Between two detections the box glides from one to the other in a straight line, so frames are held back until
the later one is known. Detected edges wobble by a few percent of the face's width. At one detection a
second, smoothed over three, nearly all that is left of that wobble is slower than 0.5 Hz, below the band of
the pulse; a detection in every frame would put it right there. (Above 32 frames a second, memory bounds the
time between detections unless the caller allows for more frames.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, get_args

import numpy as np

from rfacenet.errors import SettingsError
from rfacenet.faces.boxes import overlap
from rfacenet.types import FaceBox, FaceChoice, Float64Array, Frame, Uint8Array

_SAME_FACE_OVERLAP = 0.1  # IoU of a face now and a second ago, low as heads lean and turn
_LONGEST_GAP_S = 2.5  # a second sight later than this after the last one is not joined to it


class FaceDetector(Protocol):
    """Whatever finds the faces in one frame, as :class:`~rfacenet.faces.mtcnn.Mtcnn` does."""

    def detect(self, rgb: Uint8Array) -> list[FaceBox]:
        """Boxes of the faces in a frame ``(H, W, 3) uint8``; empty where there is none."""


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame and where the followed face is in it.

    Attributes:
        frame: The frame.
        box: The face; None where there is no face at that time.
    """

    frame: Frame
    box: FaceBox | None


def track_face(
    frames: Iterable[Frame],
    detector: FaceDetector,
    *,
    interval_s: float = 1.0,
    max_buffered_frames: int = 32,
    choice: FaceChoice = "largest",
) -> Iterator[TrackedFrame]:
    """Every frame, once and in order, with the box of one face that is followed.

    The chosen face is followed by overlap for as long as it is seen; other faces are then ignored, larger
    ones too. A single detection that misses it is bridged, up to 2.5 s. If it stays away, the frames from its
    last sight to the next have no box, and whoever is then the ``choice`` is followed. The same holds where a
    new face appears and the followed one is gone, as at a scene cut: nothing is interpolated across.

    Args:
        frames: The video.
        detector: Finds faces in a frame. It sees the first frame, the last, and those ``interval_s`` apart.
        interval_s: Time between two detections.
        max_buffered_frames: Most frames between two detections, whatever their rate. At most four times as
            many are held in memory; two times, while the face is seen without a break.
        choice: Which face to follow, where there are several: the largest, or the one whose centre is
            furthest left, nearest to the middle, or furthest right in the picture.

    Yields:
        The frames with their boxes.

    Raises:
        SettingsError: A setting is out of range.
    """
    tracker = FaceTracker(
        detector, interval_s=interval_s, max_buffered_frames=max_buffered_frames, choice=choice
    )
    return track(frames, tracker)


def track(frames: Iterable[Frame], tracker: FaceTracker) -> Iterator[TrackedFrame]:
    """Every frame, once and in order, with the box that the tracker gives it."""
    for frame in frames:
        yield from tracker.push(frame)
    yield from tracker.finish()


class FaceTracker:
    """:func:`track_face` for frames that come one at a time; see there for the settings.

    Frames go in by :meth:`push`, which gives out those whose box has become known; :meth:`finish` gives out
    the rest. What is given out is to be used up before the next frame is pushed.

    Raises:
        SettingsError: A setting is out of range.
    """

    def __init__(
        self,
        detector: FaceDetector,
        *,
        interval_s: float = 1.0,
        max_buffered_frames: int = 32,
        choice: FaceChoice = "largest",
    ) -> None:
        if interval_s < 0 or max_buffered_frames < 1:
            raise SettingsError(
                f"interval_s is {interval_s} and max_buffered_frames is {max_buffered_frames}: "
                "they must be at least 0 and 1."
            )
        if choice not in get_args(FaceChoice):
            raise SettingsError(f"choice is {choice!r}: it must be largest, left, center or right.")
        self._detector = detector
        self._interval_s = interval_s
        self._max_frames = max_buffered_frames
        self._follower = _Follower(choice)
        self._next_t_s = -np.inf
        self._unseen = 0  # frames since the last detection
        self._frames: deque[Frame] = deque()  # ... and since the last sighting
        self._before: _Sighting | None = None
        self._current: _Sighting | None = None  # waits for the next one, to be smoothed between the two
        self._settled: _Sighting | None = None  # the last one whose frames were given out
        self.detections = 0  # how often faces were looked for

    def push(self, frame: Frame) -> Iterator[TrackedFrame]:
        """Take the next frame, and give out those whose box is known now: none, or a second of them."""
        self._frames.append(frame)
        self._unseen += 1
        if frame.t_s < self._next_t_s and self._unseen < self._max_frames:
            return iter(())
        self._next_t_s = frame.t_s + self._interval_s
        return self._given_out(self._detected())

    def finish(self) -> Iterator[TrackedFrame]:
        """Give out all the frames that still wait."""
        settled = self._detected() if self._unseen else []
        if self._frames:  # the face was missed, and there is no later sight of it
            settled += self._sighted(self._frames[-1].t_s, None, False)
        if self._current is not None:
            settled.append(self._current)
        return self._given_out(settled)

    def expected(self) -> Iterator[TrackedFrame]:
        """The frames that wait, each with the box that it will have unless the face moves.

        Up to the last sight of the face, that is the box between the last two sights; after it, the last one;
        and none once a detection has missed the face. They stay in wait.
        """
        if self._current is None:
            return
        for frame in self._current.frames:
            yield TrackedFrame(frame, _box_at(frame.t_s, self._settled, self._current))
        for frame in self._frames:
            yield TrackedFrame(frame, None if self._follower.is_waiting else self._current.box)

    def _detected(self) -> list[_Sighting]:
        """Find faces in the last frame; where the one face is missed once, the answer waits for the next."""
        t_s, rgb = self._frames[-1].t_s, self._frames[-1].rgb
        self._unseen = 0
        self.detections += 1
        box, continues = self._follower.find(self._detector.detect(rgb), t_s, rgb.shape[1])
        return [] if self._follower.is_waiting else self._sighted(t_s, box, continues)

    def _sighted(self, t_s: float, box: FaceBox | None, continues: bool) -> list[_Sighting]:
        """The sighting before this one, if any, its box half way towards the line between its neighbours.

        This is the (1/4, 1/2, 1/4) filter for equal intervals. It looks ahead so as not to lag behind a
        moving face, and leaves steady movement as it is.
        """
        after = _Sighting(t_s, box, continues, self._frames)
        self._frames = deque()
        current, before = self._current, self._before
        self._before, self._current = current, after
        return [] if current is None else [_steadied(before, current, after)]

    def _given_out(self, sightings: list[_Sighting]) -> Iterator[TrackedFrame]:
        before = self._settled
        self._settled = sightings[-1] if sightings else before
        return _with_boxes(before, sightings)


def region_frames(frames: Iterable[Frame], box: FaceBox | None = None) -> Iterator[TrackedFrame]:
    """Every frame with the same box.

    Args:
        frames: The video.
        box: The region, in frame pixels; None for the whole frame.

    Yields:
        The frames with the box.
    """
    for frame in frames:
        height, width = frame.rgb.shape[:2]
        yield TrackedFrame(frame, FaceBox(0, 0, width, height) if box is None else box)


@dataclass(frozen=True, slots=True)
class _Sighting:
    """What is known of the followed face at one time, and the frames up to then.

    Attributes:
        t_s: The time.
        box: The face; None where it was not found.
        continues: Whether it is the face of the sighting before this one, so that frames between have it too.
        frames: The frames since the sighting before this one. Taken out as they are emitted, so that none is
            held in memory for longer than needed.
    """

    t_s: float
    box: FaceBox | None
    continues: bool
    frames: deque[Frame]


@dataclass(slots=True)
class _Follower:
    """Recognises one face from detection to detection.

    Attributes:
        choice: Which face to start with.
        last: The followed face at its last sight; None while none is followed.
        last_t_s: When that was.
        others: The other faces at the last detection.
        is_waiting: Whether the followed face was missed at the last detection, and may yet come back.
    """

    choice: FaceChoice
    last: FaceBox | None = None
    last_t_s: float = -np.inf
    others: list[FaceBox] = field(default_factory=list)
    is_waiting: bool = False

    def find(self, faces: list[FaceBox], t_s: float, frame_width_px: int) -> tuple[FaceBox | None, bool]:
        """The face to follow now, and whether it continues the last sight."""
        is_late = t_s - self.last_t_s > _LONGEST_GAP_S
        same = None if self.last is None else most_overlapping(faces, self.last)
        if same is not None:
            continues = not (self.is_waiting and is_late)
            self._follow(same, t_s, faces)
            return same, continues
        # Who was there all along does not replace a face that is missed once; a stranger does: a scene cut.
        strangers = [face for face in faces if most_overlapping(self.others, face) is None]
        if self.last is not None and not (strangers or self.is_waiting or is_late):
            self.is_waiting, self.others = True, faces
            return None, False
        chosen = _chosen(strangers or faces, self.choice, frame_width_px)
        self._follow(chosen, t_s, faces)
        return chosen, False

    def _follow(self, face: FaceBox | None, t_s: float, faces: list[FaceBox]) -> None:
        """Follow this one of the ``faces`` from now on."""
        self.last, self.last_t_s, self.is_waiting = face, t_s, False
        self.others = [other for other in faces if other is not face]


def most_overlapping(faces: list[FaceBox], face: FaceBox) -> FaceBox | None:
    """Which of ``faces`` could be the same face as ``face``, seen at another time; None if none could."""
    if not faces:
        return None
    overlaps = overlap(_edges(faces), _edges([face]))[:, 0]
    best = int(overlaps.argmax())
    return faces[best] if overlaps[best] > _SAME_FACE_OVERLAP else None


def _edges(faces: list[FaceBox]) -> Float64Array:
    """``(N, 4)`` left, top, right, bottom."""
    return np.array([(f.x_px, f.y_px, f.x_px + f.width_px, f.y_px + f.height_px) for f in faces])


def _chosen(faces: list[FaceBox], choice: FaceChoice, frame_width_px: int) -> FaceBox | None:
    """The face to follow from now on; None if there is none."""
    preference: Callable[[FaceBox], float] = {
        "largest": lambda face: face.area_px,
        "left": lambda face: -face.center_px[0],
        "center": lambda face: -abs(face.center_px[0] - frame_width_px / 2),
        "right": lambda face: face.center_px[0],
    }[choice]
    return max(faces, key=preference, default=None)


def _steadied(before: _Sighting | None, current: _Sighting, after: _Sighting) -> _Sighting:
    """``current`` with its box smoothed, if the same face is seen before and after."""
    if not (before and before.box and current.box and after.box and current.continues and after.continues):
        return current
    expected = _between(before.t_s, before.box, after.t_s, after.box, current.t_s)
    return replace(current, box=_between(0, current.box, 1, expected, 0.5))


def _with_boxes(before: _Sighting | None, sightings: Iterable[_Sighting]) -> Iterator[TrackedFrame]:
    """All the frames, those between two sights of the same face with a box between the two."""
    for after in sightings:
        while after.frames:
            frame = after.frames.popleft()
            yield TrackedFrame(frame, _box_at(frame.t_s, before, after))
        before = after


def _box_at(t_s: float, before: _Sighting | None, after: _Sighting) -> FaceBox | None:
    """The face at a time after one sighting and not after the next."""
    if t_s >= after.t_s or after.box is None:
        return after.box
    if before is None or before.box is None or not after.continues:
        return None
    return _between(before.t_s, before.box, after.t_s, after.box, t_s)


def _between(first_t_s: float, first: FaceBox, second_t_s: float, second: FaceBox, t_s: float) -> FaceBox:
    """The box at ``t_s`` of a face that moves steadily from ``first`` to ``second``."""
    weight = min(max((t_s - first_t_s) / (second_t_s - first_t_s), 0.0), 1.0)

    def between(a: float, b: float) -> float:
        return (1 - weight) * a + weight * b

    return FaceBox(
        between(first.x_px, second.x_px),
        between(first.y_px, second.y_px),
        between(first.width_px, second.width_px),
        between(first.height_px, second.height_px),
        between(first.confidence, second.confidence),
        landmarks_px=tuple(
            (between(x1, x2), between(y1, y2))
            for (x1, y1), (x2, y2) in zip(first.landmarks_px, second.landmarks_px, strict=False)
        ),
    )
