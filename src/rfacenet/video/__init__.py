"""Video in and out: frames with exact presentation times, upright and in RGB, whatever the file.

:func:`open_video` reads a file or a folder of images, :func:`find_videos` finds what to open,
:class:`Camera` reads a camera, :func:`in_real_time` plays a recording as one would, and
:class:`VideoWriter` and :func:`encode_png` write, :func:`recoded` does what compression does to frames. Only
this room knows PyAV (FFmpeg).
"""

from rfacenet.video.camera import Camera, CameraDevice, list_cameras
from rfacenet.video.finding import VIDEO_ENDINGS, find_videos, open_video
from rfacenet.video.image_sequence import IMAGE_ENDINGS, ImageSequence
from rfacenet.video.playback import in_real_time
from rfacenet.video.recoding import Encoding, recoded
from rfacenet.video.source import VideoSource
from rfacenet.video.video_file import VideoFile, only_formats
from rfacenet.video.writer import VideoWriter, encode_png

__all__ = [
    "IMAGE_ENDINGS",
    "VIDEO_ENDINGS",
    "Camera",
    "CameraDevice",
    "Encoding",
    "ImageSequence",
    "VideoFile",
    "VideoSource",
    "VideoWriter",
    "encode_png",
    "find_videos",
    "in_real_time",
    "list_cameras",
    "only_formats",
    "open_video",
    "recoded",
]
