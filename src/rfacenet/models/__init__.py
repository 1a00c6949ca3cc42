"""The networks, their input and their weights."""

from rfacenet.models.autohr import AutoHR, AutoHRConfig
from rfacenet.models.cvd import CVD, CVDConfig, CVDOutput
from rfacenet.models.deepphys import DeepPhys, DeepPhysConfig
from rfacenet.models.dual_gan import DualGAN, DualGANConfig, DualGANOutput
from rfacenet.models.efficientphys import EfficientPhys, EfficientPhysConfig
from rfacenet.models.fusion import fuse_batch_norms, optimise_for_inference
from rfacenet.models.grad_cam import GradCam, grad_cam
from rfacenet.models.i3d import I3D, I3DConfig
from rfacenet.models.importing import ImportReport, import_weights
from rfacenet.models.inputs import CROSS_DATASET_INPUT, VIPL_HR_INPUT, InputSpec, PulseModel, RateOutput
from rfacenet.models.nashr import NASHR, NASHRConfig
from rfacenet.models.physformer import PhysFormer, PhysFormerConfig
from rfacenet.models.physformerpp import (
    PhysFormerPlusPlus,
    PhysFormerPlusPlusConfig,
    PhysFormerPlusPlusOutput,
)
from rfacenet.models.physnet import PhysNet, PhysNetConfig
from rfacenet.models.registry import build, list_models
from rfacenet.models.rfacenet import RFaceNet, RFaceNetConfig, RFaceNetOutput
from rfacenet.models.rhythmnet import RhythmNet, RhythmNetConfig, RhythmNetOutput
from rfacenet.models.stattention import STAttention, STAttentionConfig
from rfacenet.models.tscan import TSCAN, TSCANConfig
from rfacenet.models.weights import WeightsCard, load_model, read_card, save_model

__all__ = [
    "CROSS_DATASET_INPUT",
    "CVD",
    "I3D",
    "NASHR",
    "TSCAN",
    "VIPL_HR_INPUT",
    "AutoHR",
    "AutoHRConfig",
    "CVDConfig",
    "CVDOutput",
    "DeepPhys",
    "DeepPhysConfig",
    "DualGAN",
    "DualGANConfig",
    "DualGANOutput",
    "EfficientPhys",
    "EfficientPhysConfig",
    "GradCam",
    "I3DConfig",
    "ImportReport",
    "InputSpec",
    "NASHRConfig",
    "PhysFormer",
    "PhysFormerConfig",
    "PhysFormerPlusPlus",
    "PhysFormerPlusPlusConfig",
    "PhysFormerPlusPlusOutput",
    "PhysNet",
    "PhysNetConfig",
    "PulseModel",
    "RFaceNet",
    "RFaceNetConfig",
    "RFaceNetOutput",
    "RateOutput",
    "RhythmNet",
    "RhythmNetConfig",
    "RhythmNetOutput",
    "STAttention",
    "STAttentionConfig",
    "TSCANConfig",
    "WeightsCard",
    "build",
    "fuse_batch_norms",
    "grad_cam",
    "import_weights",
    "list_models",
    "load_model",
    "optimise_for_inference",
    "read_card",
    "save_model",
]
