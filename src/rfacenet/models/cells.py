"""Cells: small graphs of operations, alike all over a network, that a search can find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rfacenet.choices import suggest
from rfacenet.errors import SettingsError

Link = tuple[int, int, str]
"""From which node, to which node, by which operation."""

MakeOperation = Callable[[str, int], nn.Module]
"""The operation of a name on a link from the node of a number."""

MakeLinks = Callable[[str, MakeOperation], Iterable[tuple[int, int, nn.Module]]]
"""What is on the links of the cell of a name, such as ``normal``; for the search."""


@dataclass(frozen=True, slots=True)
class CellSpace:
    """All the cells that a network could have.

    Attributes:
        network: What errors call the network.
        inputs: Nodes that are what comes in, numbered from 0.
        nodes: Nodes that add up what their links bring, numbered on from there.
        operations: What a link can do. The papers' "zero" or "none" is a link that is left out.
        example: One of ``operations``, to name in errors.
        cells: The fields of the network's configuration that hold a cell.
    """

    network: str
    inputs: int
    nodes: int
    operations: tuple[str, ...]
    example: str
    cells: tuple[str, ...]

    @property
    def numbers(self) -> range:
        """The numbers of the nodes that add up."""
        return range(self.inputs, self.inputs + self.nodes)

    @property
    def links(self) -> tuple[tuple[int, int], ...]:
        """All links that a cell can have: from lower to higher nodes."""
        return tuple((start, end) for end in self.numbers for start in range(end))

    def checked(self, cell: Iterable[Link], name: str = "cell") -> tuple[Link, ...]:
        """A cell as tuples: JSON and YAML give lists, and equal cells must be equal configurations.

        Args:
            cell: Its links.
            name: What an error calls it.

        Raises:
            SettingsError: It is none of this space.
        """
        links = tuple((start, end, operation) for start, end, operation in cell)
        last, whose = self.numbers[-1], f"{self.network}'s {name}"
        for start, end, operation in links:
            if not (0 <= start < end and end in self.numbers):
                raise SettingsError(
                    f"A link of {whose} must lead from a lower to a higher node of 0 to {last}, "
                    f"not from {start} to {end}; [0, {self.inputs}, {self.example}] would work."
                )
            if operation not in self.operations:
                raise SettingsError(
                    f"{self.network} has no operation '{operation}'; {suggest(operation, self.operations)}"
                )
        for node in self.numbers:
            if all(end != node for _, end, _ in links):
                raise SettingsError(
                    f"No link of {whose} leads to node {node}; "
                    f"[0, {node}, {self.example}] beside the others would work."
                )
        return links


def made(cell: Iterable[Link], make: MakeOperation) -> Iterator[tuple[int, int, nn.Module]]:
    """The links of a cell with their operations."""
    return ((start, end, make(name, start)) for start, end, name in cell)


class Cell(nn.Module):
    """Nodes that add up what their links bring, joined along the channels; a network says what comes in."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    operations: nn.ModuleList

    def take(self, links: Iterable[tuple[int, int, nn.Module]]) -> None:
        """Take links: from which node, to which node, and what does it; each node that adds up has one."""
        self.starts, self.ends, operations = zip(*links, strict=True)
        self.operations = nn.ModuleList(operations)

    def joined(self, inputs: Sequence[Tensor]) -> Tensor:
        """Maps of C channels that come in to one of C times as many as there are nodes that add up."""
        nodes = list(inputs)
        for node in range(len(inputs), max(self.ends) + 1):
            brought = [
                operation(nodes[start])
                for start, end, operation in zip(self.starts, self.ends, self.operations, strict=True)
                if end == node
            ]
            nodes.append(sum(brought[1:], brought[0]))
        return torch.cat(nodes[len(inputs) :], 1)
