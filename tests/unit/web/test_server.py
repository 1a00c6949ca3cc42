"""The server's patience with slow clients."""

import asyncio
import contextlib
import socket
import threading

import pytest
import uvicorn

from rfacenet.web import server


async def application(scope, receive, send):
    """Answers at once, whatever else of the request is still to come."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(server, "REQUEST_S", 0.3)
    config = uvicorn.Config(application, http=server.ImpatientProtocol, lifespan="off", log_level="error")
    running = uvicorn.Server(config)
    with server.listening_socket("127.0.0.1", 0) as listener:
        listener.listen()
        thread = threading.Thread(target=lambda: asyncio.run(running.serve([listener])))
        thread.start()
        yield listener.getsockname()[1]
        running.should_exit = True
        thread.join(10)


@pytest.mark.parametrize(
    "begins",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",  # a whole one, and then nothing more
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
    ],
)
def test_a_client_that_sends_a_byte_now_and_then_is_sent_away(port, begins):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        raw.sendall(begins)
        for _ in range(40):
            if is_closed(raw):
                return
            if not begins.endswith(b"Host: x\r\n\r\n"):
                with contextlib.suppress(OSError):
                    raw.sendall(b"x")
    pytest.fail("the connection was kept")


def is_closed(raw):
    """Whether the other side has ended a connection, looked for over a tenth of a second."""
    raw.settimeout(0.1)
    try:
        return raw.recv(1000) == b""
    except TimeoutError:
        return False
    except OSError:
        return True
