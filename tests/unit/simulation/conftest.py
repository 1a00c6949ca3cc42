from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Pearson's r along the last axis."""
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    return (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1) + 1e-12)


def peak_bpm(wave: torch.Tensor, fs_hz: float) -> float:
    """Rate of the largest spectral peak of a wave ``(T,)`` between 36 and 200 bpm."""
    count = 1 << 15
    centered = (wave - wave.mean()) * torch.hann_window(len(wave))
    power = torch.fft.rfft(centered.double(), count).abs() ** 2
    rate = torch.fft.rfftfreq(count, 1 / fs_hz) * 60
    power[(rate < 36) | (rate > 200)] = 0
    return float(rate[power.argmax()])
