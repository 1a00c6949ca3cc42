"""Writing videos and pictures for tests."""

from fractions import Fraction

import av

from rfacenet.video import VideoWriter


def write_video(path, frames, **options):
    """Write frames with their times; options are those of ``VideoWriter``."""
    height, width = frames[0].rgb.shape[:2]
    with VideoWriter(path, width, height, **options) as writer:
        for frame in frames:
            writer.write(frame.rgb, frame.t_s)
    return path


def encode_jpeg(rgb):
    """A JPEG file of one ``(H, W, 3) uint8`` RGB image."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.height, encoder.width, _ = rgb.shape
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(packet) for step in (frame, None) for packet in encoder.encode(step))


def with_jpeg_size(content, width, height):
    """The same JPEG, announcing another size."""
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + content[at + 4 :]
