"""What runs in the process that finds faces: a JPEG in, boxes out."""

from __future__ import annotations

import json
from multiprocessing.connection import Connection

import torch

from rfacenet.errors import VideoError
from rfacenet.faces import Mtcnn
from rfacenet.video.still import Stills

READY = b"ready"


def find_faces(connection: Connection) -> None:
    """Answer pictures with their faces until the service hangs up.

    Each answer is a JSON list of ``[x, y, width, height, confidence]``, in shares of the picture's width and
    height; null where the picture cannot be decoded.
    """
    torch.set_num_threads(1)
    detector = Mtcnn()
    connection.send_bytes(READY)
    while True:
        connection.send_bytes(json.dumps(_faces(detector, connection.recv_bytes())).encode())


def _faces(detector: Mtcnn, jpeg: bytes) -> list[list[float]] | None:
    try:
        rgb = Stills().decode(jpeg)
    except VideoError:
        return None
    height, width = rgb.shape[:2]
    return [
        [box.x_px / width, box.y_px / height, box.width_px / width, box.height_px / height, box.confidence]
        for box in detector.detect(rgb)
    ]
