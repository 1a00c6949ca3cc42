import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from rfacenet.methods import METHODS, ClipInput
from rfacenet.methods.chrom import chrom
from rfacenet.methods.ica import jade
from rfacenet.methods.lgi import lgi
from rfacenet.methods.omit import omit
from rfacenet.methods.pbv import pbv
from rfacenet.methods.pos import pos
from rfacenet.signal.colour import PULSE_COLOUR
from rfacenet.signal.filters import clean_pulse
from rfacenet.signal.spectrum import heart_rate_bpm

FS_HZ = 30.0


def skin(rate_bpm=78.0, duration_s=20.0, shading=0.01, noise=0.02, seed=0):
    """Mean skin colour by the skin-reflection model: pulse per channel, intensity common to all, noise."""
    rng = np.random.default_rng(seed)
    t_s = np.arange(0, duration_s, 1 / FS_HZ)
    bvp = np.sin(2 * np.pi * rate_bpm / 60 * t_s)
    sway = shading * (np.sin(2 * np.pi * 0.35 * t_s) + 0.3 * np.sin(2 * np.pi * 2.9 * t_s))
    colour = np.array([170.0, 120.0, 95.0])
    rgb = colour * (1 - 0.005 * bvp[:, None] * PULSE_COLOUR) * (1 + sway[:, None])
    return rgb + rng.normal(0, noise, rgb.shape), bvp


def extract(method, rgb, fs_hz=FS_HZ):
    """The method's wave of a face that has the same colour all over."""
    if isinstance(method.input, ClipInput):
        regions = (len(rgb), method.input.height_px, 1, 3)
        return method.extract(np.broadcast_to(rgb[:, None, None], regions), fs_hz)
    return method.extract(rgb, fs_hz)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
class TestEveryMethod:
    def test_finds_the_pulse_upright(self, method):
        rgb, bvp = skin(shading=0.0005 if method.name in ("green", "ica") else 0.01)
        found = clean_pulse(extract(method, rgb), FS_HZ)
        assert found.shape == bvp.shape
        assert heart_rate_bpm(found, FS_HZ) == pytest.approx(78, abs=0.5)
        assert np.corrcoef(found, bvp)[0, 1] > 0.8

    def test_a_constant_face_has_no_pulse_and_no_nan(self, method):
        for colour in ([170.3, 120.7, 95.1], [128.0, 128.0, 128.0], [0.0, 0.0, 0.0]):
            wave = clean_pulse(extract(method, np.tile(colour, (200, 1))), FS_HZ)
            assert not wave.any()

    def test_drifting_light_does_not_turn_the_wave_over(self, method):
        rgb, bvp = skin(duration_s=60, shading=0, noise=0.01)
        drift = 1 + 0.2 * np.sin(2 * np.pi * 0.1 * np.arange(len(rgb)) / FS_HZ)
        found = clean_pulse(extract(method, rgb * drift[:, None]), FS_HZ)
        pieces = zip(np.split(found, 12), np.split(bvp, 12), strict=True)
        assert min(np.corrcoef(a, b)[0, 1] for a, b in pieces) > 0.5

    def test_grey_scale_and_short_and_slow_input_give_finite_waves(self, method):
        rgb, _ = skin()
        assert np.isfinite(extract(method, np.repeat(rgb[:, 1:2], 3, axis=1))).all()
        assert len(extract(method, rgb[:30])) == 30
        assert np.isfinite(extract(method, rgb[::6], 5.0)).all()


def test_pos_equals_its_algorithm_window_by_window():
    rgb, _ = skin(duration_s=6)
    n, length = len(rgb), 48
    total, count = np.zeros(n), np.zeros(n)
    for start in range(n - length + 1):
        window = rgb[start : start + length]
        s1, s2 = np.array([[0, 1, -1], [-2, 1, 1]]) @ (window / window.mean(axis=0)).T
        h = s1 + s1.std() / s2.std() * s2
        total[start : start + length] += h - h.mean()
        count[start : start + length] += 1
    np.testing.assert_allclose(pos(rgb, FS_HZ), -total / count, atol=1e-10)


def test_chrom_equals_its_algorithm_window_by_window():
    rgb, _ = skin(duration_s=8)  # 240 frames: whole windows of 48 at every 24
    n, length = len(rgb), 48
    band = butter(2, [40 / 60, 4.0], btype="bandpass", fs=FS_HZ, output="sos")
    taper = np.hanning(length + 2)[1:-1]
    total, weight = np.zeros(n), np.zeros(n)
    for start in range(0, n - length + 1, length // 2):
        r, g, b = (rgb[start : start + length] / rgb[start : start + length].mean(axis=0)).T - 1
        x, y = (
            sosfiltfilt(band, 3 * r - 2 * g, padlen=15),
            sosfiltfilt(band, 1.5 * r + g - 1.5 * b, padlen=15),
        )
        total[start : start + length] += taper * (x - x.std() / y.std() * y)
        weight[start : start + length] += taper
    np.testing.assert_allclose(chrom(rgb, FS_HZ), total / weight, atol=1e-12)


def test_lgi_and_omit_equal_their_decompositions():
    rgb, _ = skin()
    first_singular = np.linalg.svd(rgb.T, full_matrices=False)[0][:, 0]
    first_orthogonal = rgb[0] / np.linalg.norm(rgb[0])
    for method, direction in ((lgi, first_singular), (omit, first_orthogonal)):
        green = ((np.eye(3) - np.outer(direction, direction)) @ rgb.T)[1]
        assert abs(np.corrcoef(method(rgb, FS_HZ), green)[0, 1]) == pytest.approx(1, abs=1e-9)


def test_pbv_cancels_what_has_another_signature():
    rgb, bvp = skin(shading=0.02, noise=0)
    assert np.corrcoef(pbv(rgb, FS_HZ), bvp)[0, 1] > 0.999


def test_jade_separates_independent_sources():
    rng = np.random.default_rng(5)
    sources = np.stack(
        [np.sign(rng.normal(size=4000)), rng.laplace(size=4000), rng.uniform(-1, 1, 4000)], axis=1
    )
    mixed = sources @ rng.normal(size=(3, 3))
    found = jade(mixed - mixed.mean(axis=0))
    match = np.abs(np.corrcoef(found.T, sources.T)[:3, 3:])
    assert np.sort(match.max(axis=0))[0] > 0.99
    assert sorted(match.argmax(axis=0)) == [0, 1, 2]
