"""What a network asks of its input, whatever it is trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from rfacenet.errors import SettingsError
from rfacenet.models.inputs import InputSpec, LabelForm, Normalisation
from rfacenet.models.stmap import CHANNELS
from rfacenet.types import N_REGIONS, RegionSet


@dataclass(frozen=True, slots=True)
class InputNeeds:
    """Clips that a network can take; what is None here is the run's to choose.

    Attributes:
        frames_multiple: Frames must be a multiple of this, and one of it at least.
        min_side_px: Least height and width.
        spare_px: Height and width must be a multiple of ``min_side_px``, but for fewer pixels than this,
            which the network leaves out; None takes any from ``min_side_px`` on.
        size_px: The only height and width, where weights are tied to it.
        appearance: Whether three more channels show what the frames look like.
        normalisation: The only way to normalise pixels.
        label_form: The only form of the network's answer.
        regions: The regions of a spatio-temporal map; ``size_px`` is then its rows and 1.
        least_frames: Fewest frames, where that is more than ``frames_multiple``.
    """

    frames_multiple: int = 1
    min_side_px: int = 1
    spare_px: int | None = None
    size_px: tuple[int, int] | None = None
    appearance: bool = False
    normalisation: Normalisation | None = None
    label_form: LabelForm | None = None
    regions: RegionSet | None = None
    least_frames: int = 1

    @property
    def channels(self) -> int:
        """Channels of a normalised clip."""
        return CHANNELS.get(self.normalisation or "", 6 if self.appearance else 3)

    def check(self, clip: Tensor) -> None:
        """Refuse a clip that the network would fail at or silently cut.

        Args:
            clip: Normalised frames, which should be ``(B, channels, T, H, W)``.

        Raises:
            SettingsError: They are not; the message names a shape that would work.
        """
        if clip.ndim != 5 or clip.shape[1] != self.channels:
            height, width = self.size_px or (72, 72)
            frames = self.nearest_length(160)
            raise SettingsError(
                f"A clip must be (batch, {self.channels}, frames, height, width), not {tuple(clip.shape)}; "
                f"(1, {self.channels}, {frames}, {height}, {width}) would work."
            )
        frames, height, width = clip.shape[2:]
        fitting = (
            self.nearest_length(frames),
            *(self.size_px or (self._nearest_side(height), self._nearest_side(width))),
        )
        if (frames, height, width) != fitting:
            raise SettingsError(
                f"A clip of {frames} frames of {height}×{width} pixels does not fit the network: frames must "
                f"be a multiple of {self.frames_multiple}{self._least()}, pixels {self._sides()}; "
                f"{fitting[0]} frames of {fitting[1]}×{fitting[2]} would work."
            )

    def _nearest_side(self, side: int) -> int:
        """The side itself where it fits, else the longest below it or the shortest of all."""
        over = side % self.min_side_px
        fits = self.spare_px is None or over < self.spare_px
        return max(side if fits else side - over, self.min_side_px)

    def _least(self) -> str:
        """The fewest frames, in words, where that is not one multiple of them."""
        return f" and at least {self.shortest}" if self.shortest > self.frames_multiple else ""

    def _sides(self) -> str:
        """Which heights and widths fit, in words."""
        if self.size_px is not None:
            return f"{self.size_px[0]}×{self.size_px[1]}"
        if self.spare_px is None:
            return f"at least {self.min_side_px} a side"
        return f"a multiple of {self.min_side_px} a side, or up to {self.spare_px - 1} more"

    def longest_within(self, frames: int) -> int:
        """The longest clip of so many frames that the network takes whole; 0 where it takes none so short."""
        longest = frames // self.frames_multiple * self.frames_multiple
        return longest if longest >= self.least_frames else 0

    def nearest_length(self, frames: int) -> int:
        """The longest clip of up to so many frames that the network takes, or its shortest."""
        return max(self.longest_within(frames), self.shortest)

    @property
    def shortest(self) -> int:
        """Frames of the shortest clip."""
        return -(-self.least_frames // self.frames_multiple) * self.frames_multiple

    def applied_to(self, spec: InputSpec) -> InputSpec:
        """The input that a run chose, in the form that this network needs."""
        if self.regions is not None:  # what suits crops says nothing of maps
            frames = self.nearest_length(spec.frames)
            shape = {"frames": frames, "height": N_REGIONS[self.regions], "width": 1}
        else:
            shape = {}
        return replace(
            spec,
            **shape,
            regions=self.regions,
            appearance=self.appearance,
            normalisation=self.normalisation or spec.normalisation,
            label_form=self.label_form or spec.label_form,
        )


def needs_of(network: nn.Module) -> InputNeeds:
    """What one of the registry's networks asks of its input."""
    needs = network.needs
    assert isinstance(needs, InputNeeds)
    return needs
