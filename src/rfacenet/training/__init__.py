"""Training of any network of ``rfacenet.models``: the one room that knows Lightning."""

from rfacenet.training.config import LossConfig, OptimiserConfig, SimulationConfig, TrainConfig, parse
from rfacenet.training.module import TrainingError
from rfacenet.training.run import train

__all__ = [
    "LossConfig",
    "OptimiserConfig",
    "SimulationConfig",
    "TrainConfig",
    "TrainingError",
    "parse",
    "train",
]
