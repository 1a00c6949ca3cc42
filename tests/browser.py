"""A browser before a camera that shows what a test wants, and the service that its page comes from."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed (apt-get: chromium-driver)"
)


def write_y4m(path, frames, fs_hz=30):
    """Uncompressed video as Chromium takes it for a camera: 4:2:0, BT.601, 16 to 235."""
    height, width = frames[0].shape[:2]
    to_yuv = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    to_yuv *= np.array([[219], [224], [224]]) / 255
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{fs_hz}:1 Ip A1:1 C420mpeg2\n".encode())
        for rgb in frames:
            yuv = rgb @ to_yuv.T.astype(np.float32) + np.array([16, 128, 128], np.float32)
            chroma = yuv[..., 1:].reshape(height // 2, 2, width // 2, 2, 2).mean(axis=(1, 3))
            planes = yuv[..., 0], chroma[..., 0], chroma[..., 1]
            file.write(b"FRAME\n" + b"".join(np.rint(plane).astype(np.uint8).tobytes() for plane in planes))
    return path


@contextmanager
def service(*options, tmpdir=None):
    """``rfacenet serve`` on a free port: its process and the address that it shows."""
    command = [sys.executable, "-m", "rfacenet.cli.main", "serve", "--port", "0", *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | ({} if tmpdir is None else {"TMPDIR": str(tmpdir)})
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        address = process.stdout.readline().strip()
        assert address, "the service did not start"
        yield process, address
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        finally:
            process.kill()


@contextmanager
def browser(camera, profile, *, size=(1280, 900), dark=False):
    """Chromium, whose camera shows a file and is given to every page that asks."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-dev-shm-usage",
        f"--user-data-dir={profile}",
        f"--window-size={size[0]},{size[1]}",
        *(["--force-dark-mode"] if dark else []),
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def wait_until(what, timeout_s, every_s=0.1):
    """What a function gives once that is true; the seconds that it took."""
    start_s = time.monotonic()
    while time.monotonic() - start_s < timeout_s:
        value = what()
        if value:
            return value, time.monotonic() - start_s
        time.sleep(every_s)
    raise AssertionError(f"nothing after {timeout_s} s")


def real_face():
    """The one real recording whose rate is known, where it lies beside the project; or None."""
    path = Path(__file__).parents[2] / "shared" / "data" / "evm_face.mp4"
    return path if path.exists() else None
