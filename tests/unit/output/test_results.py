import csv
import json

import numpy as np
import pytest

from rfacenet.errors import OutputError
from rfacenet.inference.estimator import unreadable
from rfacenet.inference.settings import EstimateSettings
from rfacenet.output.charts import Chart, nice_ticks
from rfacenet.output.files import write_text
from rfacenet.output.report import as_html
from rfacenet.output.results import as_csv, as_json
from rfacenet.types import Estimate, PulseWave, Variability, WindowEstimate


@pytest.fixture
def estimate():
    wave = np.sin(np.arange(300) / 4)
    wave[100:130] = np.nan
    windows = (WindowEstimate(0, 8, 71.5, 0.9), WindowEstimate(1, 9, None, 0.2))
    return Estimate(
        video='a "b" <c>.mp4',
        method="pos",
        heart_rate_bpm=71.456,
        quality=0.87,
        reason=None,
        duration_s=9.97,
        fs_hz=30.0,
        windows=windows,
        bvp=PulseWave(30.0, wave),
        variability=Variability(840.0, 40.0, 30.0, 12),
        face_share=0.9,
        notes=("The face was seen in 90% of the frames.",),
        crop=np.full((8, 8, 3), 120, np.uint8),
    )


def test_json_has_the_documented_fields_and_is_valid(estimate):
    content = json.loads(as_json([estimate]))
    assert content["heart_rate_bpm"] == 71.46
    assert content["windows"][1] == {"start_s": 1.0, "end_s": 9.0, "heart_rate_bpm": None, "quality": 0.2}
    assert len(content["bvp"]["t_s"]) == len(content["bvp"]["value"]) == 300
    assert content["bvp"]["value"][110] is None  # a gap; NaN would not be JSON
    assert isinstance(json.loads(as_json([estimate, estimate])), list)


def test_csv_has_a_row_for_the_video_and_each_window(estimate):
    rows = list(csv.DictReader(as_csv([estimate]).splitlines()))
    assert [row["span"] for row in rows] == ["video", "window", "window"]
    assert rows[0]["heart_rate_bpm"] == "71.46"
    assert rows[2]["heart_rate_bpm"] == ""
    assert rows[0]["video"] == estimate.video


def test_report_is_one_page_without_anything_from_outside(estimate):
    failed = unreadable("bad.mp4", "pos", OutputError("It is <broken>."))
    page = as_html([estimate, failed], EstimateSettings())
    assert "71.5" in page
    assert "It is &lt;broken&gt;." in page
    assert "<c>" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") == 3
    assert page.count("<polyline") == 3  # the wave in two pieces, and the spectrum
    assert "data:image/png;base64" in page


def test_chart_breaks_its_line_where_there_is_nothing():
    chart = Chart("t", "x", "y", (0, 10), (-1, 1))
    chart.line(np.arange(10.0), np.array([0, 1, np.nan, 0, 1, 1, np.nan, 0, np.nan, 1.0]))
    assert chart.svg().count("<polyline") == 2
    assert nice_ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    target = tmp_path / "out.json"
    write_text(target, "old")
    with pytest.raises(OutputError, match="no folder"):
        write_text(tmp_path / "nowhere" / "x.json", "new")
    with pytest.raises(OutputError, match="is a folder"):
        write_text(tmp_path, "new")

    def full_disk(self, _):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
