"""From what a person names (a file, a folder, a pattern) to videos."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from rfacenet.errors import SettingsError, VideoError
from rfacenet.video.image_sequence import ImageSequence, numbered_images
from rfacenet.video.source import VideoSource
from rfacenet.video.video_file import VideoFile

VIDEO_ENDINGS = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm", ".wmv", ".flv", ".ogv"),
    *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".mjpeg", ".h264", ".hevc"),
)


def open_video(
    path: str | os.PathLike[str], *, max_side_px: int | None = None, fps: float | None = None
) -> VideoSource:
    """Opens a video file, or a folder of numbered images.

    Args:
        path: The file or folder.
        max_side_px: Frames whose longer side exceeds this are shrunk to it, keeping the aspect; smaller ones
            stay as they are.
        fps: The frame rate of a folder of images; files bring their own times.

    Returns:
        The video, open at its first frame; to be used as a context manager.

    Raises:
        VideoError: The input is missing or cannot be read as a video.
        SettingsError: ``max_side_px`` or ``fps`` is not positive, or ``fps`` is given for a file.
    """
    if max_side_px is not None and max_side_px < 1:
        raise SettingsError(f"max_side_px is {max_side_px}, but must be at least 1.")
    if fps is not None and not fps > 0:
        raise SettingsError(f"fps is {fps}, but must be positive.")
    if Path(path).is_dir():
        return ImageSequence(path, max_side_px=max_side_px, fps=fps)
    if fps is not None:
        raise SettingsError(f"fps is for folders of images, but '{path}' has its own times; leave it out.")
    return VideoFile(path, max_side_px=max_side_px)


def find_videos(path: str | os.PathLike[str]) -> list[Path]:
    """The videos that ``path`` stands for, sorted.

    Args:
        path: A file (taken as it is, whatever its ending), a folder (searched with all folders below it; one
            that holds numbered images but no video files is itself a video), or a pattern such as
            ``data/*/vid.avi``.

    Returns:
        At least one path, each for :func:`open_video`.

    Raises:
        VideoError: There is nothing of that name, or no video in it.
    """
    if not os.fspath(path):
        raise VideoError("An empty name was given (perhaps an unset variable); give a file or folder.")
    root = Path(path)
    try:
        is_file, is_folder = root.is_file(), root.is_dir()
    except OSError as error:
        raise VideoError(f"'{root}' cannot be looked up: {error.strerror}; check the name.") from error
    if is_file:
        return [root]
    if is_folder:
        videos = _videos_below(root)
        where = f"Folder '{root}'"
    elif glob.has_magic(os.fspath(path)):
        matches = map(Path, glob.glob(os.fspath(path), recursive=True))  # noqa: PTH207 (Path.glob: relative only)
        videos = sorted({video for match in matches for video in _videos_of(match)})
        where = f"Pattern '{root}'"
    else:
        raise VideoError(f"There is no file or folder '{root}'; check the name.")
    if not videos:
        raise VideoError(
            f"{where} leads to no video; looked for files ending in {', '.join(VIDEO_ENDINGS)} "
            "and folders of numbered images."
        )
    return videos


def _videos_of(path: Path) -> list[Path]:
    if path.is_dir():
        return _videos_below(path)
    return [path] if _is_video_name(path.name) else []


def _videos_below(root: Path) -> list[Path]:
    videos: list[Path] = []
    for folder, _, names in os.walk(root):
        files = [Path(folder, name) for name in names if _is_video_name(name)]
        videos += files
        # One image is a picture; two are a sequence.
        if not files and len(numbered_images(Path(folder))) > 1:
            videos.append(Path(folder))
    return sorted(videos)


def _is_video_name(name: str) -> bool:
    return name.lower().endswith(VIDEO_ENDINGS) and not name.startswith(".")
