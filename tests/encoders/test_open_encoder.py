"""The front door, without any model: specs, aliases, and one load per spec."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shotsmith import registry
from shotsmith.domain.errors import InvalidParameter, Unavailable, UnknownName
from shotsmith.retrieval import encoders
from shotsmith.retrieval.encoders import canonical, open_encoder
from shotsmith.retrieval.encoders.fake import FakeEncoder


@pytest.fixture
def loads(monkeypatch):
    """Arguments of all loads from here on; "broken" fails the first time."""
    arguments = []

    def load(argument):
        arguments.append(argument)
        if argument == "broken" and arguments.count("broken") == 1:
            raise Unavailable("no network")
        return FakeEncoder()

    monkeypatch.setattr(encoders, "_slots", {})
    monkeypatch.setattr(registry, "load", lambda kind, name: load)
    return arguments


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("clip", "open_clip:ViT-B-32/laion2b_s34b_b79k"),
        (" clip ", "open_clip:ViT-B-32/laion2b_s34b_b79k"),
        ("embedded", "embedded"),
        ("embedded:", "embedded"),
        ("fake:image+text", "fake:image+text"),
        ("open_clip:ViT-B-32//tmp/a:b.pt", "open_clip:ViT-B-32//tmp/a:b.pt"),
    ],
)
def test_canonical_spec(spec, expected):
    assert canonical(spec) == expected
    assert canonical(canonical(spec)) == expected


def test_aliases_name_registered_encoders():
    assert {canonical(alias).partition(":")[0] for alias in encoders.ALIASES} <= set(
        registry.names("encoders")
    )


@pytest.mark.parametrize(
    ("spec", "suggestion"),
    [
        ("embeded", "embedded"),
        ("open-clip:ViT-B-32", "open_clip"),
        ("CLIP", "clip"),
        ("", None),
    ],
)
def test_unknown_name_is_told_with_the_nearest_one(spec, suggestion):
    with pytest.raises(UnknownName, match="unknown encoder") as caught:
        open_encoder(spec)
    hint = f"Did you mean {suggestion!r}? " if suggestion else ""
    assert f". {hint}Known: " in str(caught.value)
    assert "Known: clip, colour-hog, embedded, fake, open_clip, sentence-transformers" in str(caught.value)


def test_alias_takes_no_argument():
    with pytest.raises(InvalidParameter, match="as in open_clip:ViT-B-32/laion2b_s34b_b79k"):
        open_encoder("clip:ViT-L-14")


def test_real_encoder_opens():
    assert open_encoder("fake:text").dims == {"text": 32}


def test_a_spec_is_loaded_once(loads):
    assert open_encoder("fake:a") is open_encoder(" fake:a")
    assert open_encoder("fake:b") is not open_encoder("fake:a")
    assert loads == ["a", "b"]


def test_an_alias_and_what_it_stands_for_are_one(loads):
    assert open_encoder("clip") is open_encoder("open_clip:ViT-B-32/laion2b_s34b_b79k")
    assert len(loads) == 1


def test_a_failed_load_is_tried_again(loads):
    with pytest.raises(Unavailable):
        open_encoder("fake:broken")
    assert isinstance(open_encoder("fake:broken"), FakeEncoder)
    assert loads == ["broken", "broken"]


def test_threads_share_one_load_and_do_not_wait_for_another_spec(loads, monkeypatch):
    started, finish = threading.Event(), threading.Event()
    load = registry.load("encoders", "fake")

    def slow(argument):
        if argument == "slow":
            started.set()
            assert finish.wait(30)
        return load(argument)

    monkeypatch.setattr(registry, "load", lambda kind, name: slow)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(open_encoder, "fake:slow") for _ in range(3)]
        assert started.wait(30)
        open_encoder("fake:quick")
        assert not any(future.done() for future in waiting)
        finish.set()
        assert len({id(future.result()) for future in waiting}) == 1
    assert sorted(loads) == ["quick", "slow"]
