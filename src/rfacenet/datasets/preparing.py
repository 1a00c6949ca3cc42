"""From a data set's folder to a prepared store, every recording accounted for."""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rfacenet.datasets.layout import Dataset
from rfacenet.datasets.recording import Recording, Reference
from rfacenet.datasets.store import (
    CropSettings,
    RecordingWriter,
    StoreDescription,
    create_store,
    only_writer,
    remove_leftovers,
    stored_notes,
)
from rfacenet.errors import DatasetError, OutputError, RfacenetError, VideoError, WorkerError
from rfacenet.files import whole_file
from rfacenet.processes import interrupts_ignored, process_pool, usable_cores
from rfacenet.types import Float64Array

LEAST_S = 4.0
"""A recording with less of face and measured pulse together is not prepared."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recording.

    Attributes:
        name: What the data set calls it.
        reason: Why it was not prepared, as one sentence; None if it was.
        notes: What to know about it, a sentence each.
    """

    name: str
    reason: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparationReport:
    """What became of a data set.

    Attributes:
        store: The store.
        outcomes: One of every recording, sorted by name.
    """

    store: Path
    outcomes: tuple[Outcome, ...]

    @property
    def prepared(self) -> tuple[Outcome, ...]:
        """The recordings that are in the store."""
        return tuple(outcome for outcome in self.outcomes if outcome.reason is None)

    @property
    def left_out(self) -> tuple[Outcome, ...]:
        """The recordings that are not."""
        return tuple(outcome for outcome in self.outcomes if outcome.reason is not None)


