"""Uploaded videos, from arrival to forgetting."""

import asyncio
import json
import os
import time
from multiprocessing.connection import Connection

import av
import numpy as np
import pytest
from starlette.testclient import TestClient

from rfacenet.cli.main import main
from rfacenet.errors import VideoError
from rfacenet.video import only_formats, open_video
from rfacenet.web import video_process, videos
from rfacenet.web.app import create_app
from rfacenet.web.containers import FORMATS, is_video
from rfacenet.web.isolation import IsolatedProcess, ProcessLimits
from rfacenet.web.settings import ServeSettings
from rfacenet.web.videos import Videos, tidy
from videos import encode_jpeg, with_jpeg_size


def client(**settings):
    return TestClient(create_app(ServeSettings(**settings)), base_url="http://localhost")


def outcome(service, content, timeout_s=90, **query):
    """What becomes of a video that is sent."""
    sent = service.post("/api/videos", content=content, params=query)
    assert sent.status_code == 202, sent.text
    address = sent.headers["location"]
    until_s = time.monotonic() + timeout_s
    while (answer := service.get(address).json())["state"] != "done":
        assert time.monotonic() < until_s
        time.sleep(0.2)
    return address, answer["result"]


@pytest.fixture
def no_processes(monkeypatch):
    """The service without the process that finds faces, which uploads do not need."""

    async def start(self):
        pass

    monkeypatch.setattr("rfacenet.web.face_finder.FaceFinder.start", start)


def test_a_video_is_answered_as_by_the_command_line(person_video, tmp_path, no_processes):
    files = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "html")}
    command = ["estimate", str(person_video), "--method", "pos", "--json", str(files["json"])]
    assert main([*command, "--csv", str(files["csv"]), "--report", str(files["html"])]) == 0
    name, shown = str(person_video), "<b>my video"
    with client() as service:
        address, result = outcome(service, person_video.read_bytes(), method="pos", name=f"../x/{shown}")
        expected = json.loads(files["json"].read_text()) | {"video": shown}
        assert result == expected
        assert service.get(f"{address}/csv").text.replace(shown, name) == files["csv"].read_bytes().decode()
        report = service.get(f"{address}/report")
        assert "&lt;b&gt;my video" in report.text
        assert report.text.replace("&lt;b&gt;my video", name) == files["html"].read_text()
        assert "sandbox" in report.headers["content-security-policy"]
        assert service.delete(address).status_code == 204
        assert service.get(address).status_code == 404


class Heard(list):
    """A connection that keeps what is sent."""

    def send_bytes(self, message):
        self.append(json.loads(message))


class Descriptor:
    def __init__(self, file):
        self.detach = lambda: os.dup(file.fileno())


def test_broken_videos_are_answered_with_what_is_wrong(person_video, tmp_path):
    whole = person_video.read_bytes()
    for content, says in (
        (whole[:5000], "or its end is missing"),
        (whole[:300] + bytes(2000), "can be"),
        (b"\x1a\x45\xdf\xa3" + b"\xff" * 3000, "can be"),
        (b"\x00\x00\x01\xba" + b"#EXTM3U\nfile:///etc/passwd\n" * 50, "can be"),
    ):
        heard = Heard()
        (tmp_path / "video").write_bytes(content)
        with (tmp_path / "video").open("rb") as file:
            video_process.measure(heard, Descriptor(file), "holiday.mp4", "pos")
        result = heard[-1]["result"]
        assert result["heart_rate_bpm"] is None
        assert "holiday.mp4" in result["reason"]
        assert "/dev/fd" not in json.dumps(heard)
        assert says in result["reason"]


@pytest.mark.parametrize(
    "content",
    [
        b"this is no video\n" * 100,
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b'<?xml version="1.0"?><MPD></MPD>' * 30,
        b"<!--ftyp--><MPD>" + b" " * 600,
        b"\x89PNG\r\n\x1a\n" + bytes(600),
        b"MZ" + bytes(600),
        b"G",
        b"GIVE ".ljust(188) + b"G" + b" " * 500,
        b"",
    ],
)
def test_what_is_no_video_is_refused_before_any_decoder_sees_it(content):
    refused = client().post("/api/videos", content=content)
    assert refused.status_code == 415
    assert "send a video" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("ending", "codec"),
    [
        *((ending, "libx264") for ending in ("mp4", "mov", "mkv", "3gp", "ts", "m2ts", "flv", "h264", "wmv")),
        *(("webm", "libvpx"), ("ogv", "libvpx"), ("mpg", "mpeg2video"), ("mjpeg", "mjpeg"), ("avi", "mjpeg")),
    ],
)
def test_every_usual_container_is_taken(ending, codec, tmp_path):
    path = tmp_path / f"v.{ending}"
    try:
        with av.open(str(path), "w") as file:
            stream = file.add_stream(codec, 25)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for value in range(20):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), value, np.uint8), format="rgb24")
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    except (av.FFmpegError, ValueError) as error:
        pytest.skip(f"this FFmpeg cannot write it ({error})")
    assert is_video(path.read_bytes()[:512])
    with only_formats(*FORMATS), open_video(path) as video:
        assert next(iter(video)).rgb.shape == (48, 64, 3)


