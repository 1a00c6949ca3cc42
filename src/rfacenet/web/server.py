"""Running the application."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import h11
import torch
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from rfacenet.errors import SettingsError
from rfacenet.web.app import create_app
from rfacenet.web.live import MAX_MESSAGE_BYTES
from rfacenet.web.settings import ServeSettings

REQUEST_S = 15.0
"""A connection whose next request takes longer than this to arrive is closed."""

MAX_CONNECTIONS = 256


class ImpatientProtocol(H11Protocol):
    """HTTP that does not wait forever for a request: uvicorn alone would, on a connection without one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._looked_at: object = self
        self._timer = self.loop.call_later(REQUEST_S, self._look)

    def connection_lost(self, error: Exception | None) -> None:
        """A client has gone."""
        self._timer.cancel()
        super().connection_lost(error)

    def _look(self) -> None:
        """Close a connection on which nothing but waiting has happened since the last look."""
        if self.transport.get_protocol() is not self:  # it is a WebSocket now
            return
        # For a request, or for the rest of one that has been answered already.
        is_waiting = self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE
        if is_waiting and self._looked_at in (self, self.cycle):
            self.transport.close()
            return
        self._looked_at = self.cycle if is_waiting else None
        self._timer = self.loop.call_later(REQUEST_S, self._look)


def serve(
    settings: ServeSettings,
    *,
    tls_files: tuple[Path, Path] | None = None,
    when_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until Ctrl-C.

    Args:
        settings: Address, token, limits.
        tls_files: Certificate and key, for https.
        when_ready: Called with the page's address, the token in it, once the service can be reached.

    Raises:
        SettingsError: The address cannot be listened on, or a certificate cannot be used.
        KeyboardInterrupt: Ctrl-C has ended it.
    """
    torch.set_num_threads(1)  # viewers share the cores; threads of one estimate would wait for each other
    certificate, key = tls_files or (None, None)
    config = uvicorn.Config(
        create_app(settings),
        http=ImpatientProtocol,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_max_queue=16,
        ws_ping_interval=20.0,  # who is gone without a word keeps no place for long
        ws_ping_timeout=20.0,
        ws_per_message_deflate=False,  # pixels hardly shrink, and a bomb would grow
        limit_concurrency=MAX_CONNECTIONS,
        h11_max_incomplete_event_size=32_768,
        timeout_graceful_shutdown=2,
        log_level="error",
        access_log=False,  # nobody needs to know who measured what and when
        server_header=False,
        proxy_headers=False,  # a client could call itself somebody else
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    try:
        config.load()
    except OSError as error:
        missing = [str(path) for path in tls_files or () if not path.is_file()]
        what = f"'{missing[0]}' does not exist" if missing else f"The certificate cannot be used ({error})"
        raise SettingsError(f"{what}; give certificate and key as PEM files.") from error
    listener = listening_socket(settings.host, settings.port)
    with listener:
        server = _Server(config, lambda: when_ready(page_address(settings, listener.getsockname()[1])))
        server.run(sockets=[listener])
    if server.is_interrupted:  # uvicorn raises the signal again, but now and then nobody hears it
        raise KeyboardInterrupt


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingsError: It cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise SettingsError(
            f"{host}:{port} cannot be listened on ({reason}); choose another --port, or another --host."
        ) from error
    return listener


def page_address(settings: ServeSettings, port: int) -> str:
    """Where the page is, the token in it."""
    host = settings.host
    if host in ("0.0.0.0", "::"):  # every address of this machine
        host = _own_address()
    scheme = "https" if settings.is_encrypted else "http"
    token = "" if settings.token is None else f"?token={settings.token}"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/{token}"


def _own_address() -> str:
    """The address by which others on the network reach this machine; its name, if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: it only chooses the way
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])


class _Server(uvicorn.Server):
    """A server that says when it is ready, and remembers Ctrl-C."""

    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready
        self.is_interrupted = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.is_interrupted |= sig == signal.SIGINT
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._when_ready()
