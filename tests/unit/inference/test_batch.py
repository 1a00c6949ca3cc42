"""Faults in worker processes. The doubles live in a module, since workers are spawned and import it."""

from pathlib import Path

import pytest

import deadly
from rfacenet.inference import batch
from rfacenet.inference.settings import EstimateSettings


@pytest.mark.parametrize("deadly_ones", [{2}, {0, 3}])
def test_a_video_that_kills_its_process_stops_no_other(monkeypatch, deadly_ones):
    monkeypatch.setattr(batch, "try_estimate", deadly.estimate_or_die)
    paths = [Path(f"{'die' if k in deadly_ones else 'live'}-{k}.mp4") for k in range(5)]
    found = dict(batch.estimate_many(paths, EstimateSettings(), n_processes=2))
    assert sorted(found) == [0, 1, 2, 3, 4]
    for index, result in found.items():
        assert ("took its process down" in result.reason) == (index in deadly_ones)


def test_a_fault_of_ours_is_an_answer_too(monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(batch, "estimate", broken)
    result = batch.try_estimate(Path("v.mp4"), EstimateSettings())
    assert "fault in rfacenet" in result.reason
    assert "oops" in result.reason
