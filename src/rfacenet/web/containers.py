"""Which files are taken for videos: by their first bytes, before any decoder sees them.

FFmpeg would also read playlists and other texts that name further files, those of this machine among them.
What begins like one of the containers below is none of these; and the decoder is told to take no others.
"""

from __future__ import annotations

HEAD_BYTES = 512

_BEGINNINGS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"OggS\x00",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"\x00\x00\x01",  # MPEG program and elementary streams, H.264, HEVC
    b"\x00\x00\x00\x01",  # H.264, HEVC
    b"\xff\xd8\xff",  # Motion JPEG
    b"DKIF\x00\x00",  # IVF
)
_BOXES = {b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}
_TS_PACKETS = ((0, 188), (4, 192))
"""Where a transport stream's first packet begins, and how far it is to the next (the second: M2TS).

Each packet begins with 0x47, which is also the letter G.
"""

FORMATS = (
    *("matroska", "webm", "flv", "ogg", "asf", "mov", "mp4", "avi", "mpegts", "mpeg", "mpegvideo"),
    *("h264", "hevc", "m4v", "vc1", "mjpeg", "ivf"),
)
"""FFmpeg's names of these containers and streams."""


def is_video(head: bytes) -> bool:
    """Whether a file may be a video.

    Args:
        head: Its first :data:`HEAD_BYTES`, or all of it if it has fewer.
    """
    if head.startswith(_BEGINNINGS):
        return True
    if head[4:8] in _BOXES and head[0] == 0:  # no text begins with zero
        return True
    if head.startswith(b"RIFF") and head[8:11] == b"AVI":
        return True
    # Three packets: a text may well have the same letter at two places.
    return any(head[first::step][:3] == b"GGG" for first, step in _TS_PACKETS)
