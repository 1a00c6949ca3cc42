"""A training run's settings from YAML files and flags, and what to say where they are wrong."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml  # type: ignore[import-untyped]
from jsonargparse import ArgumentParser, DefaultHelpFormatter

from rfacenet.choices import in_words, nearest, suggest
from rfacenet.errors import SettingsError
from rfacenet.models import list_models
from rfacenet.training.config import TrainConfig

_CONFIGS = Path(__file__).parent / "configs"

_DESCRIPTION = """\
Train a network, or continue a run that was stopped: the same command goes on with it.

Settings come from --config and from flags; of two that differ, the later counts. A flag
--group.name is the field 'name' of 'group' in a YAML file."""

_EPILOG = """\
examples:
  rfacenet train --config simulated-cpu --out runs/mine
  rfacenet train --config simulated-cpu --network physnet --max_minutes 20 --out runs/physnet
  rfacenet train --config mine.yaml --optimiser.learning_rate 1e-3 --out runs/slower"""


def parse(arguments: Sequence[str]) -> tuple[TrainConfig, Path]:
    """Read the flags of ``rfacenet train``; later ones overrule earlier ones.

    Returns:
        The configuration and the run folder.

    Raises:
        SettingsError: A file or flag is unknown or has a value that cannot work; the message says which.
    """
    parser = ArgumentParser(
        prog="rfacenet train",
        usage="rfacenet train --out FOLDER [--config NAME] [--SETTING VALUE ...]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_Help,
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", action="config", metavar="NAME", help=f"{', '.join(_published())}, or a YAML file"
    )
    parser.add_argument("--out", type=str, required=True, metavar="FOLDER", help="new, or to be continued")
    parser.add_class_arguments(TrainConfig)
    try:
        others, network_settings = _without_networks(_with_paths(arguments))
        values = parser.instantiate(parser.parse_args(others))
    except argparse.ArgumentError as error:
        raise SettingsError(_explain(str(error))) from error
    out = Path(values.out)
    del values.out, values.config
    for name in [*values.networks, *network_settings]:
        if name not in list_models():
            raise SettingsError(f"networks: no network is called '{name}'; {suggest(name, list_models())}")
    for name, settings in network_settings.items():
        values.networks[name] = {**values.networks.get(name, {}), **settings}
    return TrainConfig(**vars(values)), out


class _Help(DefaultHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Docstrings without their markup, and defaults as they would be typed."""

    def add_argument(self, action: argparse.Action) -> None:
        if action.dest not in _groups():  # a group's own flag takes a file: known, but rarely of use
            super().add_argument(action)

    def _get_help_string(self, action: argparse.Action) -> str:
        if action.dest == "print_config":
            return "print all settings as YAML, a file for --config, and stop"
        text = (action.help or "").replace("``", "").replace("None", "null")
        if action.dest == "network":
            text = text.replace("rfacenet.models.list_models()", ", ".join(list_models()))
        return (
            text
            if action.default in (None, {}, argparse.SUPPRESS)
            else f"{text} (default: {_typed(action.default)})"
        )


def _typed(value: object) -> str:
    """A value as it would be typed after a flag or in YAML."""
    plain = list(value) if isinstance(value, tuple) else value
    return str(yaml.safe_dump(plain, default_flow_style=True)).removesuffix("\n...\n").strip()


def _settings(config: Any = TrainConfig, prefix: str = "") -> dict[str, Any]:
    """Every setting by its full name, such as ``input.frames``, with its type."""
    settings: dict[str, Any] = {}
    for name, hint in get_type_hints(config).items():
        settings |= _settings(hint, f"{prefix}{name}.") if is_dataclass(hint) else {prefix + name: hint}
    return settings


def _groups() -> set[str]:
    return {name.rpartition(".")[0] for name in _settings()} - {""}


def _fields(group: str) -> list[str]:
    """The settings of a group; of none, those that belong to none."""
    return [name.rpartition(".")[2] for name in _settings() if name.rpartition(".")[0] == group]


def _published() -> list[str]:
    return sorted(path.stem for path in _CONFIGS.glob("*.yaml"))


def _parted(arguments: Sequence[str], start: str) -> list[str]:
    """The arguments, with those that start so and hold their value after ``=`` in two parts."""
    return [part for a in arguments for part in (a.split("=", 1) if a.startswith(start) else [a])]


def _with_paths(arguments: Sequence[str]) -> list[str]:
    """The arguments with what follows each ``--config`` replaced by the path of a file that can be read."""
    separate = _parted(arguments, "--config=")
    return [
        str(_find_config(argument)) if previous == "--config" else argument
        for previous, argument in zip(["", *separate], separate, strict=False)
    ]