def test_a_decoder_that_sees_something_else_is_not_followed(person_video, tmp_path):
    path = tmp_path / "list.ffconcat"
    path.write_text(f"ffconcat version 1.0\nfile {person_video.name}\n")
    (tmp_path / person_video.name).write_bytes(person_video.read_bytes())
    with open_video(path) as video:
        assert next(iter(video))
    with only_formats(*FORMATS), pytest.raises(VideoError, match="is not a video that can be read"):
        open_video(path)
    heard = Heard()
    with path.open("rb") as file:
        video_process.measure(heard, Descriptor(file), "list", "pos")
    assert "is not a video that can be read" in heard[-1]["result"]["reason"]


def test_too_much_is_refused(person_video):
    content = person_video.read_bytes()
    small = client(max_upload_mb=0.01)
    assert small.post("/api/videos", content=content).status_code == 413
    chunked = small.post("/api/videos", content=iter([content[:6000], content[6000:12000], content]))
    assert chunked.status_code == 413
    assert "0.01 MB" in chunked.json()["detail"]
    full = client(max_videos=1)  # not entered: nothing is measured, so the first stays in the queue
    address = full.post("/api/videos", content=content).headers["location"]
    assert full.get(f"{address}/report").status_code == 409
    refused = full.post("/api/videos", content=content)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")


def test_a_video_that_takes_too_long_is_stopped(person_video, no_processes):
    with client(max_video_s=0.3) as service:
        _, result = outcome(service, person_video.read_bytes(), name="long.mp4")
    assert result["reason"] == "'long.mp4' took longer than 0.3 s and was stopped; give a shorter part of it."


def test_a_picture_that_would_fill_the_memory_is_not_decoded(no_processes):
    # A few hundred bytes that announce 256 million pixels: 380 MB to decode, 770 MB as RGB.
    tiny = encode_jpeg(np.full((48, 64, 3), 90, np.uint8))
    bomb = with_jpeg_size(tiny, 16_000, 16_000) * 200
    with client(max_memory_mb=150) as service:
        _, result = outcome(service, bomb, method="pos")
        assert result["heart_rate_bpm"] is None
        assert "memory" in result["reason"] or "can be decoded" in result["reason"]
        assert service.get("/api/limits").status_code == 200


def hog(connection: Connection) -> None:
    connection.send_bytes(b"begun")
    try:
        connection.send_bytes(b"%d" % len(bytearray(400_000_000)))
    except MemoryError:
        connection.send_bytes(b"refused")
    while True:
        pass


def test_a_process_has_no_more_than_its_limits():
    process = IsolatedProcess("test_videos:hog", (), ProcessLimits(memory_mb=100, cpu_s=1))
    assert process.receive(30) == b"begun"
    assert process.receive(30) == b"refused"
    with pytest.raises(EOFError):  # its second of time is over
        process.receive(30)
    process.kill()
    process = IsolatedProcess("test_videos:hog", (), ProcessLimits(memory_mb=1000))
    assert process.receive(30) == b"begun"
    assert process.receive(30) == b"400000000"
    process.kill()
    with pytest.raises(EOFError):
        process.receive(5)


def test_results_are_forgotten_and_files_have_no_name(person_video, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async def chunks():
        yield person_video.read_bytes()
        assert list(tmp_path.iterdir()) == []

    async def run():
        held = Videos(ServeSettings(keep_s=0.05))
        video = held.add("v", "pos", await held.receive(chunks()))
        file = video.file
        assert os.fstat(file.fileno()).st_nlink == 0
        assert held.waiting_before(video) == 0
        assert held.waiting_before(held.add("w", "pos", await held.receive(chunks()))) == 1
        video.state = "done"
        forget = asyncio.create_task(held.forget_old())
        await asyncio.sleep(0.3)
        forget.cancel()
        assert held.get(video.key) is None
        assert file.closed
        held.close()

    asyncio.run(run())


async def stalled():
    yield b"\x00\x00\x01" * 300
    await asyncio.sleep(5)


async def dripping():
    yield b"\x00\x00\x01" * 300
    for _ in range(500):
        await asyncio.sleep(0.01)
        yield b"x"


@pytest.mark.parametrize("chunks", [stalled, dripping])
def test_an_upload_that_hardly_comes_is_given_up(chunks, monkeypatch):
    monkeypatch.setattr(videos, "CHUNK_S", 0.05)
    start_s = time.monotonic()
    with pytest.raises(TimeoutError):
        asyncio.run(Videos(ServeSettings()).receive(chunks()))
    assert time.monotonic() - start_s < 3


def test_an_upload_at_its_own_pace_is_taken(monkeypatch):
    monkeypatch.setattr(videos, "CHUNK_S", 1.0)

    async def steady():  # longer than one such time
        for _ in range(12):
            yield b"\x00\x00\x01" * 100_000
            await asyncio.sleep(0.1)

    file = asyncio.run(Videos(ServeSettings()).receive(steady()))
    assert len(file.read()) == 3_600_000
    file.close()


@pytest.mark.parametrize(
    ("label", "shown"),
    [("a/b\\c.mp4", "c.mp4"), ("", "video"), ("x\n\x00\u202ey.mp4", "x   y.mp4"), ("é" * 500, "é" * 120)],
)
def test_a_label_is_one_short_line(label, shown):
    assert tidy(label) == shown
