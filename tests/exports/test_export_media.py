"""Exports of pools with sounds and videos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from clips import clip, film

from shotsmith.domain.examples import Draft, MediaFile
from shotsmith.domain.recipes import Recipe
from shotsmith.engine import Engine
from shotsmith.exports import export, read_export, split_ids


@pytest.mark.parametrize("images", ["original", "prepared"])
def test_sounds_go_out_as_stored_and_videos_as_the_form_says(
    open_engine: Callable[..., Engine], out: Path, images: str
) -> None:
    engine = open_engine()
    engine.create_pool("m")
    for number in range(4):
        files = (MediaFile("a.wav", clip(number)), MediaFile("a.mp4", film(number, frames=4)))
        split = "test" if number == 3 else "train"
        engine.add("m", [Draft(f"{number}", f"e{number}", media=files, labels=("x",), split=split)])
    export(engine, "m", split_ids(engine, "m", "test"), Recipe(k=3), out, images=images)
    (query,) = list(read_export(out))
    read = read_export(out)
    sound, video = query.images
    assert (sound.mime, sound.width, read.image(sound.sha256)) == ("audio/wav", 0, clip(3))
    if images == "original":
        assert (video.mime, read.image(video.sha256)) == ("video/mp4", film(3, frames=4))
    else:
        assert (video.mime, video.width) == ("image/jpeg", 48)
    assert len(query.demonstrations) == 3
    assert all(len(shot.images) == 2 for shot in query.demonstrations)
