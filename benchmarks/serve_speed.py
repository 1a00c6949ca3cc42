"""What ``rfacenet serve`` costs with several viewers at once, and how far behind its answers are.

Run: ``python benchmarks/serve_speed.py``. Each viewer sends what the page sends: crops of a simulated face,
30 a second with the times of their frames, and one picture a second to find the face in. An estimate is
behind by the time at which it comes less the time of the newest frame in it. CPU seconds and memory are those
of the service and of the processes that it starts, as Linux tells them.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import av
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from rfacenet.faces import crop
from rfacenet.simulation import render_recording
from rfacenet.types import FaceBox
from rfacenet.web.messages import Kind, pack

FS_HZ, LOOP_S, RATE_BPM = 30, 10, 72
WIDTH_PX, HEIGHT_PX = 320, 240
SETTLING_S = 10
"""The start, in which networks are loaded and windows fill, is left out."""


def main() -> None:
    """Measure and print, each method with a service of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["pos", "rfacenet"])
    parser.add_argument("--viewers", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--seconds", type=int, default=40)
    options = parser.parse_args()
    if options.seconds < 2 * SETTLING_S:
        parser.error(f"--seconds must be {2 * SETTLING_S} or more, as the first {SETTLING_S} s do not count")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; ", end="")
    print(f"load before: {os.getloadavg()[0]:.1f}\n")
    print("| method | viewers | cores | memory, MB | behind, median | behind, 95 % | dropped | rate, bpm |")
    print("|---|---|---|---|---|---|---|---|")
    person = Person()
    for method in options.methods:
        for n_viewers in options.viewers:
            with service(n_viewers) as (process, address):
                print(asyncio.run(measured(process, address, person, method, n_viewers, options.seconds)))


class Person:
    """A simulated face, played over and over, forwards and backwards."""

    def __init__(self) -> None:
        recording = render_recording(
            seed=3,
            duration_s=LOOP_S,
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            heart_rate_bpm=RATE_BPM,
            difficulty="easy",
        )
        frames = list(recording.frames())
        self.pictures = [frame.rgb for frame in frames + frames[-2:0:-1]]
        self.jpeg = as_jpeg(self.pictures[0])

    def crops(self, box: FaceBox, crop_px: tuple[int, int]) -> list[bytes]:
        """The face in each picture."""
        return [crop(rgb, box, crop_px).tobytes() for rgb in self.pictures]


async def measured(
    process: subprocess.Popen[str], address: str, person: Person, method: str, n_viewers: int, seconds: int
) -> str:
    """A row of the table."""
    watch = asyncio.create_task(usage(process.pid, seconds))
    viewers = [viewer(address, person, method, seconds) for _ in range(n_viewers)]
    told = [estimate for estimates in await asyncio.gather(*viewers) for estimate in estimates]
    cores, memory_mb = await watch
    median_ms, high_ms = np.percentile([1000 * behind_s for behind_s, _ in told], [50, 95])
    dropped = max(message["dropped_frames"] for _, message in told)
    rates = [message["heart_rate_bpm"] for _, message in told]
    known = [rate for rate in rates if rate is not None]
    rate = f"{np.median(known):.1f}" if known else "none"
    return (
        f"| `{method}` | {n_viewers} | {cores:.2f} | {memory_mb:.0f} | {median_ms:.0f} ms | {high_ms:.0f} ms "
        f"| {dropped} | {rate} |"
    )


async def viewer(
    address: str, person: Person, method: str, seconds: int
) -> list[tuple[float, dict[str, object]]]:
    """One viewer: its estimates once it has settled, and by how much each was behind."""
    async with connect(address.replace("http", "ws") + "api/live", compression=None) as connection:
        await connection.send(json.dumps({"type": "start", "method": method}))
        ready = json.loads(await connection.recv())
        await connection.send(pack(Kind.PICTURE, 1, 0.001, person.jpeg))
        box = await found(connection)
        crops = person.crops(enlarged(box, ready["enlarge"]), tuple(ready["crop_px"]))
        start_s = time.monotonic()
        told: list[tuple[float, dict[str, object]]] = []

        async def listen() -> None:
            async for text in connection:
                message = json.loads(text)
                now_s = time.monotonic() - start_s
                if message["type"] == "estimate" and SETTLING_S < now_s < seconds:
                    told.append((now_s - message["t_s"], message))

        listening = asyncio.create_task(listen())
        for number in count(1):
            t_s = number / FS_HZ
            if t_s > seconds:
                break
            await asyncio.sleep(max(0, start_s + t_s - time.monotonic()))
            await connection.send(pack(Kind.CROP, number, t_s, crops[number % len(crops)]))
            if number % FS_HZ == 0:
                await connection.send(pack(Kind.PICTURE, number, t_s, person.jpeg))
    await listening
    return told


async def found(connection: ClientConnection) -> FaceBox:
    """Where the service sees the face, in pixels."""
    while (message := json.loads(await connection.recv()))["type"] != "face":
        pass
    box = message["box"]
    if box is None:
        raise RuntimeError("The service does not see the face.")
    return FaceBox(
        box["x"] * WIDTH_PX, box["y"] * HEIGHT_PX, box["width"] * WIDTH_PX, box["height"] * HEIGHT_PX
    )


def enlarged(box: FaceBox, by: float) -> FaceBox:
    """The box, larger about its middle."""
    return FaceBox(
        box.x_px - (by - 1) / 2 * box.width_px,
        box.y_px - (by - 1) / 2 * box.height_px,
        by * box.width_px,
        by * box.height_px,
    )


async def usage(pid: int, seconds: int) -> tuple[float, float]:
    """Cores in use after settling, and the most memory."""
    await asyncio.sleep(SETTLING_S)
    begin_s, cpu_s, most_mb = time.monotonic(), cpu_seconds(pid), 0.0
    while time.monotonic() - begin_s < seconds - SETTLING_S - 2:
        await asyncio.sleep(1)
        most_mb = max(most_mb, sum(map(resident_mb, family(pid))))
    return (cpu_seconds(pid) - cpu_s) / (time.monotonic() - begin_s), most_mb


def family(pid: int) -> Iterator[int]:
    """A process and all that came from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all that came from it."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Memory of a process at the moment, what it shares with others in equal parts."""
    (kilobytes,) = re.findall(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    return int(kilobytes) / 1000


@contextmanager
def service(n_viewers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``rfacenet serve`` and its address."""
    command = [sys.executable, "-m", "rfacenet.cli.main", "serve", "--port", "0"]
    process = subprocess.Popen([*command, "--max-viewers", str(n_viewers)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def as_jpeg(rgb: np.ndarray) -> bytes:
    """A picture as the page sends it."""
    target = io.BytesIO()
    with av.open(target, "w", format="mjpeg") as file:
        stream = file.add_stream("mjpeg", 1)
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = "yuvj420p"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        file.mux(stream.encode(None))
    return target.getvalue()


if __name__ == "__main__":
    main()
