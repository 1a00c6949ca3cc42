import hashlib
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rfacenet.errors import SettingsError, WeightsError
from rfacenet.models import InputSpec, PulseModel, build, import_weights, registry, save_model
from rfacenet.models.needs import InputNeeds

SPEC = InputSpec(8, 16, 16, 30.0, "diff_normalized", "difference")
SMALL = {"width": 8}
Tensors = dict[str, Tensor]


def stirred(network: nn.Module) -> nn.Module:
    """With other numbers in every tensor, so that no two could be exchanged unnoticed."""
    generator = torch.Generator().manual_seed(1)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(0.1 + torch.rand(tensor.shape, generator=generator))
    return network.eval()


@pytest.fixture
def physnet() -> nn.Module:
    return stirred(build("physnet", **SMALL))


# PhysNet's layers in its order, as the authors' code names them: a convolution (.0) and a norm (.1) in each
# block but the last.
BLOCKS = [*(f"ConvBlock{number}" for number in range(1, 10)), "upsample", "upsample2"]


def as_others(network: nn.Module) -> Tensors:
    """A PhysNet's tensors by the names of another project, without batch norms' counters."""
    layers = [f"{block}.{place}" for block in BLOCKS for place in (0, 1)] + ["ConvBlock10"]
    tensors = network.state_dict()
    ours = dict.fromkeys(name.rpartition(".")[0] for name in tensors)
    names = dict(zip(ours, layers, strict=True))
    return {
        f"{names[layer]}.{kind}": tensor
        for name, tensor in tensors.items()
        for layer, _, kind in [name.rpartition(".")]
        if kind != "num_batches_tracked"
    }


def saved(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def importing(path: Path, **settings: Any) -> tuple[PulseModel, Any]:
    return import_weights(path, "physnet", {**SMALL, **settings}, SPEC)


def assert_equal_tensors(network: nn.Module, expected: Tensors) -> None:
    for name, tensor in network.state_dict().items():
        assert name.endswith("num_batches_tracked") or torch.equal(tensor, expected[name]), name


def assert_same(model: PulseModel, network: nn.Module) -> None:
    """Tensor for tensor, and so wave for wave."""
    assert_equal_tensors(model.network, network.state_dict())
    pixels = torch.randint(0, 256, (1, 3, 8, 16, 16), dtype=torch.uint8)
    assert torch.equal(model(pixels), PulseModel(network, SPEC)(pixels))


@pytest.mark.parametrize("old_format", [False, True])
def test_a_physnet_by_other_names_gives_the_same_wave(
    tmp_path: Path, physnet: nn.Module, old_format: bool
) -> None:
    options = {"_use_new_zipfile_serialization": not old_format}
    path = saved(tmp_path / "theirs.pth", as_others(physnet), **options)
    model, report = importing(path)
    assert_same(model, physnet)
    assert not model.training
    assert (len(report.matches), report.in_step) == (23, True)
    found = {match.theirs: match for match in report.matches}
    assert (found["ConvBlock1.0"].ours, found["ConvBlock1.0"].told_by) == ("stages.0.0.0", "shape")
    assert found["ConvBlock1.0"].shape == (2, 3, 1, 5, 5)
    assert (found["upsample2.1"].ours, found["ConvBlock7.0"].told_by) == ("decoder.4.1", "order")
    assert "Only their order told" in report.summary
    assert hashlib.sha256(path.read_bytes()).hexdigest() in report.provenance
    assert "theirs.pth" in report.provenance


@pytest.mark.parametrize("prefix", ["", "module.", "model.module.", "_orig_mod."])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_own_names_decide_whatever_the_order_and_the_prefix(
    tmp_path: Path, physnet: nn.Module, prefix: str, ending: str
) -> None:
    tensors = {prefix + name: tensor for name, tensor in reversed(physnet.state_dict().items())}
    path = tmp_path / f"weights{ending}"
    save_file(tensors, path) if ending == ".safetensors" else torch.save(tensors, path)
    model, report = importing(path)
    assert_same(model, physnet)
    assert {match.told_by for match in report.matches} == {"name"}
    assert "network's own names" in report.summary


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda tensors: {"state_dict": tensors, "epoch": 3, "optimizer": {"state": {0: tensors}}},
        lambda tensors: {"model": tensors, "loss": torch.zeros(())},
        lambda tensors: {"model_state_dict": {f"module.{name}": t for name, t in tensors.items()}},
        lambda tensors: {"net": {"state_dict": tensors}},
        lambda tensors: {"epoch": 3, **tensors},
        lambda tensors: {name: nn.Parameter(tensor) for name, tensor in tensors.items()},
        lambda tensors: {name: tensor.double() for name, tensor in tensors.items()},
    ],
)
def test_checkpoints_of_training_loops_are_opened(
    tmp_path: Path, physnet: nn.Module, wrapped: Callable[[Tensors], Any]
) -> None:
    model, _ = importing(saved(tmp_path / "last.ckpt", wrapped(as_others(physnet))))
    assert_same(model, physnet)


