"""What whoever runs the service can choose about it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from rfacenet.errors import SettingsError
from rfacenet.processes import usable_cores

SHORTEST_TOKEN = 12
"""A token of fewer characters could be guessed."""


def default_viewers() -> int:
    """Cameras at a time that this machine can serve: two for each core."""
    return 2 * usable_cores()


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Settings of the service.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.
        token: What a client must know to be served; None serves everyone who reaches the address.
        names: Further host names that this machine is asked for by, such as ``nurse.local``.
        max_viewers: Cameras that are measured at a time.
        max_videos: Videos that arrive, wait or are being measured at a time.
        max_upload_mb: Largest video, megabytes.
        max_video_s: Longest time that one video may take, seconds.
        max_memory_mb: Most memory that one video may take, megabytes.
        keep_s: How long a video's result can be fetched, seconds; the video itself is gone at once.
        is_encrypted: Whether clients come by https.

    Raises:
        SettingsError: A setting has a value that cannot work.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    max_viewers: int = field(default_factory=default_viewers)
    max_videos: int = 8
    max_upload_mb: float = 500.0
    max_video_s: float = 600.0
    max_memory_mb: float = 3000.0
    keep_s: float = 1800.0
    is_encrypted: bool = False

    def __post_init__(self) -> None:
        if not self.host.strip():
            raise SettingsError("The address to listen on is empty; give one, or leave --host out.")
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"There is no port {self.port}; choose 1 to 65535, or 0 for any free one.")
        if self.token is not None and len(self.token) < SHORTEST_TOKEN:
            raise SettingsError(
                f"A token of {len(self.token)} characters can be guessed; choose at least {SHORTEST_TOKEN}."
            )
        if not all(sign.isascii() and (sign.isalnum() or sign in "-_.~") for sign in self.token or ""):
            raise SettingsError("A token travels in addresses; make it of letters, digits and - _ . ~ alone.")
        for name in ("max_viewers", "max_videos", "max_upload_mb", "max_video_s", "max_memory_mb", "keep_s"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} is {getattr(self, name):g}, but must be above 0.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the address."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means the machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
