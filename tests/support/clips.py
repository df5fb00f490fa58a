"""Sounds and videos for tests, made on the spot: short, distinct and reproducible."""

from __future__ import annotations

import io
import wave
from fractions import Fraction

import numpy as np
from pictures import picture
from PIL import Image

RATE = 8_000


def samples(seed: int, *, seconds: float = 0.25, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """[n, channels] of 16 bits: two tones and some noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    tones = [np.sin(2 * np.pi * (200 + 37 * (seed % 20) + 90 * one) * time) for one in range(channels)]
    noise = rng.normal(0, 0.02, (len(time), channels))
    return np.rint((0.5 * np.stack(tones, axis=1) + noise) * 20_000).astype(np.int16)


def wav(values: np.ndarray, rate: int = RATE) -> bytes:
    """16-bit PCM WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(values.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(values.astype("<i2").tobytes())
    return file.getvalue()


def clip(seed: int, **how: float) -> bytes:
    """A short WAV."""
    return wav(samples(seed, **how), int(how.get("rate", RATE)))


def packed(values: np.ndarray, codec: str, container: str, rate: int = RATE) -> bytes:
    """The same sound coded with PyAV."""
    import av

    layout = "mono" if values.shape[1] == 1 else "stereo"
    file = io.BytesIO()
    with av.open(file, "w", format=container) as box:
        stream = box.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(values.reshape(1, -1)), format="s16", layout=layout
        )
        frame.sample_rate = rate
        fitting = av.AudioResampler(
            format=stream.codec_context.format, layout=layout, rate=rate, frame_size=stream.frame_size or 1024
        )
        for piece in [*fitting.resample(frame), *fitting.resample(None)]:
            box.mux(stream.encode(piece))
        box.mux(stream.encode(None))
    return file.getvalue()


def film(
    seed: int, *, frames: int = 20, rate: int = 10, side: int = 48, container: str = "mp4", keys: int = 10
) -> bytes:
    """A video whose n-th picture has the n-th of twelve hues, coded with MPEG-4 part 2 or VP8."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=container) as box:
        stream = box.add_stream("libvpx" if container == "webm" else "mpeg4", rate=rate)
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = keys
        stream.bit_rate = 2_000_000
        for number in range(frames):
            shown = av.VideoFrame.from_image(picture(seed + number, hue=number % 12, side=side))
            shown.pts, shown.time_base = number, Fraction(1, rate)
            box.mux(stream.encode(shown))
        box.mux(stream.encode(None))
    return file.getvalue()


def repacked(data: bytes, container: str) -> bytes:
    """The same coded pictures in another container."""
    import av

    file = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(file, "w", format=container) as box:
        taken = source.streams.video[0]
        given = box.add_stream_from_template(taken)
        for packet in source.demux(taken):
            if packet.dts is not None:
                packet.stream = given
                box.mux(packet)
    return file.getvalue()


def hue_of(shown: Image.Image) -> int:
    """Which of the twelve hues of `pictures.picture` this is nearest to."""
    mean = np.asarray(shown.convert("RGB").resize((8, 8)).convert("HSV"), dtype=float)[..., 0]
    angle = np.angle(np.exp(2j * np.pi * mean / 256).mean()) / (2 * np.pi) * 256 % 256
    return min(range(12), key=lambda hue: min(abs(hue * 21 - angle), 256 - abs(hue * 21 - angle)))