def test_rfacenet_by_other_names(tmp_path: Path) -> None:
    settings = {"width": 8, "identity_width": 4, "n_identities": 3}
    network = stirred(build("rfacenet", **settings))
    path = saved(tmp_path / "w.pt", {f"model.{name}": t for name, t in network.state_dict().items()})
    model, report = import_weights(path, "rfacenet", settings, SPEC)
    assert {match.told_by for match in report.matches} == {"name"}
    renamed = {
        name.replace("pulse_branch", "rppg").replace("combiner.", "").replace("identity_branch.1", "cnn"): t
        for name, t in network.state_dict().items()
    }
    model, _ = import_weights(saved(path, renamed), "rfacenet", settings, SPEC)
    assert_same(model, network)


def test_narrow_numbers_are_widened(tmp_path: Path, physnet: nn.Module) -> None:
    tensors = {name: tensor.half() for name, tensor in as_others(physnet).items()}
    model, _ = importing(saved(tmp_path / "half.pth", tensors))
    assert_same(model, physnet.half().float())


class TestAlikeLayers:
    """Layers of one shape, registered in another order than ours."""

    def test_norms_after_all_convolutions(self, tmp_path: Path, physnet: nn.Module) -> None:
        tensors = as_others(physnet)
        norms = {name: tensor for name, tensor in tensors.items() if ".1." in name}
        others = {name: tensor for name, tensor in tensors.items() if name not in norms}
        model, report = importing(saved(tmp_path / "w.pth", {**others, **norms}))
        assert_same(model, physnet)
        assert not report.in_step
        assert "though the file's order is not the network's" in report.summary

    def test_kinds_in_another_order(self, tmp_path: Path, physnet: nn.Module) -> None:
        """Each kind by itself: biases of norms and convolutions side by side."""
        tensors = sorted(as_others(physnet).items(), key=lambda item: item[0].rpartition(".")[2])
        model, _ = importing(saved(tmp_path / "w.pth", dict(tensors)))
        assert_same(model, physnet)

    def test_norms_go_with_the_convolution_before_them(self, tmp_path: Path, physnet: nn.Module) -> None:
        """The decoder before the encoder: in bare order its norms would change places with the encoder's."""
        tensors = as_others(physnet)
        decoder = {name: tensor for name, tensor in tensors.items() if name.startswith("upsample")}
        first = {name: tensors.pop(name) for name in list(tensors) if name.startswith("ConvBlock1.")}
        model, report = importing(saved(tmp_path / "w.pth", {**first, **decoder, **tensors}))
        assert_same(model, physnet)
        assert "neighbour" in {match.told_by for match in report.matches}

    def test_other_norms_may_come_before_their_layer(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As a transformer's do. Its authors may register them behind it: their neighbours would deceive."""
        monkeypatch.setitem(registry._NETWORKS, "normed", Normed)
        tensors = stirred(Normed()).state_dict()
        order = {"inlet": "0", "mix": "2", "norm1": "1", "spread": "4", "norm2": "3"}
        theirs = {
            f"{their}.{name.rpartition('.')[2]}": tensor
            for their, our in order.items()
            for name, tensor in tensors.items()
            if name.startswith(f"layers.{our}.")
        }
        model, _ = import_weights(saved(tmp_path / "w.pth", theirs), "normed", {}, SPEC)
        assert_equal_tensors(model.network, tensors)

    def test_words_tell_two_branches_apart(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(registry._NETWORKS, "twins", Twins)
        tensors = Twins().state_dict()
        theirs = {
            **{f"motion_conv{i + 1}.{kind}": tensors[f"motion.{i}.{kind}"] for i, kind in PARTS},
            **{f"apperance_conv{i + 1}.{kind}": tensors[f"appearance.{i}.{kind}"] for i, kind in PARTS},
        }
        model, report = import_weights(saved(tmp_path / "w.pth", theirs), "twins", {}, SPEC)
        assert_equal_tensors(model.network, tensors)
        assert {match.told_by for match in report.matches} == {"order"}  # within each branch

        less = {name: tensor for name, tensor in theirs.items() if "2" not in name}
        monkeypatch.setattr(Twins, "depth", 1)
        file = tmp_path / "w.safetensors"
        save_file({name: tensor.clone() for name, tensor in less.items()}, file)
        _, report = import_weights(file, "twins", {}, SPEC)
        assert {match.told_by for match in report.matches} == {"words"}
        assert "shapes and words" in report.summary

    def test_a_file_without_order_is_refused(self, tmp_path: Path, physnet: nn.Module) -> None:
        save_file(as_others(physnet), tmp_path / "w.safetensors")
        with pytest.raises(
            WeightsError, match=r"'ConvBlock3\.1' and 'ConvBlock4\.1' have the same shape, and a "
        ):
            importing(tmp_path / "w.safetensors")


PARTS = [(i, kind) for i in range(2) for kind in ("weight", "bias")]


class Twins(nn.Module):
    """Two branches of equal layers, and the one first that other projects have second."""

    @dataclass(frozen=True)
    class Config:
        pass

    depth: ClassVar = 2
    needs = InputNeeds(normalisation="standardized", label_form="wave", appearance=True)

    def __init__(self, config: Any = None) -> None:
        super().__init__()
        self.config = config or self.Config()
        self.appearance = nn.Sequential(*(nn.Conv3d(3, 3, 1) for _ in range(self.depth)))
        self.motion = nn.Sequential(*(nn.Conv3d(3, 3, 1) for _ in range(self.depth)))

    def forward(self, clip: Tensor) -> Tensor:
        return (self.motion(clip[:, :3]) * self.appearance(clip[:, 3:])).mean((1, 3, 4))


class Normed(nn.Module):
    """Layers with a norm before each."""

    Config = Twins.Config
    needs = InputNeeds()

    def __init__(self, config: Any = None) -> None:
        super().__init__()
        self.config = config or self.Config()
        plain, biased = nn.Linear(3, 3, bias=False), nn.Linear(3, 3)
        norms = nn.LayerNorm(3), nn.LayerNorm(3)
        self.layers = nn.Sequential(plain, norms[0], biased, norms[1], nn.Linear(3, 3, bias=False))

    def forward(self, clip: Tensor) -> Tensor:
        return self.layers(clip.mean((3, 4)).mT).mean(2)


def test_what_the_network_needs_overrules_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._NETWORKS, "twins", Twins)
    path = saved(tmp_path / "w.pth", Twins().state_dict())
    spec = import_weights(path, "twins")[0].input_spec
    assert spec == InputSpec(128, 72, 72, 30.0, "standardized", "wave", appearance=True)


class TestRefusals:
    def refuse(self, path: Path, message: str, **settings: Any) -> None:
        with pytest.raises(WeightsError, match=message) as caught:
            importing(path, **settings)
        text = str(caught.value)
        assert "\n" not in text and text.endswith(".")

    @pytest.mark.parametrize("ending", ["pth", "safetensors"])
    def test_no_such_file(self, tmp_path: Path, ending: str) -> None:
        self.refuse(tmp_path / f"gone.{ending}", "cannot be read: there is no such file")
        (tmp_path / f"folder.{ending}").mkdir()
        self.refuse(tmp_path / f"folder.{ending}", "cannot be read")

    @pytest.mark.parametrize("kept", [0.0, 0.001, 0.01, 0.5, 0.999])
    @pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
    def test_cut_off(self, tmp_path: Path, physnet: nn.Module, kind: str, kept: float) -> None:
        path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
        if kind == "safetensors":
            save_file(physnet.state_dict(), path)
        else:
            saved(path, physnet.state_dict(), _use_new_zipfile_serialization=kind == "zip")
        path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
        self.refuse(path, "cannot be read|holds code" if kind == "old" else "cannot be read")

    @pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
    def test_code_is_named_and_not_run(self, tmp_path: Path, options: dict[str, bool]) -> None:
        content = {"state_dict": {"w": torch.zeros(2)}, "more": Code(tmp_path / "ran")}
        self.refuse(
            saved(tmp_path / "w.pth", content, **options),
            r"w\.pth holds code \(\w+\.mkdir\), and nothing of it was run; get its state dict",
        )
        assert not (tmp_path / "ran").exists()

    def test_other_pickles_are_not_opened(self, tmp_path: Path) -> None:
        path = tmp_path / "w.pth"
        for protocol in (2, 4):
            path.write_bytes(pickle.dumps(Code(tmp_path / "ran"), protocol))
            self.refuse(path, "plain pickle, which may hold code; nothing of it was run")
        path.write_bytes(pickle.dumps(Code(tmp_path / "ran"), 0))
        self.refuse(path, "no file of PyTorch")
        assert not (tmp_path / "ran").exists()

    @pytest.mark.filterwarnings("ignore:.*torch.jit")
    def test_whole_modules_and_programs_are_code(self, tmp_path: Path) -> None:
        path = saved(tmp_path / "w.pth", nn.Linear(2, 2))
        self.refuse(path, r"holds code \(torch\.nn\.modules\.linear\.Linear\)")
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)
        self.refuse(path, r"holds code \(TorchScript\)")

    def test_no_tensors(self, tmp_path: Path) -> None:
        path = tmp_path / "w.pth"
        endless: dict[str, Any] = {"epoch": 3}
        endless["model"] = endless
        for content, found in (
            ({"state_dict": {"epoch": 3, "best": 0.5}}, "no tensors .*, but 'epoch', 'best'"),
            ({"weights": {"more": {"w": torch.zeros(2)}}}, "no tensors .*, but 'weights'"),
            ([torch.zeros(2)], "but nothing with a name"),
            (endless, "but 'epoch', 'model'"),
        ):
            self.refuse(saved(path, content), found)
        path.write_text("<!DOCTYPE html>" * 20)
        self.refuse(path, "no file of PyTorch")

    def test_tensors_without_plain_numbers(self, tmp_path: Path, physnet: nn.Module) -> None:
        tensors = as_others(physnet)
        name = "ConvBlock2.1.running_var"
        for odd, message in (
            (torch.ones(4, dtype=torch.int64), f"'{name}' holds int64 where float32 belongs"),
            (torch.full((4,), torch.nan), f"'{name}' holds values that are no finite numbers"),
            (torch.ones(4, device="meta"), "no plain tensor"),
            (torch.ones(4).to_sparse(), "no plain tensor"),
        ):
            self.refuse(saved(tmp_path / "w.pth", {**tensors, name: odd}), message)

    def test_what_is_left_over_is_named(self, tmp_path: Path, physnet: nn.Module) -> None:
        path, tensors = tmp_path / "w.pth", as_others(physnet)
        more = {**tensors, "head.weight": torch.zeros(5, 8), "tail.weight": torch.zeros(5, 8)}
        self.refuse(
            saved(path, more),
            r"does not fit physnet: there is no place for 'head' \(weight 5×8\) and 1 more; another",
        )
        less = {name: tensor for name, tensor in tensors.items() if name != "ConvBlock4.1.bias"}
        self.refuse(
            saved(path, less),
            r"no place for 'ConvBlock4\.1' \(running_mean 8, .*\), and there is nothing for 'decoder\.4\.1' ",
        )

    def test_another_width(self, tmp_path: Path, physnet: nn.Module) -> None:
        path = tmp_path / "w.pth"
        self.refuse(
            saved(path, as_others(physnet)),
            r"no place for 'ConvBlock1\.0' \(bias 2, weight 2×3×1×5×5\) and 19 more, and there is "
            r"nothing for 'stages\.0\.0\.0' \(bias 4,",
            width=16,
        )
        self.refuse(
            saved(path, physnet.state_dict()),
            r"'stages\.0\.0\.0' \(bias 2, .* has the name of 'stages\.0\.0\.0' \(bias 4, .*; other settings",
            width=16,
        )

    def test_a_download_that_broke_off(self, tmp_path: Path, physnet: nn.Module) -> None:
        path = saved(tmp_path / "w.pth", physnet.state_dict())
        whole = path.read_bytes()
        for length in (len(whole) // 2, len(whole) - 10, 500):
            path.write_bytes(whole[:length])
            self.refuse(path, "cannot be read: the file is cut off or damaged")

    def test_another_network(self, tmp_path: Path) -> None:
        tensors = build("rfacenet", width=8, identity_width=4).state_dict()
        self.refuse(saved(tmp_path / "w.pth", tensors), r"no place for 'identity_branch\.1\..* more;")

    def test_a_file_of_ours(self, tmp_path: Path, physnet: nn.Module) -> None:
        path = tmp_path / "w.safetensors"
        save_model(path, PulseModel(physnet, SPEC), licence="MIT", provenance="")
        self.refuse(path, "is a weights file of rfacenet already")

    def test_wrong_settings(self, tmp_path: Path, physnet: nn.Module) -> None:
        path = saved(tmp_path / "w.pth", physnet.state_dict())
        for network, settings, message in (
            ("physnets", {}, "did you mean 'physnet'"),
            ("physnet", {"depth": 3}, "has no setting 'depth'"),
            ("physnet", {"name": "x"}, "has no setting 'name'"),
            ("physnet", {"width": "wide"}, "must be a whole number"),
        ):
            with pytest.raises(SettingsError, match=message):
                import_weights(path, network, settings, SPEC)
        with pytest.raises(SettingsError, match="would work"):
            import_weights(path, "physnet", SMALL, InputSpec(10, 16, 16, 30.0, "raw", "wave"))


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)
