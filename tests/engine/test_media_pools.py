"""Pools of sounds and videos: how they come in, how they are found, and what is never shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from clips import clip, film, packed, repacked, samples, wav
from pictures import encoded, picture

from shotsmith.domain.errors import InvalidImage, InvalidInput, InvalidMedia
from shotsmith.domain.examples import Draft, ImageFile, MediaFile
from shotsmith.domain.messages import AudioPart, ImagePart, TextPart
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.media import videos
from shotsmith.prompts import sounds

SPEAKERS = ("ann", "bob", "eve")


def spoken(number: int, **fields: object) -> Draft:
    """A clip of one of three speakers, who says one of three words."""
    given = {
        "id": f"c{number:02d}",
        "media": (MediaFile(f"{number}.wav", clip(number)),),
        "text": "Which word is it?",
        "answer": ("yes", "no", "stop")[number % 3],
        "metadata": {"speaker": SPEAKERS[number // 3 % 3]},
    }
    return Draft(where=f"clip {number}", **{**given, **fields})


@pytest.fixture
def heard(open_engine: Callable[..., Engine]) -> Engine:
    """A pool `p` of 18 clips."""
    engine = open_engine()
    engine.create_pool("p", kind="open", instruction="Write down the word.")
    engine.add("p", [spoken(number) for number in range(18)])
    return engine


@pytest.fixture
def seen(open_engine: Callable[..., Engine]) -> Engine:
    """A pool `v` of six videos."""
    engine = open_engine()
    engine.create_pool("v", instruction="What happens?")
    for number in range(6):
        file = MediaFile("a.mp4", film(number * 30, frames=10))
        engine.add("v", [Draft(where="v", id=f"v{number}", media=(file,), labels=(f"c{number % 2}",))])
    return engine


def test_sounds_are_kept_as_they_came(heard: Engine) -> None:
    (part,) = heard.example("p", "c03").media
    assert (part.kind, part.mime, part.seconds, part.width, part.data) == (
        "audio",
        "audio/wav",
        0.25,
        0,
        None,
    )
    assert heard.image(part.sha256) == clip(3)
    assert all(checkup.sound for checkup in heard.doctor())


@pytest.mark.parametrize("selector", ["random", "rices", "rices(modality=text)", "bm25", "mmr", "k_means"])
def test_what_has_no_picture_is_found_by_text_and_chance(heard: Engine, selector: str) -> None:
    query = heard.query(text="Which word is it?", media=[MediaFile("q.wav", clip(50))])
    selection = heard.select("p", query, Recipe(selector=selector, k=5))
    assert len(selection.demonstrations) == 5
    assert all("image" not in shot.scores for shot in selection.demonstrations)


def test_without_a_picture_there_is_no_score_never_zero(heard: Engine) -> None:
    heard.add("p", [spoken(70, id="photo", images=(ImageFile("a.png", encoded(picture(1))),), media=())])
    query = heard.query([ImageFile("q.png", encoded(picture(2)))])
    found = heard.select("p", query, Recipe(selector="rices(modality=image)", k=5))
    scored = [shot.example.id for shot in found.by_rank if "image" in shot.scores]
    assert scored == ["photo"]


def test_demonstrations_of_the_same_speaker_come_first(heard: Engine) -> None:
    """Speech adaptation by same-speaker demonstrations: Roll et al., arXiv 2505.14887."""
    query = heard.query(
        text="Which word is it?", media=[MediaFile("q.wav", clip(60))], metadata={"speaker": "bob"}
    )
    recipe = Recipe(selector="random_per_query|matched(by=[speaker])", k=8)
    shown = heard.select("p", query, recipe).by_rank
    assert [shot.example.metadata["speaker"] for shot in shown[:6]] == ["bob"] * 6
    assert all(shot.example.metadata["speaker"] != "bob" for shot in shown[6:])
    assert shown[0].reason.startswith("same speaker")


@pytest.mark.parametrize(
    "again",
    [clip(4), packed(samples(4), "flac", "flac"), packed(samples(4), "pcm_s24le", "wav")],
    ids=["the file", "FLAC", "24 bits"],
)
def test_the_clip_that_is_asked_about_is_never_shown(heard: Engine, again: bytes) -> None:
    query = heard.query(text="Which word is it?", media=[MediaFile("again", again)])
    selection = heard.select("p", query, Recipe(selector="all", k=50))
    assert "c04" not in [shot.example.id for shot in selection.demonstrations]
    (removed,) = selection.removed
    assert (removed.id, removed.reason, removed.detail) == ("c04", "same content", "the same sound")


def test_evaluation_works_without_difference_hashes(heard: Engine) -> None:
    selection = heard.select(
        "p", heard.query_of("p", "c04"), Recipe(selector="random", k=50, evaluation=True)
    )
    assert len(selection.demonstrations) == 17


def test_a_prompt_carries_the_exact_bytes(heard: Engine) -> None:
    query = heard.query(text="Which word is it?", media=[MediaFile("q.wav", clip(50))])
    prompt = heard.prompt(heard.select("p", query, Recipe(selector="random", k=3)))
    sent = [part.data for message in prompt.messages for part in message.parts if isinstance(part, AudioPart)]
    expected = [clip(int(shot["id"][1:])) for shot in prompt.manifest["demonstrations"]]
    assert sent == [*expected, clip(50)]


def test_speech_is_asked_for_by_the_recipe_and_made_once(
    heard: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = heard.query(text="Which word is it?", media=[MediaFile("q.wav", clip(50))])
    recipe = Recipe.read("random(k=3)|with(audio={form=speech})")
    assert Recipe.read(recipe.text) == recipe
    prompt = heard.prompt(heard.select("p", query, recipe))
    (shown,) = prompt.manifest["demonstrations"][0]["images"]
    assert (shown["mime"], shown["bytes"], shown["seconds"]) == ("audio/wav", 44 + 2 * 4_000, 0.25)

    every = recipe.model_copy(update={"k": 18})
    first = heard.prompt(heard.select("p", heard.query(text="?"), every))

    def never(*given: object, **more: object) -> AudioPart:
        raise AssertionError("made again")

    monkeypatch.setattr(sounds, "prepare", never)
    with Engine(heard.settings) as other:
        again = other.prompt(other.select("p", other.query(text="?"), every))
    assert again.manifest["prompt_sha256"] == first.manifest["prompt_sha256"]


def test_videos_are_shown_as_pictures(seen: Engine) -> None:
    query = seen.query(media=[MediaFile("q.mp4", film(500, frames=10))])
    recipe = Recipe.read("random(k=2)|with(video={frames=3,query_frames=2},images={max_side=32})")
    prompt = seen.prompt(seen.select("v", query, recipe))
    parts = [part for message in prompt.messages for part in message.parts]
    pictures = [part for part in parts if isinstance(part, ImagePart)]
    assert len(pictures) == 2 * 3 + 2
    assert all(part.width == part.height == 32 and part.mime == "image/jpeg" for part in pictures[:6])
    assert pictures[-1].width == 48  # a query's are as large as query_max_side allows
    stamps = [part.text for part in parts if isinstance(part, TextPart) and part.text.startswith("[")]
    assert stamps == ["[0:00]"] * 8
    plain = Recipe.read("random(k=2)|with(video={frames=3,query_frames=2,stamps=false})")
    texts = [
        part.text
        for message in seen.prompt(seen.select("v", query, plain)).messages
        for part in message.parts
        if isinstance(part, TextPart)
    ]
    assert not [text for text in texts if text.startswith("[")]


def test_the_pictures_of_a_video_are_made_once_and_stay(
    seen: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe.read("all(k=50)|with(video={frames=3})")
    before = seen.prompt(seen.select("v", seen.query(text="?"), recipe))

    def never(*given: object, **more: object) -> list[object]:
        raise AssertionError("decoded again")

    monkeypatch.setattr(videos, "stills", never)
    after = seen.prompt(seen.select("v", seen.query(text="?"), recipe))
    assert after.manifest["prompt_sha256"] == before.manifest["prompt_sha256"]


def test_videos_are_found_by_the_picture_in_their_middle(seen: Engine) -> None:
    query = seen.query(media=[MediaFile("q.mp4", film(500, frames=10))])
    selection = seen.select("v", query, Recipe(selector="rices", k=3))
    assert all("image" in shot.scores for shot in selection.demonstrations)


@pytest.mark.parametrize("container", ["mp4", "matroska", "mov"])
def test_the_video_that_is_asked_about_is_never_shown(seen: Engine, container: str) -> None:
    query = seen.query(media=[MediaFile("again", repacked(film(60, frames=10), container))])
    selection = seen.select("v", query, Recipe(selector="all", k=50))
    assert [one.id for one in selection.removed] == ["v2"]
    assert selection.removed[0].detail == "the same media"


@pytest.mark.parametrize(
    ("fields", "error", "what"),
    [
        ({"media": (MediaFile("a.wav", clip(1)[:60]),)}, InvalidMedia, "clip 1: a.wav"),
        ({"media": (MediaFile("a.mp3", clip(1)),)}, InvalidMedia, "the name says audio/mpeg"),
        ({"media": (MediaFile("a.wav", clip(1), "video"),)}, InvalidMedia, "a sound, not a video"),
        ({"images": (ImageFile("a", clip(1)),), "media": ()}, InvalidMedia, "a sound, not an image"),
        ({"media": (MediaFile("notes", b"some text"),)}, InvalidImage, "not an image"),
        ({"media": (), "text": ""}, InvalidInput, "neither an image nor a text, a sound or a video"),
    ],
)
def test_what_cannot_be_used_is_refused_whole(
    heard: Engine, tmp_path: Path, fields: dict[str, object], error: type[Exception], what: str
) -> None:
    before = sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file())
    with pytest.raises(error, match=what):
        heard.add("p", [spoken(30), spoken(1, id="bad", **fields)])
    assert heard.pool("p").size == 18
    assert len([path for path in (tmp_path / "data").rglob("*") if path.is_file()]) <= len(before) + 1


def test_limits_come_from_the_settings(open_engine: Callable[..., Engine]) -> None:
    engine = open_engine(max_audio_seconds=0.1, max_video_bytes=100)
    engine.create_pool("p", kind="open")
    with pytest.raises(InvalidMedia, match="SHOTSMITH_MAX_AUDIO_SECONDS"):
        engine.add("p", [spoken(1)])
    with pytest.raises(InvalidMedia, match="SHOTSMITH_MAX_VIDEO_BYTES"):
        engine.add("p", [spoken(1, media=(MediaFile("a", film(1)),))])


def test_images_sounds_and_videos_of_one_example_keep_their_order(heard: Engine) -> None:
    files = (MediaFile("a", film(1)), MediaFile("b", clip(90)), MediaFile("c", encoded(picture(3))))
    heard.add("p", [spoken(90, id="many", images=(ImageFile("d", encoded(picture(4))),), media=files)])
    assert [part.kind for part in heard.example("p", "many").media] == ["image", "video", "audio", "image"]
    with Engine(heard.settings) as other:
        assert other.example("p", "many") == heard.example("p", "many")
    asked = heard.query_of("p", "many")
    assert asked.media[2].data == clip(90)
    prompt = heard.prompt(heard.select("p", asked, Recipe(selector="random", k=1)))
    assert prompt.manifest["counts"]["images"] == 2 + 8


def test_wide_sounds_are_told_from_narrow_ones(heard: Engine) -> None:
    values = samples(4, rate=16_000)
    heard.add("p", [spoken(91, id="wide", media=(MediaFile("w", wav(values, 16_000)),))])
    assert heard.example("p", "wide").media[0].seconds == 0.25
