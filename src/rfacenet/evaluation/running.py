"""Does what a table asks for: prepares, trains and tests, and leaves out what is done already."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from rfacenet import __version__
from rfacenet.datasets import get_dataset
from rfacenet.datasets.layout import natural_key
from rfacenet.datasets.preparing import PreparationReport, prepare
from rfacenet.datasets.store import CropSettings, StoredRecording, open_store
from rfacenet.errors import OutputError, SettingsError
from rfacenet.evaluation.scoring import READINGS, ItemScore
from rfacenet.evaluation.testing import Reading, TestedRecording, score_method
from rfacenet.evaluation.trials import NetworkRow, Trial
from rfacenet.files import whole_file
from rfacenet.inference.catalogue import get_method
from rfacenet.inference.neural import neural_method
from rfacenet.methods import Method
from rfacenet.models import InputSpec
from rfacenet.models.registry import full_settings
from rfacenet.training import TrainConfig, parse, train
from rfacenet.training.module import build_model

_LOG = logging.getLogger("rfacenet.evaluation")

SCORING = 1
"""Changes whenever scores do, other than by what they are made from; part of the key of kept scores."""

_PIXELS = ("--input.height", "--input.width")
"""Flags that mean the size of a picture; the map of a network on regions has none."""

_OURS = (
    *("config", "out", "network", "data", "seed"),
    *(f"prepared.{name}" for name in ("people", "validation_people", "without")),
)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, in words, how many recordings of it are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class BenchmarkSettings:
    """What a caller chooses about a table.

    Attributes:
        out: Folder for stores, runs, scores and tables.
        seeds: How often each network is trained, from seed 0 on.
        reading: Name of the protocol that rates are read by.
        flags: Flags of ``rfacenet train`` that change the published setting. Height and width change it for
            networks on pixels alone, as the map of the others has a row for each region.
    """

    out: Path
    seeds: int = 1
    reading: str = "interpolated"
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for flag in self.flags:
            name = flag.removeprefix("--").partition("=")[0]
            if flag.startswith("--") and name in _OURS:
                raise SettingsError(f"{flag} is the benchmark's own to set; leave it out.")
        if self.seeds < 1:
            raise SettingsError(f"A network cannot be trained {self.seeds} times; choose 1 or more seeds.")
        if self.reading not in READINGS:
            raise SettingsError(f"There is no reading '{self.reading}'; there are {', '.join(READINGS)}.")

    def flags_for(self, published: InputSpec) -> tuple[str, ...]:
        """The flags that count for a network of such an input."""
        if published.regions is None:
            return self.flags
        left = iter(self.flags)
        kept = []
        for flag in left:
            if flag in _PIXELS:
                next(left, None)  # its value
            elif flag.partition("=")[0] not in _PIXELS:
                kept.append(flag)
        return tuple(kept)


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of a table is made of.

    Attributes:
        name: Its name.
        runs: What became of every recording tested on, for every seed; once for what is not trained.
    """

    name: str
    runs: tuple[tuple[TestedRecording, ...], ...]


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What came out of one part of a table.

    Attributes:
        trial: What was done.
        rows: Its rows.
        runs: Run folders of the networks' rows: seed 0, and its first fold.
        preparations: What became of each data set.
        simulated: The data sets whose people do not exist.
        configs: The training setting of each network's row, before what the row changes.
    """

    trial: Trial
    rows: tuple[Row, ...]
    runs: Mapping[str, Path]
    preparations: Mapping[str, PreparationReport]
    simulated: tuple[str, ...]
    configs: Mapping[str, TrainConfig]


def prepare_all(
    trials: Sequence[Trial],
    roots: Mapping[str, Path],
    settings: BenchmarkSettings,
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> dict[str, PreparationReport]:
    """Prepare every data set that a table needs, at the size that its networks take.

    Args:
        trials: The parts of the table.
        roots: Folders of the data sets, by name.
        settings: Where everything is kept.
        executor: What runs the work, as for :func:`rfacenet.datasets.preparing.prepare`.
        progress: Called before and during each step.

    Returns:
        What became of each data set, by name.

    Raises:
        SettingsError: A data set is not given.
        DatasetError: A folder is no such data set.
        OutputError: A store cannot be written.
        WorkerError: A process died. What was prepared until then is kept.
    """
    tell = progress or _in_log
    names = list(dict.fromkeys(name for trial in trials for name in (trial.train_on, trial.test_on)))
    specs = [config.input for trial in trials for config in _checked_configs(trial, settings).values()]
    crops = CropSettings(max(spec.height for spec in specs), max(spec.width for spec in specs))
    # All of them before the first is begun: preparing takes hours.
    people = {
        name: sorted({one.subject for one in get_dataset(name).recordings(_root(name, roots))})
        for name in names
    }
    for trial in trials:
        if trial.train_on == trial.test_on and trial.split is None and trial.folds:
            parted(people[trial.test_on], trial.folds)
    reports = {}
    for name in names:
        dataset = get_dataset(name)
        reports[name] = prepare(
            dataset,
            roots[name],
            settings.out / "stores",
            crops,
            executor=executor,
            progress=partial(tell, f"preparing {dataset.title}"),
        )
    return reports


def run_trial(
    trial: Trial,
    preparations: Mapping[str, PreparationReport],
    settings: BenchmarkSettings,
    progress: Progress | None = None,
) -> TrialResult:
    """Train and test whatever a part of a table needs and has not got yet.

    Args:
        trial: The part of a table.
        preparations: What :func:`prepare_all` made.
        settings: Seeds, reading, and where everything is kept.
        progress: Called before and during each step.

    Raises:
        SettingsError: A data set is too small, or a setting cannot work.
        RfacenetError: Training failed; what is done is kept.
    """
    stores = {name: open_store(preparations[name].store) for name in (trial.train_on, trial.test_on)}
    trained, tested = (
        [one for one in stores[name][1] if not one.is_any_of(trial.without)]
        for name in (trial.train_on, trial.test_on)
    )
    testing = _Testing(
        trial,
        settings,
        Reading(READINGS[settings.reading], trial.truth, trial.segment_s),
        progress or _in_log,
    )
    configs = _checked_configs(trial, settings)
    folds_of = {row: _folds(trial, base, trained, tested) for row, base in configs.items()}
    rows = [
        Row(row, (testing.scores(row, get_method(name), name, tested),))
        for row, name in trial.methods.items()
    ]
    folders: dict[str, Path] = {}
    for row, network in trial.networks.items():
        base, folds = configs[row], folds_of[row]
        runs = []
        for seed in range(settings.seeds):
            scores: list[TestedRecording] = []
            for number, fold in enumerate(folds):
                part = f"{row}, seed {seed}" + (f", fold {number}" if trial.folds != 1 else "")
                config = _config(base, trial, network, preparations[trial.train_on].store, fold, seed)
                testing.tell(f"{trial.title}: training {part}", 0, 0)
                folder = _run_folder(settings, trial, part, config, trained)
                weights = train(config, folder)
                folders.setdefault(row, folder)
                key = hashlib.sha256(weights.read_bytes()).hexdigest()
                scores += testing.scores(part, neural_method(row, weights), key, fold.tested)
            runs.append(tuple(scores))
        rows.append(Row(row, tuple(runs)))
    simulated = tuple(description.title for description, _ in stores.values() if description.simulated)
    return TrialResult(trial, tuple(rows), folders, preparations, simulated, configs)


def _in_log(what: str, done: int, total: int) -> None:
    _LOG.info("%s: %d of %d", what, done, total) if total else _LOG.info(what)


def _base(trial: Trial, row: NetworkRow, settings: BenchmarkSettings) -> TrainConfig:
    """The setting that a network is trained in, its own or the trial's."""
    arguments = ["--config", row.config or trial.config, "--out", "unused"]
    published, _ = parse(arguments)
    config, _ = parse([*arguments, *settings.flags_for(published.input)])
    return config