def _without_networks(arguments: Sequence[str]) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """The arguments but those such as ``--networks.rfacenet.width 32``, and what those set.

    jsonargparse would put such a one in the place of all that a file sets for the network.
    """
    others: list[str] = []
    settings: dict[str, dict[str, Any]] = {}
    remaining = iter(_parted(arguments, "--networks."))
    for argument in remaining:
        found = re.fullmatch(r"--networks\.([^.]+)\.([^.]+)", argument)
        if not found:
            others.append(argument)
            continue
        value = next(remaining, None)
        if value is None:
            raise SettingsError(f"{argument} needs a value.")
        settings.setdefault(found[1], {})[found[2]] = yaml.safe_load(value)
    return others, settings


def _find_config(name: str) -> Path:
    """The file of a published setting, or one of the user's own.

    Raises:
        SettingsError: There is none, or it holds something else than settings.
    """
    path = _CONFIGS / f"{name}.yaml" if name in _published() else Path(name)
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"--config: '{name}' is neither a file nor one of {', '.join(_published())}."
        ) from error
    except OSError as error:
        raise SettingsError(f"--config: '{name}' cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" near line {mark.line + 1}" if mark else ""
        raise SettingsError(f"--config: '{name}' is no valid YAML{where}.") from error
    if not isinstance(values, dict):
        raise SettingsError(f"--config: '{name}' must hold settings such as 'steps: 1000'.")
    for key in _unknown(values):
        raise SettingsError(f"'{name}' sets '{key}', which is unknown; {_instead_of(key)}")
    for group in sorted(_groups()):
        if group in values and not isinstance(values[group], dict):
            fields = ", ".join(_fields(group))
            raise SettingsError(f"'{name}': {group} must hold settings of its own, of {fields}.")
    return path


def _unknown(values: Mapping[Any, Any], prefix: str = "") -> Iterator[str]:
    """Full names in a file's settings that mean nothing."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name in _groups() and isinstance(value, dict):
            yield from _unknown(value, f"{name}.")
        elif name not in _settings().keys() | _groups() | {"out"}:
            yield name


def _instead_of(unknown: str, dashes: str = "") -> str:
    """The setting that was perhaps meant, wherever it is; else those beside the unknown one."""
    group, _, end = unknown.rpartition(".")
    names = sorted(_settings().keys() | _groups(), key=lambda name: name.rpartition(".")[0] == group)
    by_end = {name.rpartition(".")[2]: name for name in names}  # of two equal ends, that in the group stays
    near = nearest(end.replace("-", "_"), by_end)
    if near is not None:
        return f"did you mean '{dashes}{by_end[near]}'?"
    group = group if group in _groups() else ""
    prefix = f"{dashes}{group}." if group else dashes
    return f"there are {', '.join(prefix + name for name in _fields(group))}."


def _explain(error: str) -> str:
    """A message of jsonargparse about flags and values as one sentence with what would work."""
    if found := re.match(r"unrecognized arguments: (\S+)", error):
        flag = found[1].partition("=")[0]
        if not flag.startswith("-"):
            return f"'{flag}' follows no flag; 'rfacenet train --help' lists them."
        return f"There is no flag '{flag}'; {_instead_of(flag.lstrip('-'), '--')}"
    if found := re.match(r"Group '(.+)' does not accept option '(.+)'", error):
        name = f"{found[1]}.{found[2]}"
        return f"There is no setting '{name}'; {_instead_of(name)}"
    if found := re.match(r"argument --(\S+): expected one argument", error):
        return f"--{found[1]} needs a value: {in_words(_settings().get(found[1], str))}."
    if found := re.match(r'Parser key "(.+?)":\s+Unable to load config .(.+?).\s+-', error, re.DOTALL):
        fields = ", ".join(f"--{found[1]}.{name}" for name in _fields(found[1]))
        return f"--{found[1]}: '{found[2]}' is no file of settings; single ones are {fields}."
    if error.startswith("Invalid option ") and "--print_config" in error:
        return "--print_config takes nothing, or =comments, =skip_default or =skip_null."
    if error.startswith("the following arguments are required: out"):
        return "--out is missing; name a folder for the run, such as --out runs/mine."
    found = re.match(r'Parser key "(.+?)":.*(?:Got|Given) value: (.*)$', error, re.DOTALL)
    if found and found[1] in _settings():
        return f"{found[1]} must be {in_words(_settings()[found[1]])}, not '{found[2]}'."
    return f"The training run cannot be set up: {' '.join(error.split()).rstrip('.')}."
