"""Reading sounds: the one place where audio bytes from outside are opened.

WAV with whole-number samples is read by the standard library; MP3, FLAC, Ogg and other WAV need the extra `media`.
Whatever comes is bounded in bytes before it is read, and in time while it is.
"""

from __future__ import annotations

import hashlib
import io
import sys
import wave
from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..domain.errors import InvalidMedia
from ..domain.media import Media
from .kinds import check_name, sniff
from .opening import library, opened

FORMATS = {"audio/wav": "WAV", "audio/mpeg": "MP3", "audio/flac": "FLAC", "audio/ogg": "Ogg"}
_MOST_CHANNELS = 8
_RATES = range(1_000, 384_001)
_ZEROS = 16  # zero crossings of the filter on each side
_STREAMED = 0xFFFF_0000  # bytes that the header of a stream claims, for nobody knew them when it was written
_AT_ONCE = 65_536  # samples resampled in one go


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused."""

    max_bytes: int = 30_000_000
    max_seconds: float = 600.0
    max_samples: int = 60_000_000  # of all channels: ten minutes of stereo at 48,000 a second


class Clip(NamedTuple):
    """A decoded sound.

    Attributes:
        rate: Samples a second.
        samples: [n, channels], 16 bits.
    """

    rate: int
    samples: NDArray[np.int16]

    @property
    def seconds(self) -> float:
        """How long it plays, to the millisecond."""
        return round(len(self.samples) / self.rate, 3)

    @property
    def sha256(self) -> str:
        """Hash of rate, channels and samples: equal for the same sound in any lossless form."""
        head = f"audio|{self.rate}x{self.samples.shape[1]}|".encode()
        known = hashlib.sha256(head)
        known.update(np.ascontiguousarray(self.samples, dtype="<i2").data)
        return known.hexdigest()


def decode(data: bytes, *, name: str = "audio", limits: Limits | None = None) -> Clip:
    """Decode one sound to 16 bits at its own rate.

    Args:
        data: The file's bytes.
        name: How errors call it.
        limits: Sizes that are refused.

    Raises:
        InvalidMedia: With the reason and the mend.
        MissingExtra: The format needs the extra `media`.
    """
    limits = limits or Limits()
    mime = sniff(data)
    if not data:
        raise InvalidMedia("the sound is empty", field=name, mend="Send the file's bytes")
    if mime not in FORMATS:
        raise InvalidMedia(
            "the bytes are no sound that is read",
            field=name,
            mend=f"Use one of {', '.join(FORMATS.values())}",
        )
    if len(data) > limits.max_bytes:
        raise InvalidMedia(
            f"the sound has {len(data):,} bytes, more than {limits.max_bytes:,}",
            field=name,
            mend="Cut it or raise SHOTSMITH_MAX_AUDIO_BYTES",
        )
    clip = (_plain_wav(data, name, limits) if mime == "audio/wav" else None) or _decoded(
        data, mime, name, limits
    )
    if not len(clip.samples):
        raise InvalidMedia("the sound has no samples", field=name, mend="Export it again from its source")
    return clip


def inspect(data: bytes, *, name: str = "audio", limits: Limits | None = None) -> Media:
    """Check a sound and describe it as a media part that carries its bytes.

    Raises:
        InvalidMedia: As `decode` does, and for a file name that contradicts the content.
        MissingExtra: The format needs the extra `media`.
    """
    clip = decode(data, name=name, limits=limits)
    mime = sniff(data)
    check_name(name, mime)
    return Media(
        kind="audio",
        sha256=hashlib.sha256(data).hexdigest(),
        mime=mime,
        size=len(data),
        width=0,
        height=0,
        pixel_sha256=clip.sha256,
        dhash="",
        data=data,
        seconds=clip.seconds,
    )


def to_wav(clip: Clip) -> bytes:
    """A sound as 16-bit PCM WAV; equal sounds give equal bytes."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(clip.samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(clip.rate)
        writer.writeframes(clip.samples.astype("<i2", copy=False).tobytes())
    return file.getvalue()


def mono(clip: Clip) -> Clip:
    """The mean of all channels."""
    if clip.samples.shape[1] == 1:
        return clip
    mixed = np.rint(clip.samples.mean(axis=1, dtype=np.float64))
    return Clip(clip.rate, mixed.astype(np.int16)[:, None])


