"""What labels, numbers and free texts mean to the selectors that look at them, on real pools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from kind_pools import LABEL_SETS, QUERY, SENTENCES, SIZE, numbers, opened, sentences

from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Selection
from shotsmith.engine import Engine

EVERY_SPLIT = "where(splits=null)"


def select(engine: Engine, text: str) -> Selection:
    return engine.select("p", engine.query_of("p", QUERY), Recipe.read(text))


def labels_chosen_for(selection: Selection) -> list[str]:
    """The label that each demonstration was chosen for, as its reason tells: label 'x': ..."""
    return [shot.reason.partition("label '")[2].partition("'")[0] for shot in selection.by_rank]


# Several labels


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    fields = lambda number: {"labels": LABEL_SETS[number % 4]}  # noqa: E731
    with opened(tmp_path_factory.mktemp("several"), "classification", fields) as engine:
        yield engine


def test_balancing_shows_every_label_before_any_twice(several: Engine) -> None:
    every = {label for labels in LABEL_SETS for label in labels}
    selection = select(several, f"balanced(k={len(every)})")
    assert {label for shot in selection.demonstrations for label in shot.example.labels} == every
    for chosen_for, shot in zip(labels_chosen_for(selection), selection.by_rank, strict=True):
        assert chosen_for in shot.example.labels
    # Whoever comes with "odd" counts for it, so it is nobody's turn again until the others have caught up.
    assert labels_chosen_for(selection).count("odd") <= 1
    assert not any("no label" in flag for flag in selection.flags)


def test_the_label_space_shows_an_example_for_a_label_that_it_carries(several: Engine) -> None:
    selection = select(several, "label_space(per_label=2,k=8)")
    shown = [shot.reason.partition("likeliest label, '")[2].partition("'")[0] for shot in selection.by_rank]
    assert len(shown) == 8
    for label, shot in zip(shown, selection.by_rank, strict=True):
        assert label in shot.example.labels
    assert max(Counter(shown).values()) == 2


def test_a_label_filter_and_difficulty_see_every_label_of_an_example(several: Engine) -> None:
    odd = select(several, "where(labels=odd)|all")
    assert {shot.example.labels for shot in odd.demonstrations} == set(LABEL_SETS[1:])
    # All neighbours of an odd example that are odd as well agree with it.
    hardest = select(several, "where(labels=odd)|hard(k=3)")
    assert all(shot.reason.startswith("difficulty 0.0000") for shot in hardest.demonstrations)


@pytest.mark.parametrize("k", [6, 9])
def test_an_example_with_several_labels_counts_for_the_one_stratified_chose_it_for(
    several: Engine, k: int
) -> None:
    selection = select(several, f"stratified(k={k})")
    assert len(selection.demonstrations) == k
    assert not any("no label" in flag for flag in selection.flags)
    everyone = select(several, "all").demonstrations
    counts = Counter(label for shot in everyone for label in shot.example.labels)
    given_out = Counter(labels_chosen_for(selection))
    for label, count in counts.items():
        assert abs(given_out[label] - k * count / counts.total()) < 1


# Numbers


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with opened(tmp_path_factory.mktemp("regression"), "regression", numbers) as engine:
        yield engine


def neighbourhoods(engine: Engine, count: int, space: str = "image") -> dict[str, list[str]]:
    """The nearest others of every example, one pair at a time."""
    rows = engine.vectors(engine.pool("p"), space, [f"e{number:03d}" for number in range(SIZE)])

    def nearness(one: str, other: str) -> float:
        return round(sum(float(a) * float(b) for a, b in zip(rows[one], rows[other], strict=True)), 6)

    return {
        one: sorted(rows.keys() - {one}, key=lambda other: (-nearness(one, other), other))[:count]
        for one in rows
    }


@pytest.mark.parametrize("space", ["image", "text"])
def test_a_number_is_hard_as_far_as_it_is_from_the_mean_of_its_neighbours(
    regression: Engine, space: str
) -> None:
    target = {f"e{number:03d}": float(numbers(number)["answer"]) for number in range(SIZE)}
    reach = max(target.values()) - min(target.values())
    off = {
        id: round(abs(target[id] - sum(target[one] for one in near) / len(near)) / reach, 6)
        for id, near in neighbourhoods(regression, 4, space).items()
    }
    ranking = sorted(off, key=lambda id: (-off[id], id))
    ranking.remove(QUERY)
    selection = select(regression, f"{EVERY_SPLIT}|hard(neighbours=4,space={space},k=9)")
    assert [shot.example.id for shot in selection.by_rank] == ranking[:9]
    assert [shot.reason.split()[1] for shot in selection.by_rank] == [f"{off[id]:.4f}," for id in ranking[:9]]


def test_numbers_that_are_all_the_same_are_all_easy(tmp_path) -> None:
    with opened(tmp_path, "regression", lambda number: {"labels": (), "answer": "7"}) as engine:
        selection = select(engine, "hard(k=5)")
        assert all(shot.reason.startswith("difficulty 0.0000") for shot in selection.demonstrations)


@pytest.mark.parametrize("wrong", ["twelve", "1,5", "nan", "-inf", "3 kg", "1e999"])
@pytest.mark.parametrize("text", ["hard", "hard(space=text,neighbours=3)", "curriculum"])
def test_an_answer_that_is_no_number_is_one_clear_error_for_difficulty(
    tmp_path, wrong: str, text: str
) -> None:
    with opened(
        tmp_path, "regression", lambda number: {"labels": (), "answer": wrong if number == 5 else "1"}
    ) as engine:
        with pytest.raises(InvalidInput) as caught:
            select(engine, text)
        error = caught.value
        assert (error.field, error.value) == ("answer", wrong)
        assert error.message == "an answer of this regression pool is not a number"
        assert error.mend == "Give every example a number as its answer"
        # Whoever does not look at numbers is not disturbed, nor is difficulty where the example is filtered out.
        assert len(select(engine, "rices(k=6)").demonstrations) == 6
        assert len(select(engine, "hard(by=model,k=6)").demonstrations) == 6
        assert len(select(engine, f"where(metadata={{device=0}})|{text}").demonstrations) == 8


@pytest.mark.parametrize("said", ["1e3", " 1000 ", "+1000.0", "１０００"])
def test_numbers_are_read_however_they_are_written(tmp_path, said: str) -> None:
    with opened(
        tmp_path, "regression", lambda number: {"labels": (), "answer": said if number % 2 else "1000"}
    ) as engine:
        selection = select(engine, "hard(k=5)")
        assert all(shot.reason.startswith("difficulty 0.0000") for shot in selection.demonstrations)


@pytest.mark.parametrize("text", ["hard(k=6)", "curriculum(k=6)"])
def test_labels_beside_the_numbers_do_not_stand_for_them(tmp_path, text: str) -> None:
    """A regression pool may have labels to balance by; the number is still the answer."""
    with opened(
        tmp_path, "regression", lambda number: {**numbers(number), "labels": (f"class {number % 4}",)}
    ) as engine:
        assert len(select(engine, "balanced(k=6)").demonstrations) == 6
        assert len(select(engine, text).demonstrations) == 6


# Free texts


@pytest.mark.parametrize("kind", ["open", "vqa", "captioning"])
def test_free_texts_differ_in_more_than_case_width_and_spaces(tmp_path, kind) -> None:
    same = ["Two cats", "two  CATS ", "ｔｗｏ cats", "TWO\tcats"]
    with opened(tmp_path / "same", kind, lambda n: {"labels": (), "answer": same[n % 4]}) as engine:
        easy = select(engine, "hard(k=6)")
    assert all(shot.reason.startswith("difficulty 0.0000") for shot in easy.demonstrations)
    with opened(tmp_path / "other", kind, sentences) as engine:
        near = neighbourhoods(engine, 4)
        said = {f"e{number:03d}": SENTENCES[number * 7 % 4] for number in range(SIZE)}
        share = {id: sum(said[id] != said[one] for one in near[id]) / 4 for id in near}
        hard = select(engine, f"{EVERY_SPLIT}|hard(neighbours=4,k=7)")
    ranking = [id for id in sorted(share, key=lambda id: (-share[id], id)) if id != QUERY]
    assert [shot.example.id for shot in hard.by_rank] == ranking[:7]


def test_examples_without_a_label_only_fill_where_others_have_one(tmp_path) -> None:
    def fields(number: int) -> dict[str, object]:
        return {"labels": ("known",) if number % 6 == 2 else (), "answer": SENTENCES[number % 4]}

    with opened(tmp_path, "vqa", fields) as engine:
        for text in ("balanced(k=6)", "stratified(k=6)"):
            selection = select(engine, text)
            assert [bool(shot.example.labels) for shot in selection.by_rank] == [True] * 4 + [False] * 2
            assert "filled up with examples that have no label" in selection.flags
        likely = select(engine, "label_space(k=6)")
        assert [bool(shot.example.labels) for shot in likely.by_rank] == [True] * 4 + [False] * 2
        with pytest.raises(InvalidInput, match="balanced needs labels"):
            select(engine, "where(metadata={site=B})|balanced")
