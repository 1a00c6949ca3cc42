"""``rfacenet serve`` as it runs: good clients, bad clients, and its end."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from browser import service, wait_until
from rfacenet.cli.main import main
from rfacenet.faces import crop
from rfacenet.types import FaceBox
from rfacenet.web.messages import Kind, pack

FACE = FaceBox(83, 49, 61, 83)  # of the simulated person


@pytest.fixture(scope="module")
def address():
    with service("--max-viewers", "4") as (_, address):
        yield address


def live(address):
    return connect(address.replace("http", "ws") + "api/live", compression=None, open_timeout=20)


@contextlib.contextmanager
def place(address):
    """A viewer's connection and what it is told at its start; waits while all places are taken."""
    for _ in range(40):
        with live(address) as connection:
            connection.send(json.dumps({"type": "start", "method": "pos"}))
            ready = json.loads(connection.recv(20))
            if ready["type"] == "ready":
                yield connection, ready
                return
        time.sleep(0.5)
    pytest.fail(f"no place became free: {ready}")


def measure(connection, ready, person, seconds):
    """What a well-behaved client is told, with the seconds since its start."""
    told = []
    start_s = time.monotonic()

    def listen():
        try:
            for message in connection:
                told.append((time.monotonic() - start_s, json.loads(message)))
        except WebSocketException:
            pass

    listener = threading.Thread(target=listen)
    listener.start()
    for number, frame in enumerate(person[: seconds * 30]):
        pixels = crop(frame.rgb, FACE, tuple(ready["crop_px"])).tobytes()
        time.sleep(max(0, start_s + frame.t_s - time.monotonic()))
        connection.send(pack(Kind.CROP, number, frame.t_s, pixels))
    connection.close()
    listener.join()
    return [(at_s, message) for at_s, message in told if message["type"] == "estimate"]


def half_a_frame(address):
    """Begins a WebSocket and a frame of it, and goes."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=20) as raw:
        raw.sendall(
            f"GET /api/live HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert b"101" in raw.recv(1000)
        raw.sendall(b"\x82\xfe\x3c\xc0abcd" + bytes(100))


def half_a_request(address):
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=20) as raw:
        raw.sendall(b"POST /api/videos HTTP/1.1\r\nHost: " + where.netloc.encode())
        time.sleep(2)


def half_an_upload(address):
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=20) as raw:
        raw.sendall(
            f"POST /api/videos HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Length: 9999999\r\n\r\n".encode()
            + b"\x00\x00\x01\xba"
            + bytes(70_000)
        )
        time.sleep(1)


def wrong_sizes(address):
    with live(address) as connection:
        connection.send(json.dumps({"type": "start", "method": "pos"}))
        for size in (1, 100, 399_000):
            connection.send(pack(Kind.CROP, 1, 1.0, bytes(size)))
        while True:
            connection.recv(20)


def too_large(address):
    with live(address) as connection:
        connection.send(bytes(5_000_000))
        while True:
            connection.recv(20)


def flood(address):
    with live(address) as connection:
        connection.send(json.dumps({"type": "start", "method": "pos"}))
        for number in range(20_000):
            connection.send(pack(Kind.NOTHING, number, number / 1000))
        while True:
            connection.recv(20)


def garbage(address):
    with live(address) as connection:
        connection.send("{" * 1000)
        while True:
            connection.recv(20)


BAD = (half_a_frame, half_a_request, half_an_upload, wrong_sizes, too_large, flood, garbage)


def test_fifty_bad_clients_cost_a_good_one_nothing(address, person):
    with place(address) as viewer:
        alone = measure(*viewer, person, 3)
    ends = []

    def misbehave(kind):
        try:
            kind(address)
            ends.append((kind.__name__, None))
        except (WebSocketException, OSError) as error:
            ends.append((kind.__name__, error))

    crowd = [threading.Thread(target=misbehave, args=(BAD[k % len(BAD)],)) for k in range(50)]
    with place(address) as viewer:  # before the crowd, which takes all places that are left
        for thread in crowd:
            thread.start()
        told = measure(*viewer, person, 10)
    for thread in crowd:
        thread.join(30)
    assert len(ends) == 50
    assert told[-1][1]["heart_rate_bpm"] == pytest.approx(84, abs=3)
    assert told[-1][1]["dropped_frames"] == 0
    pauses = [later[0] - earlier[0] for earlier, later in pairwise(told)]
    assert max(pauses) < 3
    print(f"alone {len(alone)} estimates in 3 s; in the crowd {len(told)} in 10 s, pause {max(pauses):.2f} s")
    with urllib.request.urlopen(f"{address}api/limits", timeout=10) as answer:
        assert answer.status == 200
    with contextlib.ExitStack() as all_places:  # are free again
        for _ in range(4):
            all_places.enter_context(place(address))


def test_nothing_is_left_on_the_disk_after_kill_9(person_video, tmp_path):
    with service(tmpdir=tmp_path) as (process, address):
        request = urllib.request.Request(
            f"{address}api/videos?method=rfacenet", person_video.read_bytes(), {"content-type": "video/mp4"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            where = answer.headers["location"]

        def state():
            with urllib.request.urlopen(address + where[1:], timeout=20) as answer:
                return json.load(answer)

        wait_until(lambda: state()["state"] == "working", 30)
        half = threading.Thread(target=half_an_upload, args=(address,))
        half.start()
        time.sleep(0.5)
        children = children_of(process.pid)
        assert children
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        half.join()
        wait_until(lambda: not any(is_running(child) for child in children), 20)
    assert list(tmp_path.rglob("*")) == []


def children_of(pid):
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(child) for child in found.stdout.split()]


def is_running(pid):
    state = ps("-o", "stat=", "-p", str(pid)).strip()
    return bool(state) and not state.startswith("Z")


def ps(*options):
    return subprocess.run(["ps", *options], capture_output=True, text=True, check=False).stdout


def test_ctrl_c_ends_it_cleanly():
    with service() as (process, address):
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host", "no.such.host.invalid"], "cannot be listened on"),
        (["--token", "short"], "can be guessed"),
        (["--token", "long-enough-token", "--no-token"], "exclude each other"),
        (["--tls-key", "key.pem"], "go together"),
    ],
)
def test_wrong_use_is_said(arguments, says, capsys):
    assert main(["serve", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_missing_extra_is_named():
    script = (
        "import sys; sys.modules['fastapi'] = None\n"
        "from rfacenet.cli.main import main; sys.exit(main(['serve']))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "rfacenet: The service needs fastapi: pip install 'rfacenet[web]'.\n"


def test_others_need_a_token():
    with service("--host", "0.0.0.0") as (_, address):
        token = urlsplit(address).query.removeprefix("token=")
        assert len(token) >= 20
        here = f"http://127.0.0.1:{urlsplit(address).port}/api/limits"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(here, timeout=10)
        request = urllib.request.Request(here, headers={"authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
