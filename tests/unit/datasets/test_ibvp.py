import numpy as np
import pytest

from rfacenet.datasets.ibvp import IBVP, _bmp
from rfacenet.errors import DatasetError

PICTURE = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)  # rows that must be filled up
HEADER = "BVP,SQPhysMD,SQ1,SQ2,Perfusion_Value\n"


def write(root, name: str, images: list[str], labels: str | None) -> None:
    frames = root / name / f"{name}_rgb"
    frames.mkdir(parents=True)
    for image in images:
        (frames / f"{image}.bmp").write_bytes(_bmp(PICTURE))
    if labels is not None:
        (root / name / f"{name}_bvp.csv").write_text(labels)


def test_names_are_times_or_count_frames(tmp_path, recordings_of, times_of) -> None:
    stamps = ["1679480000000", "1679480000031", "1679480000070"]
    write(tmp_path, "p01_a", stamps, f"{HEADER}0.25,1,1,1,2\n-0.5,0,0,0,2\n")
    write(tmp_path / "Confidential_No-media-use", "p08_d", ["0001", "0002", "0004"], HEADER)
    write(tmp_path, "p02_b", ["0001", "0002"], None)
    found = recordings_of(IBVP)
    assert list(found) == ["p01_a", "p02_b", "p08_d"]
    assert found["p08_d"].subject == "p08"
    assert found["p08_d"].conditions == {"task": "head movement"}
    assert times_of(found["p01_a"]) == pytest.approx([0, 0.031, 0.070])
    assert times_of(found["p08_d"]) == pytest.approx(np.array([0, 1, 3]) / 30)
    with found["p01_a"].open_video(None) as stream:
        np.testing.assert_array_equal(next(iter(stream)).rgb, PICTURE)
    pulse = found["p01_a"].read_reference().pulse
    assert pulse.t_s == pytest.approx([0, 1 / 30])
    assert pulse.value == pytest.approx([0.25, -0.5])
    with pytest.raises(DatasetError, match=r"There is no '.*p02_b_bvp.csv'"):
        found["p02_b"].read_reference()
    with pytest.raises(DatasetError, match="is empty: 0 sample"):
        found["p08_d"].read_reference()


def test_a_wrong_number_is_found_where_it_is(tmp_path, recordings_of) -> None:
    write(tmp_path, "p01_a", [], f"{HEADER}0.25,1,1,1,2\nlost,1,1,1,2\n")
    with pytest.raises(DatasetError, match=r"has 'lost' where numbers should be \(line 3\)"):
        recordings_of(IBVP)["p01_a"].read_reference()
