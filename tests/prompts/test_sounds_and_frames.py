"""Sounds and videos in prompts: what is sent, in which form, and what the manifest says of it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from clips import clip, film, packed, samples, wav
from hypothesis import given
from hypothesis import strategies as st
from prompt_factories import make_pool, make_selection

from shotsmith import media
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.media import Frame, Media
from shotsmith.domain.messages import AudioPart, ImagePart, MediaPart, TextPart
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Prompt, Selection
from shotsmith.media import sounds, videos
from shotsmith.prompts import frames
from shotsmith.prompts import sounds as prepared
from shotsmith.prompts.build import build
from shotsmith.prompts.images import encode_lossy


def part(data: bytes) -> Media:
    return media.opened(data, name="file")[0]


def picture(of: Media, max_side: int, quality: int) -> MediaPart:
    """What an engine does, without stores."""
    assert of.data is not None
    if of.kind == "audio":
        return prepared.prepare(of.data, form="kept", seconds=of.seconds or 0.0)
    if of.frame is None:
        return ImagePart(of.data, of.mime, of.width, of.height)
    time = frames.times(of.seconds or 0.0, of.frame.of)[of.frame.number - 1]
    (still,) = videos.stills(of.data, [time])
    return frames.labelled(encode_lossy(still, max_side, quality), of)


def prompt(selection: Selection) -> Prompt:
    return build(selection, labels=(), picture=picture)


def heard(recipe: Recipe | None = None) -> Selection:
    shots = [Example(f"s{seed}", (part(clip(seed)),), text="Who?", answer="Ann") for seed in (1, 2)]
    return make_selection(shots, Query((part(clip(3)),), "Who?"), recipe=recipe, pool=make_pool("open"))


def seen(**fields: object) -> Selection:
    shots = [Example("v", (part(film(1)),), text="What?", answer="A fall")]
    recipe = Recipe.read({"video": {"frames": 4, "query_frames": 2}, **fields})
    return make_selection(shots, Query((part(film(2)),), "What?"), recipe=recipe, pool=make_pool("open"))


@pytest.mark.parametrize("data", [clip(1), packed(samples(1), "libmp3lame", "mp3")], ids=["wav", "mp3"])
def test_what_models_take_passes_unchanged(data: bytes) -> None:
    made = prepared.prepare(data, form="kept", seconds=0.25)
    assert made == AudioPart(data, media.sniff(data), 0.25)
    assert made.mime in prepared.SENT


def test_what_models_do_not_take_becomes_wav_without_loss() -> None:
    values = samples(2, channels=2)
    made = prepared.prepare(packed(values, "flac", "flac"), form="kept", seconds=0.25)
    assert (made.mime, made.data) == ("audio/wav", wav(values))


@pytest.mark.parametrize("container", ["wav", "flac"])
def test_speech_is_one_channel_of_16000_whatever_comes(container: str) -> None:
    values = samples(2, channels=2, rate=44_100)
    data = wav(values, 44_100) if container == "wav" else packed(values, "flac", "flac", 44_100)
    made = prepared.prepare(data, form="speech", seconds=0.25)
    found = sounds.decode(made.data)
    assert (made.mime, found.rate, found.samples.shape) == ("audio/wav", 16_000, (4_000, 1))
    assert made == prepared.prepare(data, form="speech", seconds=0.25)
    assert prepared.prepare(made.data, form="speech", seconds=0.25).data == made.data
    assert prepared.spec_key("speech") != prepared.spec_key("kept")


@given(st.floats(0.001, 20_000), st.integers(1, 256))
def test_times_are_regular_and_inside(seconds: float, count: int) -> None:
    found = frames.times(seconds, count)
    assert len(found) == count
    assert list(found) == sorted(found)
    assert 0 <= found[0] <= found[-1] <= seconds + 0.001
    assert found[0] == pytest.approx(seconds - found[-1], abs=0.0021)


@pytest.mark.parametrize(
    ("time", "text"), [(0, "[0:00]"), (3.99, "[0:03]"), (75, "[1:15]"), (3723.4, "[1:02:03]")]
)
def test_stamps(time: float, text: str) -> None:
    assert frames.stamp(time) == text


def test_keys_of_pictures_tell_all_that_decides_them() -> None:
    keys = {
        frames.spec_key(Frame(number, of), side, quality)
        for number, of, side, quality in [
            (1, 2, 64, 90),
            (2, 2, 64, 90),
            (1, 3, 64, 90),
            (1, 2, 32, 90),
            (1, 2, 64, 80),
        ]
    }
    assert len(keys) == 5
    assert all(len(key) <= 64 for key in keys)  # as wide as the column is
    assert len(frames.spec_key(Frame(256, 256), 8000, 100)) <= 64


@pytest.mark.parametrize(
    "dialect", ["chat", "interleaved", "flamingo", "manyicl", "numbered", "qwen", "sandwich", "collage"]
)
def test_every_dialect_sends_sounds_beside_texts(dialect: str) -> None:
    selection = heard(Recipe(dialect=dialect))
    built = prompt(selection)
    parts = [one for message in built.messages for one in message.parts]
    sent = [one.data for one in parts if isinstance(one, AudioPart)]
    assert sorted(sent) == sorted([clip(1), clip(2), clip(3)])
    assert sent[-1] == clip(3)
    assert not any(isinstance(one, ImagePart) for one in parts)
    assert built.manifest["counts"]["images"] == 0
    (shown,) = built.manifest["query"]["images"]
    assert (shown["mime"], shown["seconds"], shown["source_sha256"]) == (
        "audio/wav",
        0.25,
        part(clip(3)).sha256,
    )


@pytest.mark.parametrize(
    "dialect", ["chat", "interleaved", "flamingo", "manyicl", "numbered", "qwen", "sandwich"]
)
def test_every_dialect_shows_a_video_as_pictures_with_their_times(dialect: str) -> None:
    built = prompt(seen(dialect=dialect))
    parts = [one for message in built.messages for one in message.parts]
    stamped = [
        before.text
        for before, one in pairwise(parts)
        if isinstance(one, ImagePart) and isinstance(before, TextPart)
    ]
    assert stamped == ["[0:00]", "[0:00]", "[0:01]", "[0:01]", "[0:00]", "[0:01]"]
    assert {type(one) for one in parts} == {ImagePart, TextPart}
    assert built.manifest["counts"]["images"] == 6
    (shot,) = built.manifest["demonstrations"]
    assert len(shot["images"]) == 4
    assert {one["source_sha256"] for one in shot["images"]} == {part(film(1)).sha256}
    assert len({one["sha256"] for one in shot["images"]}) == 4
    assert built == prompt(seen(dialect=dialect))


def test_a_collage_shows_the_pictures_of_a_video_together() -> None:
    built = prompt(seen(dialect="collage"))
    assert built.manifest["counts"]["images"] == 3  # one of four, and the query's two


def test_each_picture_of_a_video_counts_as_an_image() -> None:
    room = prompt(seen(budget={"max_images": 5}))
    assert not room.manifest["demonstrations"]
    assert "max_images: needs 4 images, 3 left" in room.manifest["dropped"][0]["reason"]
    assert prompt(seen(budget={"max_images": 6})).manifest["demonstrations"]


def test_sounds_count_as_bytes_and_not_as_images() -> None:
    assert len(prompt(heard(Recipe.read({"budget": {"max_images": 0}}))).manifest["demonstrations"]) == 2
    tight = prompt(heard(Recipe.read({"budget": {"max_image_bytes": 2 * len(clip(1))}})))
    assert [shot["id"] for shot in tight.manifest["demonstrations"]] == ["s2"]
    assert "max_image_bytes" in tight.manifest["dropped"][0]["reason"]


def test_a_query_stays_the_same_query_however_many_pictures_it_is_shown_as() -> None:
    selection = seen()
    unrolled = frames.unrolled(selection)
    assert len(unrolled.query.media) == 2
    assert unrolled.query.key == selection.query.key
    assert unrolled.query.pixel_key == selection.query.pixel_key
    assert unrolled.demonstrations[0].example.pixel_key == selection.demonstrations[0].example.pixel_key
    assert prompt(selection).manifest["query"]["key"] == selection.query.key


def test_nothing_changes_where_no_video_is_shown() -> None:
    selection = heard()
    assert frames.unrolled(selection) == selection
