"""Sounds as they are sent: unchanged where a model can take them so, otherwise as WAV."""

from __future__ import annotations

from typing import Literal

from ..domain.messages import AudioPart
from ..media import sniff, sounds

Form = Literal["kept", "speech"]

# Raised when the rule below changes what comes out, as in `images`.
_RULE = 1
#: What chat models take: https://platform.openai.com/docs/guides/audio
SENT = ("audio/wav", "audio/mpeg")
#: What most speech models are trained on; higher tones tell them nothing.
SPEECH_RATE = 16_000


def spec_key(form: Form) -> str:
    """The key under which a caller keeps the result of `prepare` for a source: equal keys, equal treatment."""
    return f"audio-{_RULE}-{form}"


def prepare(data: bytes, *, form: Form, seconds: float, limits: sounds.Limits | None = None) -> AudioPart:
    """The sound as a model receives it. Pure: equal arguments give equal bytes.

    Args:
        data: A sound in a format that `sounds.decode` reads.
        form: "kept" passes WAV and MP3 unchanged and makes WAV of anything else, at its own rate; "speech" makes WAV
            of one channel and 16,000 samples a second, unless it is that already.
        seconds: How long it plays.
        limits: What is refused.

    Raises:
        InvalidMedia: When the bytes cannot be decoded.
        MissingExtra: The format needs the extra `media`.
    """
    mime = sniff(data)
    if form == "kept" and mime in SENT:
        return AudioPart(data, mime, seconds)
    clip = sounds.decode(data, limits=limits)
    if form == "speech":
        clip = sounds.resampled(sounds.mono(clip), SPEECH_RATE)
    return AudioPart(sounds.to_wav(clip), "audio/wav", seconds)
