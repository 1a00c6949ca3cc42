"""The methods that clients may choose: those that are installed, never a file of the client's naming."""

from __future__ import annotations

from functools import cache
from typing import Any

from rfacenet.choices import suggest
from rfacenet.errors import SettingsError, UnknownMethodError
from rfacenet.inference.catalogue import RELEASED, get_method, list_methods
from rfacenet.inference.settings import FACE_METHOD


def known_method(name: object) -> str:
    """The name, if there is such a method.

    Raises:
        UnknownMethodError: There is none.
    """
    names = _names()
    if not isinstance(name, str) or name not in names:
        shown = name[:40] if isinstance(name, str) else name
        raise UnknownMethodError(f"There is no method {shown!r:.60}; {suggest(str(shown)[:40], names)}")
    return name


def live_method(name: object) -> str:
    """The name, if there is such a method and it measures a camera.

    Raises:
        UnknownMethodError: There is none.
        SettingsError: It reads more of a picture than the crops of the face that are sent here.
    """
    known = known_method(name)
    if not get_method(known).measures_crops:
        raise SettingsError(f"'{known}' measures video files alone; choose another method for a camera.")
    return known


@cache
def method_list() -> list[dict[str, Any]]:
    """Every method with what people want to know to choose one."""
    methods = [(name.removesuffix(RELEASED), get_method(name)) for name in list_methods()]
    return [
        {
            "name": name,
            "kind": method.kind,
            "input": method.input.summary,
            "source": method.source,
            "training": method.training,
            "is_live": method.measures_crops,
            "is_default": name == FACE_METHOD,
        }
        for name, method in methods
    ]


def _names() -> list[str]:
    return [method["name"] for method in method_list()]
