"""Finding a face, following it through a video, and taking its pixels."""

from rfacenet.faces.cropping import crop, mean_rgb
from rfacenet.faces.mtcnn import FaceDetection, Mtcnn
from rfacenet.faces.tracking import FaceDetector, TrackedFrame, region_frames, track_face

__all__ = [
    "FaceDetection",
    "FaceDetector",
    "Mtcnn",
    "TrackedFrame",
    "crop",
    "mean_rgb",
    "region_frames",
    "track_face",
]
