"""Data sets on disk: one file each, all of them recordings to the rest of the program."""

from rfacenet.choices import suggest
from rfacenet.datasets.bp4d_plus import BP4D_PLUS
from rfacenet.datasets.cohface import COHFACE
from rfacenet.datasets.ibvp import IBVP
from rfacenet.datasets.layout import Dataset, is_simulated
from rfacenet.datasets.mcd_rppg import MCD_RPPG
from rfacenet.datasets.mmpd import MMPD
from rfacenet.datasets.own_folder import OWN_FOLDER
from rfacenet.datasets.physdrive import PHYSDRIVE
from rfacenet.datasets.pure import PURE
from rfacenet.datasets.recording import Recording, Reference, TimeSeries
from rfacenet.datasets.scamps import SCAMPS
from rfacenet.datasets.ubfc_phys import UBFC_PHYS
from rfacenet.datasets.ubfc_rppg import UBFC_RPPG
from rfacenet.datasets.vipl_hr import VIPL_HR
from rfacenet.errors import SettingsError

_ALL = (
    *(PURE, UBFC_RPPG, VIPL_HR, UBFC_PHYS, MMPD, COHFACE, SCAMPS, BP4D_PLUS, IBVP, PHYSDRIVE, MCD_RPPG),
    OWN_FOLDER,
)

DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in _ALL}
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