def _checked_configs(trial: Trial, settings: BenchmarkSettings) -> dict[str, TrainConfig]:
    """The setting of each network's row.

    Raises:
        SettingsError: One cannot be built; the message names its row.
    """
    configs = {}
    for row, network in trial.networks.items():
        base = _base(trial, network, settings)
        try:
            build_model(_config(base, trial, network, settings.out, Fold(()), 0), n_people=2)
        except SettingsError as error:
            raise SettingsError(f"{row}: {error}") from error
        configs[row] = base
    return configs


def _run_folder(
    settings: BenchmarkSettings,
    trial: Trial,
    part: str,
    config: TrainConfig,
    trained: Sequence[StoredRecording],
) -> Path:
    """A folder named after all that a network learns from, so that nothing old is taken for new."""
    network = full_settings(config.network, **config.networks[config.network])  # defaults may change too
    sources = [recording.fingerprint for recording in trained]
    key = _digest([__version__, asdict(config), network, sources])[:8]
    return settings.out / "runs" / f"{trial.name}-{_slug(part)}-{key}"


@dataclass(frozen=True, slots=True)
class Fold:
    """Who is learned from and what is tested on.

    Attributes:
        tested: The recordings to test on.
        people: Whom to train on, of the same data set; None: another data set is trained on.
        validation_people: Whom to validate on, likewise.
    """

    tested: Sequence[StoredRecording]
    people: tuple[str, ...] | None = None
    validation_people: tuple[str, ...] | None = None


