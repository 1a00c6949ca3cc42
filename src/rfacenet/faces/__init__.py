"""Finding a face, following it through a video, and taking its pixels."""

from rfacenet.faces.cropping import crop, mean_rgb
from rfacenet.faces.mtcnn import Mtcnn
from rfacenet.faces.regions import part_of, region_colours
from rfacenet.faces.sampling import MAX_SIDE_PX, FaceSample, face_tracker, follow_face, sample_faces, touches
from rfacenet.faces.tracking import (
    FaceDetector,
    FaceTracker,
    TrackedFrame,
    most_overlapping,
    region_frames,
    track_face,
)

__all__ = [
    "MAX_SIDE_PX",
    "FaceDetector",
    "FaceSample",
    "FaceTracker",
    "Mtcnn",
    "TrackedFrame",
    "crop",
    "face_tracker",
    "follow_face",
    "mean_rgb",
    "most_overlapping",
    "part_of",
    "region_colours",
    "region_frames",
    "sample_faces",
    "touches",
    "track_face",
]
