"""Everything that rfacenet raises on purpose.

Each message is one sentence that names the input, what is wrong with it and what to do.
"""


class RfacenetError(Exception):
    """Base of all errors that rfacenet raises on purpose."""


class VideoError(RfacenetError):
    """A video cannot be read: missing, not a video, empty, or damaged beyond use."""


class DatasetError(RfacenetError):
    """A data set is not where or what it should be, or a recording of it lacks what was measured."""


class NoPulseError(RfacenetError):
    """A video shows no pulse, and the caller asked for something that takes one."""


class NoFaceError(RfacenetError):
    """A video shows no face, and the caller asked for something that takes one."""


class TooShortError(RfacenetError):
    """A signal or video is shorter than the computation needs."""


class UnknownMethodError(RfacenetError):
    """No method has that name."""


class SettingsError(RfacenetError):
    """A setting has a value that cannot work."""


class WeightsError(RfacenetError):
    """Weights are missing, damaged, or made for another model."""


class OutputError(RfacenetError):
    """A result cannot be written where it was asked for."""


class WorkerError(RfacenetError):
    """A process that shared the work died; what it had to do is not done."""