def parted(people: Sequence[str], n_folds: int) -> list[list[str]]:
    """People in folds of equal size, but for one: every ``n_folds``-th, in the order of their names."""
    ordered = sorted(people, key=natural_key)
    if len(ordered) < n_folds:
        raise SettingsError(
            f"{len(ordered)} people cannot be parted into {n_folds} folds; choose fewer folds."
        )
    return [ordered[first::n_folds] for first in range(n_folds)]


def _folds(
    trial: Trial, base: TrainConfig, trained: Sequence[StoredRecording], tested: Sequence[StoredRecording]
) -> list[Fold]:
    """The folds of a trial; a single one where another data set is tested on.

    Raises:
        SettingsError: Somebody would be both trained and tested on, or there are too few people.
    """
    if trial.train_on != trial.test_on:
        return [Fold(tested)]
    if trial.split is not None:
        split = trial.split
        check_fold(split.train, split.validate, split.test)
        shown = [recording for recording in tested if recording.subject in split.test]
        if strangers := sorted(set(split.test) - {recording.subject for recording in shown}):
            raise SettingsError(f"Nobody prepared is called '{strangers[0]}', whom the split tests on.")
        return [Fold(shown, split.train, split.validate)]
    folds = []
    everybody = {recording.subject for recording in tested}
    for held_out in parted(sorted(everybody), trial.folds or len(everybody)):
        others = sorted({r.subject for r in trained if r.subject not in held_out}, key=natural_key)
        people, validation_people = map(tuple, base.prepared.parted(others))
        check_fold(people, validation_people, held_out)
        shown = [recording for recording in tested if recording.subject in held_out]
        folds.append(Fold(shown, people, validation_people))
    return folds


def check_fold(trained: Sequence[str], validated: Sequence[str], tested: Sequence[str]) -> None:
    """Refuse a fold whose test says nothing of new people.

    Raises:
        SettingsError: Somebody is tested on who was trained or validated on.
    """
    if shared := sorted((set(trained) | set(validated)) & set(tested)):
        raise SettingsError(f"'{shared[0]}' would be both trained and tested on; a fold never shares people.")


def _config(
    base: TrainConfig,
    trial: Trial,
    row: NetworkRow,
    store: Path,
    fold: Fold,
    seed: int,
) -> TrainConfig:
    own = {**base.networks.get(row.network, {}), **row.settings}
    prepared = replace(
        base.prepared,
        people=fold.people,
        validation_people=fold.validation_people,
        without=dict(trial.without),
    )
    return replace(
        base,
        network=row.network,
        networks={row.network: own},
        data=str(store),
        prepared=prepared,
        seed=seed,
    )


@dataclass(frozen=True, slots=True)
class _Testing:
    """What all rows of a trial are tested with."""

    trial: Trial
    settings: BenchmarkSettings
    reading: Reading
    tell: Progress

    def scores(
        self, part: str, method: Method, method_key: str, recordings: Sequence[StoredRecording]
    ) -> tuple[TestedRecording, ...]:
        """Scores of a method on recordings, from the last time if nothing has changed since."""
        reading = self.reading
        name = f"{self.trial.name}-{_slug(part)}-{reading.protocol.name}.json"
        path = self.settings.out / "scores" / name
        key = _digest(
            [
                *(SCORING, __version__, method_key, reading.protocol.name, reading.truth, reading.segment_s),
                [(recording.name, recording.fingerprint) for recording in recordings],
            ]
        )
        with suppress(OSError, ValueError, KeyError, TypeError):  # missing or damaged: they are made anew
            kept = json.loads(path.read_text("utf-8"))
            if kept["key"] == key:
                return tuple(_tested(values) for values in kept["recordings"])
        progress = partial(self.tell, f"{self.trial.title}: testing {part}")
        tested = score_method(method, recordings, reading, progress=progress)
        content = {"key": key, "recordings": [asdict(one) for one in tested]}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as file:
                file.write(json.dumps(content, indent=1).encode())
        except OSError as error:
            raise OutputError(f"'{path}' cannot be written: {error.strerror}.") from error
        return tuple(tested)


def _tested(values: dict[str, object]) -> TestedRecording:
    score = values.pop("score")
    return TestedRecording(**values, score=None if score is None else ItemScore(**score))  # type: ignore[arg-type]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _root(name: str, roots: Mapping[str, Path]) -> Path:
    if name not in roots:
        raise SettingsError(f"This table needs {get_dataset(name).title}; give its folder by --{name}.")
    return roots[name]


def _slug(text: str) -> str:
    """A row's name as part of a file's."""
    return "-".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
