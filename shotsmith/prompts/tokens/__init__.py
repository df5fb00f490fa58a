"""Token estimates in the model's own units, corrected by what its provider reports."""

from .calibration import Calibration
from .estimate import (
    Tokens,
    estimate,
    features_of,
    message_features,
    part_tokens,
    parts_features,
    sound_tokens,
    tokens,
    video_tokens,
)
from .features import Features
from .images import Detail, image_tokens, provider_size
from .learning import Calibrations, CalibrationStore
from .text import text_tokens

__all__ = [
    "Calibration",
    "CalibrationStore",
    "Calibrations",
    "Detail",
    "Features",
    "Tokens",
    "estimate",
    "features_of",
    "image_tokens",
    "message_features",
    "part_tokens",
    "parts_features",
    "provider_size",
    "sound_tokens",
    "text_tokens",
    "tokens",
    "video_tokens",
]
