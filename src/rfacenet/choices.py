"""What would have worked, in the words of an error message."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

_WORDS = {
    bool: ("true", "false"),
    int: ("a whole number",),
    float: ("a number",),
    str: ("a name",),
    NoneType: ("null",),
    Any: ("any value",),
}


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that ``name`` was perhaps meant to be."""
    return next(iter(get_close_matches(name.lower(), list(names), n=1, cutoff=0.7)), None)


def suggest(name: str, names: Iterable[str]) -> str:
    """The nearest of ``names``, or all of them: the second half of a sentence about an unknown ``name``."""
    names = list(names)
    near = nearest(name, names)
    return f"there are {', '.join(names)}." if near is None else f"did you mean '{near}'?"


def in_words(hint: Any) -> str:
    """What a type hint lets pass, such as ``a whole number or null`` for ``int | None``."""
    *others, last = _alternatives(hint)
    return f"{', '.join(others)} or {last}" if others else last


def _alternatives(hint: Any) -> list[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return [str(value) for value in arguments]
    if origin in (Union, UnionType):
        return [words for argument in arguments for words in _alternatives(argument)]
    if origin is tuple and arguments[-1] is not ...:
        return [f"a list [{', '.join(map(in_words, arguments))}]"]
    if origin in (list, tuple):
        return [f"a list of {in_words(arguments[0])}"]
    if origin is dict:
        return [f"a mapping {{{': '.join(map(in_words, arguments))}}}"]
    return list(_WORDS.get(hint, [str(hint)]))


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of a type: a plain one, literals, a union or a tuple; a list will do for a tuple."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in arguments)
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        inner = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        return len(value) == len(inner) and all(map(fits, value, inner))
    return type(value) is hint or (hint is float and type(value) is int)