def prepare(
    dataset: Dataset,
    root: Path,
    out: Path,
    crops: CropSettings | None = None,
    *,
    executor: Executor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PreparationReport:
    """Cut the faces out of all recordings of a data set. What is in the store already stays as it is.

    Args:
        dataset: The data set.
        root: Its folder.
        out: Folder of stores; this one's is named after its settings.
        crops: What to keep of each video; the defaults where left out.
        executor: What runs the work; processes of this machine, one a core, where left out.
        progress: Called after each recording with how many are done and how many there are.

    Returns:
        What became of every recording; ``report.csv`` in the store says the same.

    Raises:
        DatasetError: ``root`` is no such data set, or another run prepares the store.
        OutputError: The store cannot be written.
        WorkerError: A process died. What was prepared until then is kept.
    """
    root, out = root.resolve(), out.resolve()  # workers may have another working folder
    recordings = dataset.recordings(root)
    crops = crops or CropSettings()
    description = StoreDescription.of(dataset, root, crops)
    store = out / description.key
    try:
        create_store(store, description)
        with only_writer(store):
            outcomes = _prepare_missing(recordings, crops, store, executor, progress)
            _write_report(store / "report.csv", outcomes)
    except OSError as error:
        raise OutputError(f"'{store}' cannot be written: {error.strerror or error}.") from error
    return PreparationReport(store, tuple(outcomes))


def _prepare_missing(
    recordings: Sequence[Recording],
    crops: CropSettings,
    store: Path,
    executor: Executor | None,
    progress: Callable[[int, int], None] | None,
) -> list[Outcome]:
    remove_leftovers(store, recordings)
    stored = {recording.name: stored_notes(store, recording) for recording in recordings}
    outcomes = {name: Outcome(name, None, notes or ()) for name, notes in stored.items()}
    missing = [recording for recording in recordings if stored[recording.name] is None]
    done = len(recordings) - len(missing)
    if progress:
        progress(done, len(recordings))
    if missing:
        pool = executor or process_pool(min(usable_cores(), len(missing)))
        futures: dict[Future[Outcome], str] = {}
        try:
            with interrupts_ignored():
                for recording in missing:
                    futures[pool.submit(prepare_recording, recording, crops, store)] = recording.name
            for future in as_completed(futures):
                outcomes[futures[future]] = future.result()
                done += 1
                if progress:
                    progress(done, len(recordings))
        except (BrokenExecutor, CancelledError) as error:
            raise WorkerError(
                f"A process that prepared recordings died, perhaps for lack of memory; {done} of "
                f"{len(recordings)} are done, and the same command goes on with the others."
            ) from error
        finally:
            for future in futures:
                future.cancel()
            if executor is None:
                pool.shutdown(cancel_futures=True)
    return list(outcomes.values())


def prepare_recording(recording: Recording, crops: CropSettings, store: Path) -> Outcome:
    """Cut the face out of one recording's frames, into the store.

    Raises:
        OSError: The store cannot be written.
    """
    # Here, as the process that only hands out work can do without torch and the second that it takes to load.
    from rfacenet.faces import MAX_SIDE_PX, follow_face, sample_faces

    try:
        reference = recording.read_reference()
        with (
            recording.open_video(MAX_SIDE_PX) as video,
            RecordingWriter(store, recording.name, (crops.height, crops.width)) as writer,
        ):
            # Packed numbers: small arrays between the frames' memory would keep it from being used again.
            t_s, colours = array("d"), array("d")
            tracked = follow_face(video, video.width_px, video.height_px, crops.face)
            for sample in sample_faces(
                tracked, crops.enlarge, (crops.height, crops.width), with_regions=True
            ):
                t_s.append(sample.frame.t_s)
                colours.extend(sample.colour)
                assert sample.crop is not None
                assert sample.regions is not None
                writer.add(sample.crop, sample.regions)
            times, traces = np.array(t_s), np.array(colours).reshape(-1, 3)
            if not len(times):
                raise VideoError("The video has no frame with a known time.")
            notes = _notes(times, traces, reference, video.damaged_frames)
            writer.finish(
                {"t_s": times, "colours": traces, **_traces(reference)},
                {
                    "name": recording.name,
                    "subject": recording.subject,
                    "conditions": dict(recording.conditions),
                    "damaged_frames": video.damaged_frames,
                    "fingerprint": recording.fingerprint,
                    "notes": notes,
                },
            )
    except RfacenetError as error:
        return Outcome(recording.name, str(error))
    return Outcome(recording.name, None, tuple(notes))


def _traces(reference: Reference) -> dict[str, Float64Array]:
    traces: dict[str, Float64Array] = {}
    for name, series in (("pulse", reference.pulse), ("heart_rate_bpm", reference.heart_rate_bpm)):
        if series is not None:
            traces |= {f"{name}_t_s": series.t_s, name: series.value}
    return traces


def _notes(t_s: Float64Array, colours: Float64Array, reference: Reference, damaged_frames: int) -> list[str]:
    """What to know about a recording.

    Raises:
        DatasetError: There is too little of it to be of use.
    """
    present = ~np.isnan(colours[:, 0])
    step_s = float(np.median(np.diff(t_s))) if len(t_s) > 1 else 0.0
    if present.sum() * step_s < LEAST_S:
        raise DatasetError(
            f"A face is seen for {present.sum() * step_s:.1f} s of {t_s[-1]:.1f} s; {LEAST_S:g} s are needed."
        )
    measured = np.zeros(len(t_s), bool)
    for series in (reference.pulse, reference.heart_rate_bpm):
        if series is not None:
            measured |= ~np.isnan(series.at(t_s))
    if (present & measured).sum() * step_s < LEAST_S:
        raise DatasetError(
            f"The labels cover {measured.sum() * step_s:.1f} s of {t_s[-1]:.1f} s of video, less than "
            f"{LEAST_S:g} s of them with a face."
        )
    notes = []
    if present.mean() < 0.995:
        notes.append(f"The face was seen in {present.mean():.0%} of the frames.")
    if measured.mean() < 0.95:
        notes.append(f"The labels cover {measured.sum() * step_s:.1f} s of {t_s[-1]:.1f} s of video.")
    if reference.pulse is not None and np.ptp(reference.pulse.value) == 0:
        notes.append("The pulse wave is constant: nothing can be learned from it, or compared with it.")
    if damaged_frames:
        notes.append(f"{damaged_frames} frame(s) were damaged or had no time.")
    return notes


def _write_report(path: Path, outcomes: Sequence[Outcome]) -> None:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["recording", "prepared", "why"])
    for outcome in outcomes:
        rows.writerow([outcome.name, outcome.reason is None, outcome.reason or " ".join(outcome.notes)])
    with whole_file(path) as file:
        file.write(text.getvalue().encode())
