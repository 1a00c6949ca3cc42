"""The paper's tables as what has to be trained, tested and compared: data, not code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from rfacenet.evaluation.published import TABLE_1, TABLE_2_PURE, TABLE_2_UBFC, TABLE_3, Published
from rfacenet.evaluation.testing import Truth

CLASSICAL = MappingProxyType(
    {name.upper(): name for name in ("green", "ica", "chrom", "lgi", "pbv", "pos", "omit")}
)
"""Classical methods that read one colour a frame, by their rows."""


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A row whose network is trained.

    Attributes:
        network: Its name in ``rfacenet.models``.
        settings: What differs from its configuration's.
        config: Its own published training setting; None for that of the whole trial.
    """

    network: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """People parted by hand.

    Attributes:
        train: Whom to train on.
        validate: Who chooses the best round.
        test: Whom to test on.
    """

    train: tuple[str, ...]
    validate: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One part of a table: methods, what they are trained on and what they are tested on.

    Attributes:
        name: For files.
        title: For people.
        train_on: Data set that networks are trained on.
        test_on: Data set that everything is tested on. If it is the same, its people are parted into folds,
            and each fold is tested by a network that has not seen it.
        config: Published training setting of the networks that have none of their own.
        methods: Classical methods by their rows.
        networks: Networks by their rows.
        published: The paper's rows.
        metrics: The columns, as ``rfacenet.evaluation.scoring.summarise`` names them.
        folds: Into how many parts people are parted; None leaves out one person at a time. 1 where another
            data set is tested on.
        split: People parted by hand, in the place of folds.
        without: Recordings to leave out, by what is known of them.
        segment_s: Length of the segments that a recording's rate is the mean of; None reads it whole.
        truth: What rates are held against: ``pulse`` or ``device``.
    """

    name: str
    title: str
    train_on: str
    test_on: str
    config: str
    methods: Mapping[str, str]
    networks: Mapping[str, NetworkRow]
    published: Mapping[str, Published]
    metrics: Sequence[str] = ("mae_bpm", "rmse_bpm", "pearson")
    folds: int | None = 1
    split: Split | None = None
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    segment_s: float | None = None
    truth: Truth = "pulse"

    @property
    def heading(self) -> str:
        """The title, with how people are parted where they are."""
        if self.train_on != self.test_on:
            return self.title
        if self.split is not None:
            return f"{self.title}, parted by hand"
        return f"{self.title}, {f'{self.folds}-fold' if self.folds else 'one left out at a time'}"


_CROSS_DATASET = {
    "TS-CAN": NetworkRow("tscan", config="tscan"),
    "PhysNet": NetworkRow("physnet"),
    "DeepPhys": NetworkRow("deepphys", config="deepphys"),
    "EfficientPhys-C": NetworkRow("efficientphys", config="efficientphys"),
    "rFaceNet": NetworkRow("rfacenet"),
}
_VIPL_HR = {
    "RhythmNet": NetworkRow("rhythmnet", config="rhythmnet"),
    "ST-Attention": NetworkRow("stattention", config="stattention"),
    "I3D": NetworkRow("i3d", config="i3d"),
    "PhysNet": NetworkRow("physnet"),
    "DeepPhys": NetworkRow("deepphys", config="deepphys"),
    "CVD": NetworkRow("cvd", config="cvd"),
    "Dual-GAN": NetworkRow("dualgan", config="dualgan"),
    "AutoHR": NetworkRow("autohr", config="autohr"),
    "NAS-HR": NetworkRow("nashr", config="nashr"),
    "PhysFormer": NetworkRow("physformer", config="physformer"),
    "PhysFormer++": NetworkRow("physformerpp", config="physformerpp"),
    "rFaceNet": NetworkRow("rfacenet"),
}

_DATASET_1 = {"task": ("sitting still",)}
"""The published numbers are of UBFC-rPPG's 42 other recordings."""

_PARTS: dict[str, dict[str, Any]] = {
    "neither": {"use_tcu": False, "fusion_stage": None},
    "CTFC, fed with noise": {"use_tcu": False, "fusion_stage": 3},
    "TCU, no fusion": {"fusion_stage": None},
    "TCU and CTFC, stage 1": {"fusion_stage": 1},
    "TCU and CTFC, stage 2": {"fusion_stage": 2},
    "TCU and CTFC, stage 3": {"fusion_stage": 3},
}

TRIALS: Mapping[str, Sequence[Trial]] = {
    "table1": (
        Trial(
            name="vipl-hr",
            title="VIPL-HR, subject-exclusive",
            train_on="vipl-hr",
            test_on="vipl-hr",
            config="vipl-hr",
            methods={**CLASSICAL, "SAMC": "samc"},
            networks=_VIPL_HR,
            published=TABLE_1,
            metrics=("sd_bpm", "sd_absolute_bpm", "mae_bpm", "rmse_bpm", "pearson"),
            folds=5,
            # Sec. 4.2: "excluding head motion scenes (v2 and v9)"; and colour is needed.
            without={"scenario": ("v2", "v9"), "source": ("source4",)},
            segment_s=8.0,
            truth="device",
        ),
    ),
    "table2": (
        Trial(
            name="pure-to-ubfc-rppg",
            title="Train: PURE. Test: UBFC-rPPG",
            train_on="pure",
            test_on="ubfc-rppg",
            config="cross-dataset",
            methods=CLASSICAL,
            networks=_CROSS_DATASET,
            published=TABLE_2_UBFC,
            without=_DATASET_1,
        ),
        Trial(
            name="ubfc-rppg-to-pure",
            title="Train: UBFC-rPPG. Test: PURE",
            train_on="ubfc-rppg",
            test_on="pure",
            config="cross-dataset",
            methods=CLASSICAL,
            networks=_CROSS_DATASET,
            published=TABLE_2_PURE,
            without=_DATASET_1,
        ),
    ),
    "table3": (
        Trial(
            name="parts",
            title="Parts of rFaceNet. Train: PURE. Test: UBFC-rPPG",
            train_on="pure",
            test_on="ubfc-rppg",
            config="cross-dataset",
            methods={},
            networks={row: NetworkRow("rfacenet", settings) for row, settings in _PARTS.items()},
            published=TABLE_3,
            without=_DATASET_1,
        ),
    ),
}
"""The tables by their names on the command line."""


def intra(dataset: str, title: str) -> Trial:
    """Any data set against itself, in five folds that share no people."""
    return Trial(
        name=f"{dataset}-intra",
        title=f"{title}, subject-exclusive",
        train_on=dataset,
        test_on=dataset,
        config="cross-dataset",
        methods=CLASSICAL,
        networks=_CROSS_DATASET,
        published={},
        folds=5,
    )
