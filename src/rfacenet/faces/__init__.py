"""Finding a face, following it through a video, and taking its pixels."""

from rfacenet.faces.cropping import crop, mean_rgb
from rfacenet.faces.mtcnn import FaceDetection, Mtcnn
from rfacenet.faces.sampling import FaceSample, frames_between_detections, sample_faces, touches
from rfacenet.faces.tracking import FaceDetector, TrackedFrame, region_frames, track_face

__all__ = [
    "FaceDetection",
    "FaceDetector",
    "FaceSample",
    "Mtcnn",
    "TrackedFrame",
    "crop",
    "frames_between_detections",
    "mean_rgb",
    "region_frames",
    "sample_faces",
    "touches",
    "track_face",
]
