"""Sounds: what is read, what they are known by, and what is refused before it costs anything."""

from __future__ import annotations

import builtins
import io
import struct
import wave
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from clips import clip, packed, samples, wav
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidMedia, MissingExtra
from shotsmith.media import sniff, sounds

STEREO = samples(3, channels=2)


@pytest.mark.parametrize(
    ("codec", "container", "mime"),
    [
        ("pcm_s16le", "wav", "audio/wav"),
        ("pcm_s24le", "wav", "audio/wav"),
        ("pcm_s32le", "wav", "audio/wav"),
        ("pcm_f32le", "wav", "audio/wav"),
        ("flac", "flac", "audio/flac"),
    ],
)
def test_the_same_samples_are_the_same_sound_however_they_are_packed(
    codec: str, container: str, mime: str
) -> None:
    data = packed(STEREO, codec, container)
    assert sniff(data) == mime
    found = sounds.inspect(data)
    plain = sounds.inspect(wav(STEREO))
    assert found.pixel_sha256 == plain.pixel_sha256
    assert found.sha256 != plain.sha256 or data == wav(STEREO)
    assert (found.kind, found.mime, found.seconds, found.width, found.dhash) == ("audio", mime, 0.25, 0, "")
    assert not found.seen


@pytest.mark.parametrize(
    ("codec", "container", "mime"), [("libmp3lame", "mp3", "audio/mpeg"), ("libopus", "ogg", "audio/ogg")]
)
def test_lossy_sounds_are_read_and_are_other_sounds(codec: str, container: str, mime: str) -> None:
    values = samples(4, seconds=0.5, rate=48_000)
    data = packed(values, codec, container, rate=48_000)
    found = sounds.inspect(data)
    assert found.mime == mime
    assert found.seconds == pytest.approx(0.5, abs=0.06)
    assert found.pixel_sha256 != sounds.inspect(wav(values, 48_000)).pixel_sha256
    assert found == sounds.inspect(data)


def test_rate_channels_and_samples_tell_sounds_apart() -> None:
    values = samples(1)
    known = [
        sounds.inspect(wav(values)).pixel_sha256,
        sounds.inspect(wav(values, 16_000)).pixel_sha256,
        sounds.inspect(wav(np.repeat(values, 2, axis=1))).pixel_sha256,
        sounds.inspect(wav(values[1:])).pixel_sha256,
    ]
    assert len(set(known)) == 4


def test_eight_bits_are_read_as_sixteen() -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8000)
        writer.writeframes(bytes([0, 128, 255]))
    assert sounds.decode(file.getvalue()).samples[:, 0].tolist() == [-32768, 0, 32512]


def test_wav_needs_no_extra_and_others_say_which(monkeypatch: pytest.MonkeyPatch) -> None:
    flac = packed(STEREO, "flac", "flac")
    imported = builtins.__import__

    def without_av(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "av":
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_av)
    assert sounds.inspect(wav(STEREO)).seconds == 0.25
    with pytest.raises(MissingExtra, match=r"shotsmith\[media\]"):
        sounds.inspect(flac, name="a.flac")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b"hello world, this is text", "no sound that is read"),
        (clip(1)[:20], "damaged or truncated"),
        (clip(1)[:-100], "damaged or truncated"),
        (clip(1).replace(struct.pack("<I", 8000), struct.pack("<I", 7), 1), "7 samples a second"),
        (wav(samples(1)[:0]), "no samples"),
        (packed(STEREO, "flac", "flac")[:60], "damaged|no samples"),
        (b"ID3" + bytes(200), "damaged"),
    ],
    ids=["empty", "text", "header", "tail", "rate", "silent", "flac", "mp3"],
)
def test_what_cannot_be_heard_is_refused_with_the_reason(data: bytes, what: str) -> None:
    with pytest.raises(InvalidMedia, match=what) as error:
        sounds.inspect(data, name="a clip")
    assert error.value.field == "a clip"
    assert error.value.mend


