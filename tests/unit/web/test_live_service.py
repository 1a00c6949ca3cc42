"""The live connection, from a client's side."""

import time

import numpy as np
import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from rfacenet.faces import crop
from rfacenet.types import FaceBox
from rfacenet.web import live, viewer
from rfacenet.web.allowance import Allowance
from rfacenet.web.app import create_app
from rfacenet.web.face_finder import FaceFollower
from rfacenet.web.messages import Kind, pack, unpack
from rfacenet.web.settings import ServeSettings
from rfacenet.web.viewer import Viewer
from videos import encode_jpeg

ADDRESS = "ws://localhost/api/live"


@pytest.fixture
def client():
    return TestClient(create_app(ServeSettings(max_viewers=1)), base_url="http://localhost")


def started(socket, method="pos"):
    socket.send_json({"type": "start", "method": method})
    return socket.receive_json()


def code_of(socket):
    """With what code, and words, the service ends the connection."""
    with pytest.raises(WebSocketDisconnect) as ended:
        while True:
            socket.receive_json()
    return ended.value.code, ended.value.reason


def crops(person, height, width):
    box = FaceBox(83, 49, 61, 83)  # the face of the simulated person
    return [(frame.t_s, crop(frame.rgb, box, (height, width)).tobytes()) for frame in person]


def test_crops_become_the_rate(client, person):
    with client.websocket_connect(ADDRESS) as socket:
        ready = started(socket)
        assert (ready["type"], ready["method"]) == ("ready", "pos")
        for number, (t_s, pixels) in enumerate(crops(person, *ready["crop_px"])[::2]):
            socket.send_bytes(pack(Kind.CROP, number, 50 + t_s, pixels))
        answers = [socket.receive_json() for _ in range(3)]
        last = answers[-1]
        assert last["heart_rate_bpm"] == pytest.approx(84, abs=3)
        assert last["t_s"] == pytest.approx(59.93, abs=0.1)
        assert 0.75 <= last["quality"] <= 1
        wave = last["wave"]
        assert len(wave["value"]) == pytest.approx(150, abs=2)
        assert wave["start_s"] + len(wave["value"]) / wave["fs_hz"] == pytest.approx(last["t_s"], abs=0.1)
        socket.send_json({"type": "save"})
        message = socket.receive_json()
        while message["type"] != "result":
            message = socket.receive_json()
        assert message["result"]["heart_rate_bpm"] == pytest.approx(84, abs=3)
        assert message["result"]["video"] == "camera"
        assert message["csv"].startswith("video,method,span")
        assert socket.receive_json()["type"] == "estimate"  # saving ends nothing


def test_a_method_that_needs_whole_pictures_is_for_video_files(client):
    with client.websocket_connect(ADDRESS) as socket:
        socket.send_json({"type": "start", "method": "samc"})
        assert code_of(socket) == (
            live.POLICY_VIOLATION,
            "'samc' measures video files alone; choose another method for a camera.",
        )


def test_beyond_what_the_machine_can_do_it_says_busy(client):
    with client.websocket_connect(ADDRESS) as first:
        assert started(first)["type"] == "ready"
        with client.websocket_connect(ADDRESS) as second:
            assert started(second) == {
                "type": "busy",
                "detail": "1 cameras are being measured, as many as this machine can; try again later.",
            }
            assert code_of(second)[0] == live.TRY_LATER
    with client.websocket_connect(ADDRESS) as third:  # a place is free again
        assert started(third)["type"] == "ready"


@pytest.mark.parametrize(
    "first",
    [
        "",
        "[]",
        "{",
        '{"type": "save"}',
        "[" * 1500,
        "x" * 5000,
        b"\x02",
        '{"type": "start", "method": ["pos"]}',
    ],
)
def test_a_wrong_beginning_is_refused(client, first):
    with client.websocket_connect(ADDRESS) as socket:
        (socket.send_bytes if isinstance(first, bytes) else socket.send_text)(first)
        code, reason = code_of(socket)
    assert code in (live.BAD_DATA, live.POLICY_VIOLATION)
    assert "expected" in reason or "no method" in reason


@pytest.mark.parametrize(
    "message", [b"", pack(Kind.CROP, 1, 1.0, b"small"), pack(Kind.PICTURE, 1, 1.0, b"GIF")]
)
def test_a_wrong_message_ends_the_connection_with_a_sentence(client, message):
    with client.websocket_connect(ADDRESS) as socket:
        started(socket)
        socket.send_bytes(message)
        code, reason = code_of(socket)
    assert code == live.BAD_DATA
    assert reason


def test_a_flood_ends_the_connection(client):
    with client.websocket_connect(ADDRESS) as socket:
        started(socket)
        for number in range(300):
            socket.send_bytes(pack(Kind.NOTHING, number, float(number)))
        assert code_of(socket) == (
            live.POLICY_VIOLATION,
            "Too many messages in too short a time; send frames as the camera gives them.",
        )


def test_who_says_nothing_is_sent_away(client, monkeypatch):
    monkeypatch.setattr(live, "SILENCE_S", 0.2)
    with client.websocket_connect(ADDRESS) as socket:
        started(socket)
        assert code_of(socket)[1].startswith("No picture came")
    monkeypatch.setattr(live, "START_S", 0.1)
    with client.websocket_connect(ADDRESS) as socket:
        assert code_of(socket)[1].startswith("Nothing was asked for")


