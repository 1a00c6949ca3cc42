"""Training of any network of ``rfacenet.models``: the one room that knows Lightning."""

from rfacenet.training.config import LossConfig, OptimiserConfig, SimulationConfig, TrainConfig
from rfacenet.training.module import TrainingError
from rfacenet.training.parsing import parse
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