def test_limits_are_kept_before_and_while_reading() -> None:
    with pytest.raises(InvalidMedia, match="SHOTSMITH_MAX_AUDIO_BYTES"):
        sounds.decode(clip(1), limits=sounds.Limits(max_bytes=100))
    short = sounds.Limits(max_seconds=0.1)
    for data in (clip(1), packed(STEREO, "flac", "flac")):
        with pytest.raises(InvalidMedia, match=r"longer than 0\.1 seconds"):
            sounds.decode(data, limits=short)
    # A header that tells of hours is not believed into memory.
    lying = bytearray(clip(1))
    lying[40:44] = struct.pack("<I", 2**31)
    with pytest.raises(InvalidMedia):
        sounds.decode(bytes(lying), limits=short)


def test_many_channels_are_bounded_too() -> None:
    for data in (wav(STEREO), packed(STEREO, "flac", "flac")):
        with pytest.raises(InvalidMedia, match="more than 3,000 samples"):
            sounds.decode(data, limits=sounds.Limits(max_samples=3_000))


def test_streams_whose_header_knows_no_length_are_read_to_their_end() -> None:
    streamed = bytearray(wav(STEREO))
    streamed[4:8] = streamed[40:44] = b"\xff\xff\xff\xff"
    assert sounds.inspect(bytes(streamed)).pixel_sha256 == sounds.inspect(wav(STEREO)).pixel_sha256
    with pytest.raises(InvalidMedia, match="longer"):
        sounds.decode(bytes(streamed), limits=sounds.Limits(max_seconds=0.1))


def test_a_name_that_contradicts_the_content_is_refused() -> None:
    assert sounds.inspect(clip(1), name="a.WAV")
    with pytest.raises(InvalidMedia, match="the name says audio/mpeg, the content is audio/wav"):
        sounds.inspect(clip(1), name="a.mp3")


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_no_bytes_make_anything_but_one_clear_error(data: bytes) -> None:
    for head in (b"", b"RIFF\x24\x00\x00\x00WAVE", b"fLaC", b"OggS", b"ID3"):
        with suppress(InvalidMedia):
            sounds.decode(head + data)


def test_wav_is_written_as_it_was_read() -> None:
    assert sounds.to_wav(sounds.decode(wav(STEREO))) == wav(STEREO)


@pytest.mark.parametrize(
    ("rate", "other"), [(44_100, 16_000), (8_000, 16_000), (16_000, 11_025), (48_000, 8_000)]
)
def test_resampling_keeps_tones_and_drops_what_would_fold_back(rate: int, other: int) -> None:
    time = np.arange(rate // 2) / rate
    heard = 1000.0
    low = np.rint(np.sin(2 * np.pi * heard * time) * 10_000).astype(np.int16)[:, None]
    made = sounds.resampled(sounds.Clip(rate, low), other)
    assert made.rate == other
    assert len(made.samples) == -(-len(low) * other // rate)
    inner = made.samples[other // 20 : -other // 20, 0].astype(float)
    expected = (
        np.sin(2 * np.pi * heard * np.arange(len(made.samples)) / other)[other // 20 : -other // 20] * 10_000
    )
    assert np.abs(inner - expected).max() < 60
    if rate > other * 1.5:
        high = np.rint(np.sin(2 * np.pi * (other * 0.75) * time) * 10_000).astype(np.int16)[:, None]
        folded = sounds.resampled(sounds.Clip(rate, high), other).samples[other // 20 : -other // 20]
        assert np.abs(folded.astype(int)).max() < 60


@settings(max_examples=20)
@given(st.integers(0, 50), st.sampled_from([4_000, 11_025, 16_000]))
def test_resampling_is_the_same_in_pieces_and_for_each_channel(seed: int, rate: int) -> None:
    values = samples(seed, channels=2, seconds=0.05)
    both = sounds.resampled(sounds.Clip(8_000, values), rate).samples
    for channel in range(2):
        alone = sounds.resampled(sounds.Clip(8_000, values[:, channel : channel + 1]), rate).samples
        assert (alone[:, 0] == both[:, channel]).all()
    assert sounds.resampled(sounds.Clip(8_000, values), 8_000).samples is values


def test_one_channel_is_the_mean_of_all() -> None:
    mixed = sounds.mono(sounds.Clip(8_000, np.array([[10, 20], [-32768, -32768], [1, 2]], dtype=np.int16)))
    assert mixed.samples[:, 0].tolist() == [15, -32768, 2]
