"""Writing videos for tests."""

from rfacenet.video import VideoWriter


def write_video(path, frames, **options):
    """Write frames with their times; options are those of ``VideoWriter``."""
    height, width = frames[0].rgb.shape[:2]
    with VideoWriter(path, width, height, **options) as writer:
        for frame in frames:
            writer.write(frame.rgb, frame.t_s)
    return path
