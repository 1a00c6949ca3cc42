from typing import Any, Literal

import pytest

from rfacenet.choices import fits, in_words, suggest


def test_suggests_the_nearest_or_all() -> None:
    assert suggest("Physnett", ["physnet", "rfacenet"]) == "did you mean 'physnet'?"
    assert suggest("xyzzy", ["physnet", "rfacenet"]) == "there are physnet, rfacenet."


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (int, "a whole number"),
        (bool, "true or false"),
        (float | None, "a number or null"),
        (Literal["easy"], "easy"),
        (Literal[1, 2, 3] | None, "1, 2, 3 or null"),
        (tuple[int, float], "a list [a whole number, a number]"),
        (tuple[Literal["bvp", "hr"], ...], "a list of bvp or hr"),
        (dict[str, Any], "a mapping {a name: any value}"),
        (complex, "<class 'complex'>"),
    ],
)
def test_says_what_a_type_lets_pass(hint: Any, words: str) -> None:
    assert in_words(hint) == words


@pytest.mark.parametrize(
    ("value", "hint", "answer"),
    [
        (3, int, True),
        (True, int, False),
        (1, bool, False),
        (1, float, True),
        ("1", float, False),
        (None, Literal[1, 2] | None, True),
        (3, Literal[1, 2] | None, False),
        (True, Literal[1, 2], False),
        ([1, "a"], tuple[int, str], True),
        ([1], tuple[int, str], False),
        (["a", 1], tuple[int, str], False),
        ([], tuple[int, ...], True),
        ([[1, 2], (3, 4)], tuple[tuple[int, int], ...], True),
        ([[1, 2], [3, "4"]], tuple[tuple[int, int], ...], False),
        ("12", tuple[str, ...], False),
    ],
)
def test_a_value_fits_its_type(value: object, hint: Any, answer: bool) -> None:
    assert fits(value, hint) == answer
