"""Perturbations change what they name, and nothing else."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from clips import clip, film
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import encoded, picture
from PIL import Image

from shotsmith import imaging
from shotsmith.domain.errors import InvalidInput, InvalidParameter, UnknownName
from shotsmith.domain.examples import Example, Pool, Query
from shotsmith.domain.media import Media
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Demonstration, Removal, Selection
from shotsmith.engine import Engine
from shotsmith.experiments.perturbations import (
    PERTURBATIONS,
    Blank,
    Distract,
    Permute,
    Place,
    Remove,
    ShuffleLabels,
    Swap,
    perturb,
    read_perturbations,
    sweep,
)
from shotsmith.media import sounds, videos

PICTURES = [imaging.inspect(encoded(picture(number, side=8 + number))) for number in range(8)]
LABELS = ("ant", "bee", "cat", "dog")
DONORS = tuple(
    Example(
        f"other{number}",
        (PICTURES[number % 8],),
        f"question {number}",
        LABELS[number % 4],
        (LABELS[number % 4],),
    )
    for number in range(40)
)


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """Any selection: labels or free answers, texts, images, several of them or neither, even no demonstrations."""
    count = draw(st.integers(0, 9))
    closed = draw(st.booleans())
    labels = LABELS[: draw(st.integers(1, 4))]
    examples = []
    for number in range(count):
        label = draw(st.sampled_from(labels))
        examples.append(
            Example(
                f"e{number}",
                media=tuple(draw(st.lists(st.sampled_from(PICTURES), max_size=2))),
                text=draw(st.sampled_from(["", "who?", "where?"])),
                answer=label if closed else f"it is {label}",
                labels=(label,) if closed else (),
            )
        )
    ranks = draw(st.permutations(range(1, count + 1)))
    query = Query((PICTURES[0],) if draw(st.booleans()) else (), "what?", id="q")
    return _selection(examples, query, ranks, labels if closed and draw(st.booleans()) else ())


def _selection(
    examples: Sequence[Example], query: Query, ranks: Sequence[int], labels: tuple[str, ...] = ()
) -> Selection:
    pool = Pool("p", "p", "classification", "fake", "fake", datetime(2026, 1, 1, tzinfo=UTC), labels=labels)
    shots = tuple(
        Demonstration(example, rank, position, "near", fixed=True)
        for position, (example, rank) in enumerate(zip(examples, ranks, strict=True), start=1)
    )
    return Selection(pool, query, Recipe(), shots, 60, (Removal("other1", "itself"),), ("a flag",))


def donors(recipe: Recipe) -> Sequence[Example]:
    return DONORS[: recipe.k]


ALL = [
    *(
        f"{name}(of={of})"
        for name in ("remove", "blank", "permute", "swap")
        for of in ("images", "texts", "answers")
    ),
    "remove(side=both)",
    "blank(fill=noise,side=query)",
    "blank(of=texts,word=nothing,side=both)",
    "shuffle_labels",
    "shuffle_labels(share=0.25,among=shown)",
    "distract",
    "distract(share=0.5,at=first)",
    "distract(n=3,at=last,like=site)",
]


def _ids(selection: Selection) -> list[str]:
    return [shot.example.id for shot in selection.demonstrations]


@pytest.mark.parametrize("text", ALL)
@settings(max_examples=25, deadline=None)
@given(selection=selections(), seed=st.integers(0, 3))
def test_a_perturbation_is_pure_and_says_what_it_did(text: str, selection: Selection, seed: int) -> None:
    (one,) = read_perturbations(text)
    before = repr(selection)
    changed = one.apply(selection, seed=seed, others=donors)
    assert changed == one.apply(selection, seed=seed, others=donors)
    assert repr(selection) == before
    assert read_perturbations(one.text) == (one,)
    assert changed.flags[:-1] == selection.flags
    assert changed.flags[-1].startswith(f"perturbed: {one.text}: ")
    assert (changed.pool, changed.recipe, changed.removed, changed.eligible) == (
        selection.pool,
        selection.recipe,
        selection.removed,
        selection.eligible,
    )
    assert [shot.position for shot in changed.demonstrations] == list(
        range(1, len(changed.demonstrations) + 1)
    )
    assert sorted(shot.rank for shot in changed.demonstrations) == list(
        range(1, len(changed.demonstrations) + 1)
    )
    if text.startswith("distract"):
        kept = [shot for shot in changed.demonstrations if shot.example.id.startswith("e")]
        assert [(shot.example, shot.rank) for shot in kept] == [
            (shot.example, shot.rank) for shot in selection.demonstrations
        ]
    else:
        assert _ids(changed) == _ids(selection)
        assert [shot.rank for shot in changed.demonstrations] == [
            shot.rank for shot in selection.demonstrations
        ]
    if "side" not in text:
        assert changed.query == selection.query


@pytest.mark.parametrize("name", ["remove", "blank", "permute", "swap"])
@pytest.mark.parametrize("of", ["images", "texts", "answers"])
@settings(max_examples=25, deadline=None)
@given(selection=selections())
def test_only_the_named_content_changes(name: str, of: str, selection: Selection) -> None:
    changed = perturb(selection, f"{name}(of={of})", others=donors)
    for before, after in zip(selection.demonstrations, changed.demonstrations, strict=True):
        was, now = before.example, after.example
        assert of == "images" or now.media == was.media
        assert of == "texts" or now.text == was.text
        assert of == "answers" or (now.answer, now.labels) == (was.answer, was.labels)
        # Where there was nothing, nothing comes in.
        assert bool(was.media) or not now.media
        assert bool(was.text) or not now.text
        assert now.answer
        assert now.media or now.text or after.bare or not (was.media or was.text)


@settings(max_examples=60, deadline=None)
@given(selection=selections(), seed=st.integers(0, 9))
def test_permuting_moves_every_content_and_loses_none(selection: Selection, seed: int) -> None:
    changed = Permute(of="answers").apply(selection, seed=seed)

    def answers(of: Selection) -> Counter[tuple[str, tuple[str, ...]]]:
        return Counter((shot.example.answer, shot.example.labels) for shot in of.demonstrations)

    assert answers(changed) == answers(selection)
    named = [
        Demonstration(Example(id, answer=id), rank, rank, "")
        for rank, id in enumerate(_ids(selection), start=1)
    ]
    moved = Permute(of="answers").apply(
        _selection([shot.example for shot in named], Query(), range(1, len(named) + 1))
    )
    assert len(named) < 2 or all(shot.example.id != shot.example.answer for shot in moved.demonstrations)


@settings(max_examples=100, deadline=None)
@given(selection=selections(), share=st.floats(0, 1), seed=st.integers(0, 9))
def test_the_share_of_other_labels_is_exact_and_nested(selection: Selection, share: float, seed: int) -> None:
    def token(example: Example) -> str:
        return example.label or example.answer

    some = ShuffleLabels(share=share).apply(selection, seed=seed)
    every = ShuffleLabels(share=1.0).apply(selection, seed=seed)
    space = set(selection.pool.labels) or {token(shot.example) for shot in selection.demonstrations}
    other = [
        place
        for place, (before, after) in enumerate(
            zip(selection.demonstrations, some.demonstrations, strict=True)
        )
        if before.example != after.example
    ]
    for place in other:
        after = some.demonstrations[place].example
        assert token(after) in space
        assert token(after) != token(selection.demonstrations[place].example)
        assert after == every.demonstrations[place].example
    count = len(selection.demonstrations)
    assert len(other) == (int(share * count + 0.5) if len(space) > 1 else 0)


def test_one_label_alone_cannot_be_shuffled_and_the_flag_says_so() -> None:
    selection = _selection([Example("a", text="x", answer="ant", labels=("ant",))], Query((), "?"), [1])
    changed = ShuffleLabels().apply(selection)
    assert changed.demonstrations[0].example == selection.demonstrations[0].example
    assert "no other label" in changed.flags[-1]


def test_an_open_label_space_is_what_other_examples_have() -> None:
    selection = _selection([Example("a", text="x", answer="ant", labels=("ant",))], Query((), "?"), [1])
    drawn = {
        perturb(selection, "shuffle_labels", seed=seed, others=donors).demonstrations[0].example.label
        for seed in range(30)
    }
    assert drawn == {"bee", "cat", "dog"}
    shown = perturb(selection, "shuffle_labels(among=shown)", others=donors)
    assert shown.demonstrations[0].example.label == "ant"


def test_another_label_replaces_the_first_of_several_and_the_answer() -> None:
    example = Example("a", text="x", answer="It is an ant with a bee.", labels=("ant", "bee"))
    changed = ShuffleLabels().apply(_selection([example], Query((), "?"), [1], ("ant", "cat")))
    assert changed.demonstrations[0].example.labels == ("cat", "bee")
    assert changed.demonstrations[0].example.answer == "cat, bee"


def test_blanks_have_the_size_of_what_they_replace() -> None:
    selection = _selection([Example("a", (PICTURES[3], PICTURES[5]), answer="x")], Query((), "?"), [1])
    seen = set()
    for fill in ("black", "white", "grey", "noise"):
        for part, source in zip(
            Blank.read({"fill": fill}).apply(selection).demonstrations[0].example.media,
            (PICTURES[3], PICTURES[5]),
            strict=True,
        ):
            assert part.data
            shown = Image.open(io.BytesIO(part.data))
            assert shown.size == (source.width, source.height)
            assert (shown.convert("L").getextrema()[0] == shown.convert("L").getextrema()[1]) == (
                fill != "noise"
            )
            seen.add(part.sha256)
    assert len(seen) == 8


def test_sounds_and_videos_are_blanked_and_exchanged_each_for_its_kind() -> None:
    photo, sound, moving = PICTURES[3], sounds.inspect(clip(1)), videos.inspect(film(1))
    first = Example("a", (sound, photo, moving), text="x", answer="y")
    other = Example("b", (sounds.inspect(clip(2)), PICTURES[4]), text="x", answer="z")
    selection = _selection([first, other], Query((sound,), "?"), [1, 2])

    def of(text: str) -> tuple[Media, ...]:
        return perturb(selection, text).demonstrations[0].example.media

    assert of("remove(of=sounds)") == (photo, moving)
    assert of("remove") == (sound,)
    assert of("permute(of=sounds)") == (other.media[0], photo, moving)
    assert of("permute") == (sound, PICTURES[4])
    silent, *rest = of("blank(of=sounds)")
    assert rest == [photo, moving]
    assert silent.data
    assert silent.seconds == sound.seconds
    assert not sounds.decode(silent.data).samples.any()
    noisy = of("blank(of=sounds,fill=noise)")[0]
    assert noisy.data
    assert sounds.decode(noisy.data).samples.std() > 500
    assert [part.kind for part in of("blank")] == ["audio", *["image"] * 9]
    assert len({part.sha256 for part in of("blank(fill=noise)")}) == 10
    assert perturb(selection, "blank(of=sounds,side=query)").query.media == (silent,)
    assert perturb(selection, "remove(of=sounds,side=query)").query.media == ()


def test_the_query_loses_its_image_where_it_is_asked() -> None:
    selection = _selection([Example("a", (PICTURES[1],), answer="x")], Query((PICTURES[0],), "?"), [1])
    changed = Remove(side="query").apply(selection)
    assert not changed.query.media
    assert changed.query.text == "?"
    assert changed.demonstrations == selection.demonstrations
    assert not perturb(selection, "remove(side=both)").demonstrations[0].example.media
    with pytest.raises(InvalidParameter, match="a query has no answer"):
        read_perturbations("remove(of=answers,side=query)")


@settings(max_examples=60, deadline=None)
@given(selection=selections(), share=st.floats(0, 2), seed=st.integers(0, 5))
def test_distractors_are_new_counted_and_rank_last(selection: Selection, share: float, seed: int) -> None:
    changed = Distract(share=share).apply(selection, seed=seed, others=donors)
    added = [shot for shot in changed.demonstrations if shot.stage == "distract"]
    assert len(added) == int(share * len(selection.demonstrations) + 0.5)
    assert len(set(_ids(changed))) == len(changed.demonstrations)
    assert "other1" not in _ids(changed)  # the leak guard's
    assert all(shot.rank > len(selection.demonstrations) for shot in added)


def test_distractors_stand_where_they_are_asked_to() -> None:
    selection = _selection(
        [Example(f"e{n}", text="x", answer="y") for n in range(6)], Query((), "?"), range(1, 7)
    )
    own = _ids(selection)
    assert _ids(Distract(n=2, at="first").apply(selection, others=donors))[2:] == own
    assert _ids(Distract(n=2, at="last").apply(selection, others=donors))[:6] == own
    places = {
        tuple(id.startswith("other") for id in _ids(Distract(n=2).apply(selection, seed=seed, others=donors)))
        for seed in range(20)
    }
    assert len(places) > 5


def test_too_few_others_are_named_not_repeated() -> None:
    selection = _selection([Example("e", text="x", answer="y")], Query((), "?"), [1])
    changed = Distract(n=3).apply(selection, others=lambda recipe: DONORS[2:4])
    assert len(changed.demonstrations) == 3
    assert "2 added of 3" in changed.flags[-1]


@settings(max_examples=60, deadline=None)
@given(selection=selections())
def test_a_sweep_shows_the_demonstration_at_every_place(selection: Selection) -> None:
    for rank in range(1, len(selection.demonstrations) + 1):
        found = sweep(selection, rank=rank)
        assert [next(s.position for s in one.demonstrations if s.rank == rank) for one in found] == list(
            range(1, len(selection.demonstrations) + 1)
        )
        rest = [shot.rank for shot in selection.demonstrations if shot.rank != rank]
        assert all([s.rank for s in one.demonstrations if s.rank != rank] == rest for one in found)
    assert bool(sweep(selection)) == bool(selection.demonstrations)


def test_a_place_is_a_depth_and_names_a_demonstration() -> None:
    selection = _selection(
        [Example(f"e{n}", text="x", answer="y") for n in range(5)], Query((), "?"), range(1, 6)
    )
    for depth, at in ((0.0, 0), (0.25, 1), (0.5, 2), (0.75, 3), (1.0, 4)):
        assert _ids(Place(at=depth, id="e4").apply(selection)).index("e4") == at
    with pytest.raises(InvalidParameter, match="no such demonstration"):
        Place(id="e9").apply(selection)
    with pytest.raises(InvalidParameter, match="no such demonstration"):
        Place(rank=6).apply(selection)


@settings(max_examples=30, deadline=None)
@given(selection=selections())
def test_composition_reads_from_left_to_right(selection: Selection) -> None:
    both = perturb(selection, "remove(of=images)|shuffle_labels(share=0.5)|distract(n=2)", others=donors)
    one_by_one = Distract(n=2).apply(
        ShuffleLabels(share=0.5).apply(Remove().apply(selection), others=donors), others=donors
    )
    assert both == one_by_one
    assert len(both.flags) == len(selection.flags) + 3
    assert perturb(selection, ()) == selection


def test_what_is_the_same_for_every_query_stays_so_only_where_no_draw_is_made() -> None:
    selection = _selection(
        [Example(f"e{n}", text="x", answer=f"{n}") for n in range(3)], Query((), "?"), [1, 2, 3]
    )
    for name in PERTURBATIONS:
        (one,) = read_perturbations(name)
        kept = all(shot.fixed for shot in one.apply(selection, others=donors).demonstrations)
        assert kept == (name in ("remove", "blank"))


def test_errors_name_the_perturbation_and_the_mend() -> None:
    selection = _selection([Example("e", (PICTURES[0],), answer="y")], Query((), "?"), [1])
    with pytest.raises(UnknownName, match=r"Did you mean 'shuffle_labels'\?"):
        read_perturbations("shuffle_label(share=1)")
    with pytest.raises(InvalidParameter, match=r"shuffle_labels\.share"):
        read_perturbations("shuffle_labels(share=1.5)")
    with pytest.raises(InvalidParameter, match="remove"):
        read_perturbations("remove(what=images)")
    with pytest.raises(InvalidParameter, match="Pass `others`"):
        Swap().apply(selection)
    with pytest.raises(InvalidParameter, match="no other example has images"):
        Swap().apply(selection, others=lambda recipe: [Example("t", text="x", answer="y")])
    with pytest.raises(InvalidInput):
        read_perturbations("")


def test_on_an_engine_every_perturbation_gives_a_prompt_that_shows_it(engine: Engine) -> None:
    query = engine.query_of("p", "e035")
    selection = engine.select("p", query, Recipe(selector="random", k=6))

    def others(recipe: Recipe) -> list[Example]:
        return [shot.example for shot in engine.select("p", query, recipe).by_rank]

    plain = engine.prompt(selection)
    seen = {plain.manifest["prompt_sha256"]}
    for text in [*ALL, "place(at=0)", "place(rank=3,at=0)"]:
        changed = perturb(selection, text, others=others)
        prompt = engine.prompt(changed)
        shown = [one["id"] for one in prompt.manifest["demonstrations"]]
        assert shown == _ids(changed)
        assert not prompt.manifest["dropped"]
        assert any(flag.startswith("perturbed: ") for flag in prompt.manifest["flags"])
        assert prompt.manifest == engine.prompt(perturb(selection, text, others=others)).manifest
        seen.add(prompt.manifest["prompt_sha256"])
        assert "e035" not in shown
    assert len(seen) == len(ALL) + 3
