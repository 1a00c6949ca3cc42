"""``rfacenet import-weights``: networks that others trained, as files that ``--method`` takes."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rfacenet import __version__
from rfacenet.cli.command import (
    ANSWERED,
    Commands,
    add_command,
    given,
    positive,
    positive_count,
    print_table,
)
from rfacenet.errors import OutputError, SettingsError

if TYPE_CHECKING:
    from rfacenet.models.importing import ImportReport
    from rfacenet.models.inputs import InputSpec

SUMMARY = "Weights that another project published for one of the networks."

EPILOG = """FILE holds a state dict: *.safetensors, or PyTorch's *.pth, *.pt, *.ckpt, of which plain
tensors are read and no code is run. Names may be others than here. The table says where each
layer was found and what told it: its name; its shape, which no other has; words in its name;
its neighbour or its order among layers of the same shape, which prove nothing. Nor does
anything show what the weights were trained on (say so by the options; the defaults are how
rPPG-Toolbox trains PhysNet), or that the layers are connected as they are here. Settings that
change no tensor, such as TS-CAN's average_appearance, have to be given. Try the result on
videos whose heart rate you know. The weights keep the licence of their makers.

examples:
  rfacenet import-weights physnet.pth --network physnet --out mine.safetensors
  rfacenet import-weights small.ckpt --network physnet --setting width=32 \\
      --height 36 --width 36 --label-form wave --out small.safetensors
  rfacenet import-weights tscan.pth --network tscan --setting average_appearance=false \\
      --frames 180 --out tscan.safetensors
  rfacenet estimate face.mp4 --method mine.safetensors

exit code: 0 done, 1 nowhere to write, 2 wrong use, or weights that cannot be used"""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "import-weights", _run, SUMMARY, EPILOG)
    option = parser.add_argument
    option("path", type=Path, metavar="FILE", help="the weights")
    option(
        "--network",
        required=True,
        metavar="NAME",
        help="what they are of, such as physnet; '?' lists all",
    )
    option("--out", type=Path, required=True, metavar="FILE.safetensors", help="file to write")
    option(
        "--setting",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="setting of the network, such as width=32; may be given several times",
    )
    option(
        "--frames",
        type=positive_count,
        metavar="N",
        help="frames of a clip (default: 128, or the nearest that the network takes)",
    )
    option("--height", type=positive_count, metavar="PX", help="height of the face crops (default: 72)")
    option("--width", type=positive_count, metavar="PX", help="width of the face crops (default: 72)")
    option("--fs-hz", type=positive, metavar="HZ", help="frame rate of the clips (default: 30)")
    option(
        "--normalisation",
        metavar="NAME",
        help="of the pixels: diff_normalized (default), standardized, scaled (-1 to 1) or raw (0 to 255)",
    )
    option(
        "--label-form",
        metavar="NAME",
        help="what comes out: difference, from frame to frame (default), or wave",
    )
    option("--licence", metavar="NAME", help="licence of the weights, for their card (default: unknown)")


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"'{text}' is no setting; give NAME=VALUE, such as width=32")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _run(options: argparse.Namespace) -> int:
    from rfacenet.inference.catalogue import ENDING
    from rfacenet.models import CROSS_DATASET_INPUT, import_weights, save_model
    from rfacenet.models.registry import usual_frames
    from rfacenet.output.files import check_writable

    if options.out.suffix != ENDING:
        raise OutputError(f"'{options.out}' is no name for weights; end it in {ENDING}.")
    if options.out.resolve() == options.path.resolve():
        raise SettingsError(f"'{options.out}' is the input; write the result to another file.")
    check_writable(options.out)
    names = ("height", "width", "fs_hz", "normalisation", "label_form")
    settings = dict(options.setting)
    frames = options.frames or usual_frames(options.network, CROSS_DATASET_INPUT.frames, **settings)
    spec = replace(CROSS_DATASET_INPUT, frames=frames, **given(options, *names))
    model, report = import_weights(options.path, options.network, settings, spec)
    _check_obeyed(options, model.input_spec)
    licence = options.licence or "unknown; see where the file came from"
    provenance = f"Imported by rfacenet {__version__}. {report.provenance}"
    save_model(options.out, model, licence=licence, provenance=provenance)
    _show(report)
    n_parameters = sum(parameter.numel() for parameter in model.network.parameters())
    print(f"\n{options.out}: {options.network}, {n_parameters:,} parameters, licence {licence}")
    print(f"  {_input_text(model.input_spec)}")
    print(f"  {report.summary} Check it with a video whose heart rate you know:")
    print(f"  rfacenet estimate VIDEO --method {options.out}")
    return ANSWERED


def _check_obeyed(options: argparse.Namespace, spec: InputSpec) -> None:
    """Refuse a form that was asked for, but that the network does not know."""
    for name, value in given(options, "normalisation", "label_form").items():
        if getattr(spec, name) != value:
            flag = "--" + name.replace("_", "-")
            raise SettingsError(
                f"{options.network} knows only {getattr(spec, name)}, not {flag} {value}; leave it out."
            )


def _show(report: ImportReport) -> None:
    from rfacenet.models.importing import shape_text

    rows = [("in the file", "in the network", "weight", "told by")]
    rows += [(m.theirs, m.ours, shape_text(m.shape), m.told_by) for m in report.matches]
    print_table(rows)


def _input_text(spec: InputSpec) -> str:
    return (
        f"takes {spec.frames} frames of {spec.height}×{spec.width} pixels at {spec.fs_hz:g} Hz, "
        f"{spec.normalisation}; gives the {spec.label_form}"
    )
