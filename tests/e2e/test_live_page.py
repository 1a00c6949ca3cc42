"""The page, in a browser, before a camera that shows a face with a known pulse."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from browser import browser, needs_browser, real_face, service, wait_until, write_y4m
from rfacenet.faces import crop
from rfacenet.simulation import render_recording
from rfacenet.types import FaceBox
from rfacenet.video import open_video

pytestmark = [needs_browser, pytest.mark.slow]

FIRST_RATE_S = 15.0


@pytest.fixture(scope="module")
def address():
    with service() as (_, address):
        time.sleep(3)  # as long as a person takes to press the button; the detector gets ready meanwhile
        yield address


@pytest.fixture(scope="module")
def simulated_camera(tmp_path_factory):
    recording = render_recording(
        seed=3, duration_s=14, width_px=320, height_px=240, heart_rate_bpm=72, difficulty="easy"
    )
    path = tmp_path_factory.mktemp("camera") / "face.y4m"
    return write_y4m(path, [frame.rgb for frame in recording.frames()])


def element(driver, name):
    return driver.find_element("id", name)


def open_page(driver, address):
    driver.get(address)
    wait_until(lambda: driver.execute_script("return document.documentElement.dataset.ready"), 20)


def first_rate(driver):
    """The first rate that the page shows, and after how many seconds."""
    element(driver, "start").click()
    rate, took_s = wait_until(
        lambda: (text := element(driver, "rate").text) != "–" and text, FIRST_RATE_S + 5
    )
    print(f"first rate {rate} after {took_s:.1f} s")
    return float(rate), took_s


def test_the_page_measures_saves_and_says_when_the_camera_stops(address, simulated_camera, tmp_path):
    with browser(simulated_camera, tmp_path / "profile") as driver:
        downloads = tmp_path / "downloads"
        behaviour = {"behavior": "allow", "downloadPath": str(downloads)}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
        open_page(driver, address)
        assert "Not a medical device" in driver.find_element("tag name", "footer").text
        assert "never leaves this machine" in element(driver, "privacy").text
        check_crops(driver)
        rate, took_s = first_rate(driver)
        assert rate == pytest.approx(72, abs=3)
        assert took_s < FIRST_RATE_S
        wait_until(lambda: element(driver, "box").is_displayed(), 5)
        assert "confidence" in element(driver, "confidence").text
        wait_until(lambda: "beats per minute" in element(driver, "spoken").get_attribute("textContent"), 8)

        element(driver, "save-json").click()
        element(driver, "save-csv").click()
        element(driver, "save-picture").click()
        endings = {".json", ".csv", ".png"}
        wait_until(lambda: {path.suffix for path in downloads.glob("heart-rate-*")} == endings, 10)
        saved = json.loads(next(downloads.glob("*.json")).read_text())
        assert saved["video"] == "camera"
        assert saved["heart_rate_bpm"] == pytest.approx(72, abs=3)
        assert saved["fs_hz"] == pytest.approx(30, abs=3)
        assert next(downloads.glob("*.csv")).read_text().startswith("video,method,span")
        assert next(downloads.glob("*.png")).read_bytes().startswith(b"\x89PNG")

        driver.execute_script("document.getElementById('video').srcObject.getTracks()[0].stop()")
        wait_until(lambda: "The camera stopped" in element(driver, "hint").text, 12)
        assert element(driver, "rate").text == "–"
        assert element(driver, "start").is_displayed()
        # What was measured before can still be saved.
        element(driver, "save-csv").click()
        wait_until(lambda: len(list(downloads.glob("*.csv"))) == 2, 5)
        # Nothing was refused by the page's own policy, nothing failed, and nothing came from elsewhere.
        assert driver.get_log("browser") == []
        loaded = driver.execute_script(
            "return performance.getEntriesByType('resource').map((one) => one.name)"
        )
        assert loaded
        assert all(name.startswith(address) for name in loaded)


def test_the_keyboard_is_never_lost(address, simulated_camera, tmp_path):
    focused = "return document.activeElement.id || document.activeElement.getAttribute('aria-label')"
    from selenium.webdriver import Keys

    with browser(simulated_camera, tmp_path / "profile") as driver:
        open_page(driver, address)
        element(driver, "start").send_keys(Keys.ENTER)
        wait_until(lambda: element(driver, "stop").is_displayed(), 5)
        assert driver.execute_script(focused) == "stop"
        element(driver, "method").send_keys(Keys.ARROW_DOWN)  # begins anew with another method
        wait_until(lambda: driver.execute_script("return stage.dataset.state") == "live", 10)
        assert driver.execute_script(focused) == "method"
        driver.execute_script("document.getElementById('stop').focus()")
        element(driver, "stop").send_keys(Keys.ENTER)
        wait_until(lambda: element(driver, "start").is_displayed(), 12)
        assert driver.execute_script(focused) == "start"
        texts = [tmp_path / name for name in ("a.txt", "b.txt")]
        for text in texts:
            text.write_text("no video")
        element(driver, "files").send_keys("\n".join(map(str, texts)))
        wait_until(
            lambda: element(driver, "job-spoken").get_attribute("textContent").startswith("b.txt: "), 10
        )
        for now_focused in ("Remove b.txt", "files"):
            driver.find_element("css selector", "#jobs button").send_keys(Keys.ENTER)
            assert driver.execute_script(focused) == now_focused


def check_crops(driver):
    """The page cuts out the very pixels that the library would."""
    rng = np.random.default_rng(5)
    rgb = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    rgba = np.concatenate([rgb, np.full((60, 80, 1), 255, np.uint8)], axis=2).ravel().tolist()
    script = """
        const [rgba, boxes, give] = arguments;
        import("/crop.js").then(({ averaged, regionOf }) => {
          const frame = { width: 80, height: 60 };
          give(boxes.map(([x, y, width, height]) => {
            const box = { x, y, width, height }, region = regionOf(box, frame), part = [];
            for (let row = region.y; row < region.y + region.height; row++) {
              const begin = 4 * (row * 80 + region.x);
              part.push(...rgba.slice(begin, begin + 4 * region.width));
            }
            return Array.from(averaged(part, region, box, frame, [12, 10]));
          }));
        });"""
    boxes = [
        [10.3, 5.7, 33.1, 41.9],
        [-8.5, -3.2, 40.0, 50.5],
        [60.0, 30.0, 35.0, 45.0],
        [20.5, 20.5, 6.2, 7.7],
    ]
    for box, values in zip(boxes, driver.execute_async_script(script, rgba, boxes), strict=True):
        expected = crop(rgb, FaceBox(*box), (12, 10))
        # To one level, as one side adds in 32 bits and the other in 64 where it is near a half.
        assert np.abs(np.reshape(values, (12, 10, 3)) - expected.astype(int)).max() <= 1


@pytest.mark.skipif(real_face() is None, reason="the real recording is not here")
def test_a_real_face_is_measured(address, tmp_path):
    with open_video(real_face(), max_side_px=320) as video:
        frames = [frame.rgb for frame in video]
    height, width = (side // 2 * 2 for side in frames[0].shape[:2])
    camera = write_y4m(tmp_path / "face.y4m", [rgb[:height, :width] for rgb in frames])
    with browser(camera, tmp_path / "profile") as driver:
        open_page(driver, address)
        rate, took_s = first_rate(driver)
    assert rate == pytest.approx(52.8, abs=3)
    assert took_s < FIRST_RATE_S


def test_a_video_file_is_measured_by_the_page(address, simulated_camera, person_video, tmp_path):
    with browser(simulated_camera, tmp_path / "profile", size=(390, 844)) as driver:
        open_page(driver, address)
        text = Path(tmp_path / "notes.txt")
        text.write_text("no video")
        offered = [
            option.get_attribute("value")
            for option in element(driver, "method").find_elements("css selector", "option")
        ]
        assert "pos" in offered
        assert "samc" not in offered  # it sees more than the crops that the page sends
        element(driver, "video-method").send_keys("samc")
        element(driver, "files").send_keys(f"{person_video}\n{text}")
        jobs, _ = wait_until(
            lambda: (
                "beats per minute" in (text := element(driver, "jobs").text) and "format" in text and text
            ),
            60,
        )
        assert "8" in jobs
        assert "samc" in jobs
        driver.find_element("link text", "Report").click()
        driver.switch_to.window(driver.window_handles[-1])
        wait_until(lambda: "Pulse wave" in driver.page_source, 10)
        assert driver.find_element("tag name", "svg").is_displayed()
        wide = driver.execute_script("return document.documentElement.scrollWidth <= innerWidth + 1")
        assert wide
        driver.get(f"{address.rstrip('/')}/docs")
        wait_until(lambda: "/api/videos" in element(driver, "operations").text, 5)
        assert "WebSocket" in element(driver, "about").text