def resampled(clip: Clip, rate: int) -> Clip:
    """The same sound with so many samples a second: a Hann-windowed sinc of 16 zero crossings, low-pass where it must.

    See J. O. Smith, Digital Audio Resampling, https://ccrma.stanford.edu/~jos/resample/.
    """
    if clip.rate == rate:
        return clip
    common = gcd(clip.rate, rate)
    up, down = rate // common, clip.rate // common
    count = -(-len(clip.samples) * up // down)
    cutoff = min(1.0, up / down)
    reach = int(np.ceil(_ZEROS / cutoff))
    padded = np.pad(clip.samples.astype(np.float64), ((reach, reach + 1), (0, 0)))
    offsets = np.arange(-reach, reach + 1)
    made = np.empty((count, clip.samples.shape[1]), dtype=np.int16)
    for start in range(0, count, _AT_ONCE):
        places = np.arange(start, min(start + _AT_ONCE, count), dtype=np.int64) * down
        whole, part = places // up, (places % up) / up
        distance = offsets[None, :] - part[:, None]
        window = np.where(np.abs(distance) < reach, 0.5 + 0.5 * np.cos(np.pi * distance / reach), 0.0)
        weights = cutoff * np.sinc(cutoff * distance) * window
        near = padded[whole[:, None] + offsets[None, :] + reach]
        values = np.einsum("nk,nkc->nc", weights, near)
        made[start : start + len(places)] = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
    return Clip(rate, made)


def _plain_wav(data: bytes, name: str, limits: Limits) -> Clip | None:
    """WAV of whole numbers; None for what the standard library does not read."""
    try:
        with wave.open(io.BytesIO(data), "rb") as reader:
            channels, width, rate = reader.getnchannels(), reader.getsampwidth(), reader.getframerate()
            _check(rate, channels, name)
            claimed, frame = reader.getnframes(), channels * width
            if claimed * frame < _STREAMED:
                _check_length(claimed, rate, channels, name, limits)
            raw = reader.readframes(claimed)
    except wave.Error as error:
        if "unknown format" in str(error):
            return None
        raise _damaged(name, str(error)) from None
    except (EOFError, OverflowError, ZeroDivisionError, RuntimeError) as error:
        raise _damaged(name, str(error) or "it ends too early") from None
    if width not in (1, 2, 3, 4):
        raise _damaged(name, f"{width} bytes a sample")
    if claimed * frame >= _STREAMED:
        raw = raw[: len(raw) // frame * frame]
        _check_length(len(raw) // frame, rate, channels, name, limits)
    elif len(raw) < claimed * frame:
        raise _damaged(name, f"{claimed:,} samples are told, fewer are there")
    if sys.byteorder == "big" and width == 2:  # the standard library swaps bytes there
        raw = np.frombuffer(raw, dtype=">i2").astype("<i2").tobytes()
    numbers = np.frombuffer(raw, dtype=np.uint8).reshape(-1, width)
    if width == 1:
        values = (numbers[:, 0].astype(np.int16) - 128) << 8
    else:
        # The two highest bytes, as every decoder shortens samples.
        values = np.ascontiguousarray(numbers[:, -2:]).view("<i2")[:, 0].astype(np.int16)
    return Clip(rate, values.astype(np.int16).reshape(-1, channels))


def _decoded(data: bytes, mime: str, name: str, limits: Limits) -> Clip:
    av = library(name, mime)
    with opened(data, mime, name) as container:
        if not container.streams.audio:
            raise InvalidMedia("the file has no sound in it", field=name, mend="Send a sound")
        stream = container.streams.audio[0]
        rate, channels = stream.rate, stream.channels
        _check(rate, channels, name)
        resampler = av.AudioResampler(format="s16", layout=stream.layout, rate=rate)
        pieces: list[NDArray[np.int16]] = []
        count = 0
        for frame in container.decode(stream):
            for piece in resampler.resample(frame):
                pieces.append(piece.to_ndarray().reshape(-1, channels))
                count += piece.samples
            _check_length(count, rate, channels, name, limits)
        pieces += [piece.to_ndarray().reshape(-1, channels) for piece in resampler.resample(None)]
    empty = np.empty((0, channels), dtype=np.int16)
    return Clip(rate, np.concatenate([empty, *pieces]))


def _check(rate: int, channels: int, name: str) -> None:
    if rate not in _RATES or not 1 <= channels <= _MOST_CHANNELS:
        raise InvalidMedia(
            f"the sound has {channels} channels of {rate:,} samples a second",
            field=name,
            mend=f"Use up to {_MOST_CHANNELS} channels of {_RATES[0]:,} to {_RATES[-1]:,}",
        )


def _check_length(count: int, rate: int, channels: int, name: str, limits: Limits) -> None:
    if count * channels > limits.max_samples:
        raise InvalidMedia(
            f"the sound has more than {limits.max_samples:,} samples",
            field=name,
            mend="Cut it, or use fewer channels or samples a second",
        )
    if count / rate > limits.max_seconds:
        raise InvalidMedia(
            f"the sound plays longer than {limits.max_seconds:g} seconds",
            field=name,
            mend="Cut it or raise SHOTSMITH_MAX_AUDIO_SECONDS",
        )


def _damaged(name: str, why: str) -> InvalidMedia:
    return InvalidMedia(
        f"the WAV is damaged or truncated: {why}", field=name, mend="Export it again from its source"
    )
