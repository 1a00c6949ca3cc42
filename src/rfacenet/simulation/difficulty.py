"""How hard simulated clips are: ranges to draw from, with three named presets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from rfacenet.errors import SettingsError
from rfacenet.simulation.draws import Bounds

DifficultyName = Literal["easy", "standard", "hard"]


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Ranges that each clip's conditions are drawn from.

    Lengths on the face are in face units: the chin is about one unit below the middle of the eyes.

    Attributes:
        heart_rate_bpm: Mean heart rate.
        variability: Standard deviation of the rate relative to its mean.
        pulsation: Standard deviation of the green skin reflectance relative to its mean, in linear light;
            drawn uniform in its logarithm. A camera's tone curve shows a little less than half of it.
        dark_skin: Share of clips that show Fitzpatrick types V and VI, where identities are free.
        shift: Head shift, root mean square, face units.
        turn_rad: Roll, yaw and pitch, root mean square.
        rhythmic_shift: Sinusoidal head motion inside the pulse band, amplitude in face units.
        rhythmic_chance: Probability of that motion, and of light that changes inside the pulse band.
        talking: Probability that the person talks.
        light_drift: Slow change of the light, root mean square, relative.
        light_in_band: Change of the light inside the pulse band, amplitude, relative.
        color_drift: Change of white balance, root mean square, relative.
        noise: Sensor noise at the size of the output, standard deviation in grey levels.
        codec_step: Step by which compression rounds, see ``compression.py``; 0 is no compression.
        crf: Constant rate factor of H.264, where clips are truly encoded instead; see ``video/recoding.py``.
        jitter: Deviation of frame times, in frame intervals.
        frame_rates_hz: Lowest and highest frame rate.
    """

    heart_rate_bpm: Bounds
    variability: Bounds
    pulsation: Bounds
    dark_skin: Bounds
    shift: Bounds
    turn_rad: Bounds
    rhythmic_shift: Bounds
    rhythmic_chance: Bounds
    talking: Bounds
    light_drift: Bounds
    light_in_band: Bounds
    color_drift: Bounds
    noise: Bounds
    codec_step: Bounds
    crf: Bounds
    jitter: Bounds
    frame_rates_hz: Bounds

    @classmethod
    def named(cls, name: DifficultyName) -> Difficulty:
        """One of the presets ``easy``, ``standard`` and ``hard``.

        Raises:
            SettingsError: There is no preset of that name.
        """
        if name not in _PRESETS:
            raise SettingsError(f"difficulty {name!r} is unknown; choose one of {', '.join(_PRESETS)}")
        return _PRESETS[name]

    def blend(self, other: Difficulty, weight: float) -> Difficulty:
        """Between this difficulty (``weight`` 0) and ``other`` (1): every bound moves in proportion."""

        def between(name: str) -> Bounds:
            mine: Bounds = getattr(self, name)
            theirs: Bounds = getattr(other, name)
            low, high = (a + weight * (b - a) for a, b in zip(mine, theirs, strict=True))
            return low, high

        return Difficulty(**{field.name: between(field.name) for field in fields(self)})


_PRESETS: dict[str, Difficulty] = {
    "easy": Difficulty(
        heart_rate_bpm=(45.0, 150.0),
        variability=(0.005, 0.02),
        pulsation=(0.02, 0.05),
        dark_skin=(0.2, 0.2),
        shift=(0.002, 0.01),
        turn_rad=(0.002, 0.01),
        rhythmic_shift=(0.0, 0.0),
        rhythmic_chance=(0.0, 0.0),
        talking=(0.0, 0.0),
        light_drift=(0.0, 0.005),
        light_in_band=(0.0, 0.0),
        color_drift=(0.0, 0.002),
        noise=(0.5, 1.5),
        codec_step=(0.0, 0.0),
        crf=(16.0, 20.0),
        jitter=(0.0, 0.02),
        frame_rates_hz=(25.0, 30.0),
    ),
    "standard": Difficulty(
        heart_rate_bpm=(42.0, 170.0),
        variability=(0.01, 0.06),
        pulsation=(0.004, 0.03),
        dark_skin=(0.3, 0.3),
        shift=(0.004, 0.05),
        turn_rad=(0.005, 0.06),
        rhythmic_shift=(0.0, 0.03),
        rhythmic_chance=(0.25, 0.25),
        talking=(0.3, 0.3),
        light_drift=(0.0, 0.03),
        light_in_band=(0.0, 0.006),
        color_drift=(0.0, 0.008),
        noise=(0.7, 3.0),
        codec_step=(0.0, 6.0),
        crf=(18.0, 26.0),
        jitter=(0.0, 0.1),
        frame_rates_hz=(20.0, 30.0),
    ),
    "hard": Difficulty(
        heart_rate_bpm=(40.0, 180.0),
        variability=(0.01, 0.08),
        pulsation=(0.002, 0.012),
        dark_skin=(0.5, 0.5),
        shift=(0.03, 0.12),
        turn_rad=(0.03, 0.16),
        rhythmic_shift=(0.01, 0.08),
        rhythmic_chance=(0.6, 0.6),
        talking=(0.6, 0.6),
        light_drift=(0.01, 0.08),
        light_in_band=(0.002, 0.02),
        color_drift=(0.004, 0.02),
        noise=(1.5, 6.0),
        codec_step=(3.0, 16.0),
        crf=(22.0, 30.0),
        jitter=(0.0, 0.3),
        frame_rates_hz=(15.0, 60.0),
    ),
}
