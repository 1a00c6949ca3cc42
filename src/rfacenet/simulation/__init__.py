"""The skin-reflection simulator: clips and recordings of faces with a known pulse, in any number."""

from rfacenet.simulation.clips import ClipSimulator, SimulatedBatch
from rfacenet.simulation.difficulty import Difficulty
from rfacenet.simulation.recording import SimulatedRecording, render_recording
from rfacenet.simulation.take import Subject

__all__ = [
    "ClipSimulator",
    "Difficulty",
    "SimulatedBatch",
    "SimulatedRecording",
    "Subject",
    "render_recording",
]
