from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import draw_face, empty_room

from rfacenet.errors import SettingsError
from rfacenet.faces.mtcnn import Mtcnn


@pytest.fixture(scope="module")
def detector():
    return Mtcnn()


def picture_of(*faces, size=(240, 320)):
    picture = empty_room(*size)
    for center_px, height_px in faces:
        draw_face(picture, center_px, height_px)
    return picture


@pytest.mark.parametrize(
    ("center_px", "height_px"), [((160, 120), 120), ((100, 110), 80), ((250, 150), 60), ((160, 120), 180)]
)
def test_finds_a_face_where_it_is(detector, center_px, height_px):
    (face,) = detector.detect(picture_of((center_px, height_px)))
    assert face.confidence > 0.8
    assert face.height_px == pytest.approx(0.92 * height_px, rel=0.15)
    assert face.center_px == pytest.approx(center_px, abs=0.06 * height_px)


def test_landmarks_lie_on_eyes_nose_and_mouth(detector):
    (face,) = detector.detect(picture_of(((160, 120), 120)))
    expected = [(-0.155, -0.045), (0.155, -0.045), (0, 0.12), (-0.12, 0.265), (0.12, 0.265)]
    np.testing.assert_allclose((np.array(face.landmarks_px) - (160, 120)) / 120, expected, atol=0.06)


def test_finds_two_faces_the_surer_first(detector):
    faces = detector.detect(picture_of(((180, 240), 200), ((480, 250), 140), size=(480, 640)))
    assert sorted(round(face.center_px[0] / 10) for face in faces) == [18, 48]
    assert faces[0].confidence >= faces[1].confidence


def test_no_face(detector):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    assert detector.detect(empty_room()) == []
    assert detector.detect(noise) == []
    assert detector.detect(np.zeros((240, 320, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (8, 300), (13, 17), (241, 319)])
def test_any_size_of_frame_is_looked_at(detector, shape):
    assert detector.detect(np.zeros((*shape, 3), dtype=np.uint8)) == []


def test_smaller_faces_than_asked_for_are_not_searched():
    picture = picture_of(((160, 120), 40))
    assert len(Mtcnn(min_face_fraction=0.12).detect(picture)) == 1
    assert Mtcnn(min_face_fraction=0.6).detect(picture) == []


def test_thresholds_decide(detector):
    picture = picture_of(((160, 120), 120))
    assert Mtcnn(thresholds=(0.6, 0.7, 0.9999)).detect(picture) == []


def test_flipped_and_locked_arrays_are_taken_as_they_look(detector):
    picture = picture_of(((100, 110), 80))
    flipped = picture[:, ::-1]
    locked = picture.copy()
    locked.flags.writeable = False
    assert detector.detect(flipped) == detector.detect(flipped.copy())
    assert detector.detect(locked) == detector.detect(picture)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.1])
def test_senseless_smallest_face(fraction):
    with pytest.raises(SettingsError, match="min_face_fraction"):
        Mtcnn(min_face_fraction=fraction)