def test_who_stays_too_long_is_sent_away(client, monkeypatch):
    monkeypatch.setattr(live, "LONGEST_S", 2.0)
    with client.websocket_connect(ADDRESS) as socket:
        started(socket)
        assert code_of(socket)[1].startswith("A measurement ends after")


def test_pictures_are_answered_with_the_face(client, monkeypatch):
    async def find(jpeg):
        return [FaceBox(0.2, 0.3, 0.1, 0.2, 0.9), FaceBox(0.6, 0.3, 0.2, 0.3, 0.9)]

    monkeypatch.setattr(client.app.state.service.finder, "find", find)
    with client.websocket_connect(ADDRESS) as socket:
        started(socket)
        socket.send_bytes(pack(Kind.PICTURE, 7, 1.0, encode_jpeg(np.full((48, 64, 3), 90, np.uint8))))
        message = socket.receive_json()
        while message["type"] != "face":
            message = socket.receive_json()
    assert message == {
        "type": "face",
        "number": 7,
        "box": {"x": 0.6, "y": 0.3, "width": 0.2, "height": 0.3},
        "is_other": False,
    }


def test_a_viewer_who_leaves_while_a_face_is_sought_takes_nothing_from_the_others(person):
    # The process that finds faces is shared: an answer that nobody waits for must not become the next's.
    service = TestClient(create_app(ServeSettings(max_viewers=2)), base_url="http://localhost")
    empty = encode_jpeg(np.full((48, 64, 3), 90, np.uint8))
    with service, service.websocket_connect(ADDRESS) as stays:
        started(stays)
        stays.send_bytes(pack(Kind.PICTURE, 1, 1.0, empty))
        box_of(stays, 1)  # the process runs from here on
        for _ in range(3):
            with service.websocket_connect(ADDRESS) as leaves:
                started(leaves)
                leaves.send_bytes(pack(Kind.PICTURE, 1, 1.0, encode_jpeg(person[0].rgb)))
                time.sleep(0.03)
            stays.send_bytes(pack(Kind.PICTURE, 2, 2.0, empty))
            assert box_of(stays, 2) is None


def test_a_fault_of_one_viewer_is_said_and_is_the_others_nothing(client, monkeypatch):
    def fail(self):
        raise ValueError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr(Viewer, "advance", fail)
        with client.websocket_connect(ADDRESS) as socket:
            started(socket)
            assert code_of(socket) == (
                live.FAULT,
                "The service met a fault; please report it, and start again.",
            )
    with client.websocket_connect(ADDRESS) as socket:
        assert started(socket)["type"] == "ready"


def box_of(socket, number):
    """Where the service sees the face in the picture of that number."""
    message = socket.receive_json()
    while (message["type"], message.get("number")) != ("face", number):
        message = socket.receive_json()
    return message["box"]


def put(one, kind, t_s, content=b""):
    one.put(unpack(pack(kind, 0, t_s, content), one.crop_px))


def test_time_that_leaps_begins_anew_and_time_that_repeats_is_dropped():
    one = Viewer("pos")
    grey = np.full((*one.crop_px, 3), 90, np.uint8).tobytes()
    for t_s in (1.0, 1.1, 1.1, 1.05, 1.2):
        put(one, Kind.CROP, t_s, grey)
    assert one.advance()["dropped_frames"] == 2
    put(one, Kind.CROP, 9e8, grey)  # a gap that would make a wave of years
    message = one.advance()
    assert (message["t_s"], message["wave"]["value"]) == (9e8, [])
    put(one, Kind.CROP, 3.0, grey)
    assert one.advance()["t_s"] == 3.0


def test_memory_is_bounded_whatever_comes(monkeypatch):
    monkeypatch.setattr(viewer, "MAX_PENDING", 10)
    one = Viewer("pos")
    for k in range(30):
        put(one, Kind.NOTHING, 1 + k / 30)
    assert one.advance()["dropped_frames"] == 20


def test_what_can_be_saved_is_bounded_whatever_a_client_says_of_its_times():
    one = Viewer("pos")
    grey = np.full((*one.crop_px, 3), 90, np.uint8).tobytes()
    for k in range(viewer.MAX_KEPT + 100):
        put(one, Kind.CROP, 1 + k * 1e-6, grey)
        if k % 500 == 0:
            one.advance()
    one.advance()
    assert len(one._kept) == viewer.MAX_KEPT


def test_a_face_is_followed_and_one_miss_is_bridged():
    near, far = FaceBox(0.4, 0.4, 0.2, 0.2), FaceBox(0.1, 0.1, 0.3, 0.3)
    follower = FaceFollower()
    assert follower.follow([near]) == (near, False)
    moved = FaceBox(0.42, 0.4, 0.2, 0.2)
    assert follower.follow([far, moved]) == (moved, False)  # the same, though another is larger
    assert follower.follow([]) == (moved, False)
    assert follower.follow([]) == (None, False)
    assert follower.follow([far]) == (far, False)
    assert follower.follow([near]) == (near, True)


def test_an_allowance_fills_up_again():
    now_s = 0.0
    allowance = Allowance(2.0, 3, lambda: now_s)
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    now_s = 0.5
    assert [allowance.take() for _ in range(2)] == [True, False]
    now_s = time.monotonic() + 100
    assert sum(allowance.take() for _ in range(10)) == 3
