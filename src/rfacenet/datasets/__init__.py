"""Data sets on disk: one file each, all of them recordings to the rest of the program."""

from rfacenet.choices import suggest
from rfacenet.datasets.layout import Dataset, is_simulated
from rfacenet.datasets.pure import PURE
from rfacenet.datasets.recording import Recording, Reference, TimeSeries
from rfacenet.datasets.ubfc_rppg import UBFC_RPPG
from rfacenet.datasets.vipl_hr import VIPL_HR
from rfacenet.errors import SettingsError

DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in (PURE, UBFC_RPPG, VIPL_HR)}
"""Every data set by its name on the command line."""


def get_dataset(name: str) -> Dataset:
    """The data set of that name.

    Raises:
        SettingsError: There is none; the message suggests the nearest.
    """
    if name not in DATASETS:
        raise SettingsError(f"There is no data set '{name}'; {suggest(name, DATASETS)}")
    return DATASETS[name]


__all__ = ["DATASETS", "Dataset", "Recording", "Reference", "TimeSeries", "get_dataset", "is_simulated"]
