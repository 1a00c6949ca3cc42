from dataclasses import replace

import numpy as np
import pytest
import torch

from rfacenet.errors import OutputError, TooShortError, WeightsError
from rfacenet.faces import crop
from rfacenet.inference.catalogue import get_method
from rfacenet.inference.estimator import estimate
from rfacenet.inference.neural import _pulses, extract, windows_of
from rfacenet.inference.reading import read_samples
from rfacenet.inference.sampling import FaceSamples
from rfacenet.inference.settings import EstimateSettings
from rfacenet.models import InputSpec, PulseModel, build, load_model, save_model
from rfacenet.models.needs import needs_of
from rfacenet.signal.resample import to_uniform_grid
from rfacenet.simulation import ClipSimulator
from rfacenet.types import FaceBox
from tester import list_face_models

SPEC = InputSpec(64, 16, 16, 30.0, "diff_normalized", "wave")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    model = PulseModel(build("physnet", width=8), SPEC).eval()
    save_model(path, model, licence="MIT", provenance="random numbers, for tests")
    return path


def crops(n, fs_hz=30.0):
    """Times and face crops of a beating square."""
    t_s = np.arange(n) / fs_hz
    level = 128 + 20 * np.sin(2 * np.pi * 1.3 * t_s)
    noise = np.random.default_rng(0).integers(0, 30, (1, 16, 16, 3))
    return t_s, (level[:, None, None, None] + noise).astype(np.uint8)


def stretch(n):
    t_s, pictures = crops(n)
    (clip,) = to_uniform_grid(t_s, pictures, np.ones(n, bool), 30.0, 0.5)
    return clip


def test_one_window_is_what_the_network_says(weights):
    clip = stretch(64)
    pixels = torch.from_numpy(clip[:]).permute(3, 0, 1, 2)[None]
    with torch.inference_mode():
        expected = load_model(weights)(pixels)[0].double().numpy()
    expected = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(extract(weights, clip, 30.0), expected, atol=1e-3)


@pytest.mark.parametrize("n", [30, 64, 65, 500])
def test_any_length_is_covered_whole(weights, n):
    wave = extract(weights, stretch(n), 30.0)
    assert wave.shape == (n,)
    assert np.isfinite(wave).all()


def test_a_weights_file_is_a_method_and_other_frame_rates_are_resampled(weights):
    method = get_method(str(weights))
    assert (method.name, method.kind, method.training) == ("tiny", "neural", "random numbers, for tests")
    t_s, pictures = crops(150, fs_hz=15.0)
    colours = pictures.reshape(150, -1, 3).mean(axis=1) * [1.3, 1.0, 0.8]
    reading = read_samples(FaceSamples(t_s, colours, pictures), method, EstimateSettings(min_quality=0))
    assert reading.bvp.fs_hz == 30
    assert len(reading.bvp.value) == 299
    assert reading.heart_rate_bpm is not None


def test_weights_that_cannot_be_used(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        get_method(str(tmp_path / "gone.safetensors"))
    (tmp_path / "cut.safetensors").write_bytes(b"abc")
    with pytest.raises(WeightsError, match="cut off or damaged"):
        get_method(str(tmp_path / "cut.safetensors"))


def test_differences_are_summed_up_without_their_offset(tmp_path):
    """A network of differences whose output leans to one side must not make a ramp of it."""

    class Leaning(torch.nn.Module):
        def forward(self, pixels):
            level = pixels.mean(dim=(1, 3, 4))
            return torch.diff(level, dim=1, prepend=level[:, :1]) + 50

    spec = InputSpec(64, 16, 16, 30.0, "raw", "difference")
    model = PulseModel(Leaning(), spec)
    _, pictures = crops(64)
    (wave,) = _pulses(model, [pictures.astype(np.float32)])
    level = pictures.mean(axis=(1, 2, 3))
    without_ramp = level - np.linspace(level[0], level[-1], 64)  # what taking off the mean leaves
    assert np.corrcoef(wave, without_ramp)[0, 1] > 0.99


def test_weights_that_were_written_again_are_read_again(tmp_path):
    waves = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = PulseModel(build("physnet", width=8), SPEC).eval()
        save_model(tmp_path / "w.safetensors", model, licence="MIT", provenance=f"seed {seed}")
        method = get_method(str(tmp_path / "w.safetensors"))
        assert method.training == f"seed {seed}"
        waves.append(method.extract(stretch(64), 30.0))
    assert not np.allclose(*waves)


def test_a_full_disk_is_named(monkeypatch, person_video):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(OutputError, match="No space left on device"):
        estimate(person_video, method="physnet")


def test_a_stretch_below_a_networks_shortest_clip_is_refused() -> None:
    network = build("tscan", height_px=16, width_px=16, filters=4, hidden=8, frame_depth=80)
    model = PulseModel(network, needs_of(network).applied_to(replace(SPEC, frames=160)))
    assert windows_of(170, model) == (160, [0, 10])
    assert windows_of(120, model) == (80, [0, 40])
    with pytest.raises(TooShortError, match=r"79 frames .* takes 80 at 30 Hz"):
        windows_of(79, model)


@pytest.mark.parametrize("name", list_face_models())
def test_released_weights_read_an_easy_clip_of_any_length(name: str) -> None:
    method = get_method(name)
    assert method.name == f"{name}.simulated"
    n_frames = 161  # no multiple of any network's clips
    easy = ClipSimulator(n_frames=n_frames, difficulty="easy", identities=range(900, 901), seed=4).batch(1, 0)
    frames, t_s = easy.frames[0].permute(1, 2, 3, 0).contiguous().numpy(), easy.t_s[0].double().numpy()
    size_px = method.input.height_px, method.input.width_px
    crops = np.stack([crop(frame, FaceBox(0, 0, 72, 72), size_px) for frame in frames])
    samples = FaceSamples(t_s - t_s[0], frames.mean((1, 2)), crops)
    reading = read_samples(samples, method, EstimateSettings(min_quality=0))
    assert reading.heart_rate_bpm == pytest.approx(easy.heart_rate_bpm.item(), abs=3)
