"""Data care as pure functions."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.domain.errors import InvalidInput, InvalidParameter
from shotsmith.domain.examples import Example
from shotsmith.domain.media import Media
from shotsmith.domain.scoring import unit
from shotsmith.experiments.care import Logged, copies, coverage, influence, label_next, read_log, suspects
from shotsmith.experiments.care.features import features
from shotsmith.experiments.care.margins import PENALTIES, margins
from shotsmith.experiments.care.suspects import disagreement


def clouds(count: int, kinds: int = 3, spread: float = 0.5, seed: int = 0):
    """Unit rows around `kinds` centres, with the kind of each."""
    drawn = np.random.default_rng(seed)
    centres = drawn.normal(size=(kinds, 12))
    of = np.arange(count) % kinds
    return unit(centres[of] + spread * drawn.normal(size=(count, 12))), [f"k{kind}" for kind in of]


def picture(name: str, dhash: str = "") -> Media:
    return Media("image", name * 8, "image/png", 9, 4, 4, f"pixels {name}", dhash)


# Suspects


def test_flipped_labels_are_the_most_suspect_and_the_right_one_is_suggested():
    rows, labels = clouds(60)
    ids = [f"e{place:02}" for place in range(60)]
    told = list(labels)
    for place in (7, 20, 41):
        told[place] = f"k{(int(labels[place][1]) + 1) % 3}"
    found = suspects(ids, [(label,) for label in told], rows)
    assert {one.id for one in found[:3]} == {"e07", "e20", "e41"}
    assert all(one.flagged and one.margin > 0 and one.disagreement > 0.5 for one in found[:3])
    assert [one.suggested for one in found[:3]] == [labels[int(one.id[1:])] for one in found[:3]]
    assert not any(one.flagged for one in found[3:])
    assert len(found) == 60
    assert all(0 <= one.score <= 1 for one in found)


@given(st.permutations(range(24)))
def test_the_order_of_the_rows_does_not_matter(order):
    rows, labels = clouds(24, spread=1.5)
    ids = [f"e{place:02}" for place in range(24)]
    straight = suspects(ids, [(label,) for label in labels], rows, neighbours=4)
    mixed = suspects([ids[i] for i in order], [(labels[i],) for i in order], rows[list(order)], neighbours=4)
    assert mixed == straight


@pytest.mark.parametrize("count", [9, 40])
def test_margins_are_those_of_fits_without_each_row(count):
    rows, labels = clouds(count, spread=1.0)  # 9: fewer rows than columns
    places = [[int(label[1])] for label in labels]
    fit = margins(rows, places, 3)
    assert fit.penalty in PENALTIES
    wide = np.concatenate([rows, np.full((count, 1), 0.7071, np.float32)], axis=1).astype(float)
    wanted = np.eye(3)[[place[0] for place in places]]
    errors = {}
    for penalty in PENALTIES:
        scores = np.empty((count, 3))
        for row in range(count):
            rest = np.delete(np.arange(count), row)
            some = wide[rest]
            weights = np.linalg.solve(some.T @ some + penalty * np.eye(13), some.T @ wanted[rest])
            scores[row] = wide[row] @ weights
        errors[penalty] = ((scores - wanted) ** 2).sum()
        if penalty == fit.penalty:
            own = scores[np.arange(count), wanted.argmax(1)]
            rival = np.where(wanted > 0, -np.inf, scores)
            np.testing.assert_allclose(fit.margin, rival.max(1) - own, atol=2e-6)
            assert fit.rival.tolist() == rival.argmax(1).tolist()
    assert min(errors, key=errors.get) == fit.penalty


def test_several_labels_overlap_in_part():
    rows = unit(np.array([[1, 0.0], [1, 0.01], [1, 0.02]]))
    found = disagreement(rows, [("a", "b"), ("a",), ("c",)], 2)
    np.testing.assert_allclose(found, [1 - (0.5 + 0) / 2, 1 - (0.5 + 0) / 2, 1.0])


def test_harm_in_the_log_makes_an_example_more_suspect():
    rows, labels = clouds(30)
    ids = [f"e{place:02}" for place in range(30)]
    carried = [(label,) for label in labels]
    plain = {one.id: one for one in suspects(ids, carried, rows)}
    heard = {one.id: one for one in suspects(ids, carried, rows, influences={"e03": -0.5, "e04": 0.5})}
    assert heard["e03"].influence == -0.5
    assert heard["e05"].influence is None
    assert heard["e03"].score == pytest.approx((2 * plain["e03"].score + 0.25) / 2.25, abs=2e-6)
    assert heard["e05"].score == plain["e05"].score


def test_a_single_label_cannot_be_mistaken():
    with pytest.raises(InvalidInput, match="fewer than two labels"):
        suspects(["a", "b"], [("x",), ("x",)], unit(np.eye(2)))
    assert suspects([], [], np.zeros((0, 2), np.float32)) == []


def test_features_average_the_cosines_of_all_spaces():
    one, two = unit(np.array([[1.0, 2.0], [2.0, 1.0]])), unit(np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
    rows = features(
        ["a", "b"],
        {"image": dict(zip("ab", one, strict=True)), "text": dict(zip("ab", two, strict=True)), "joint": {}},
    )
    assert rows[0] @ rows[1] == pytest.approx((one[0] @ one[1] + two[0] @ two[1]) / 2, abs=1e-6)
    alone = features(["a", "b"], {"image": {"a": one[0]}})
    assert alone[1].tolist() == [0, 0]


# Influence


def test_influence_is_what_following_a_label_was_worth():
    labels = {"cat": ("Cat",), "dog": ("dog",)}
    right, wrong = Logged(("cat", "dog", "gone"), "cat", 1.0), Logged(("cat", "dog"), "cat", 0.0)
    assert influence([right], labels) == {"cat": 1 / 5, "dog": -0.5 / 5}
    assert influence([wrong], labels) == {"cat": -1 / 5, "dog": 0.0}
    assert influence([Logged(("cat",), "", 0.0)], labels) == {"cat": 0.0}, "unread: nobody was followed"


@given(
    st.lists(st.tuples(st.sets(st.sampled_from("abcd")), st.sampled_from("xy"), st.floats(0, 1)), max_size=20)
)
def test_influence_is_bounded_and_knows_no_order(entries):
    log = [Logged(tuple(shown), answer, score) for shown, answer, score in entries]
    labels = {"a": ("x",), "b": ("y",), "c": ("x", "y")}
    found = influence(log, labels)
    assert found == influence(reversed(log), labels)
    assert all(-1 <= effect <= 1 for effect in found.values())
    assert found.keys() <= labels.keys()


def test_logs_are_read_from_comparisons_and_lines(tmp_path):
    import json

    file = tmp_path / "log.json"
    outcome = {"item": "q", "answer": "x", "correct": True, "demonstrations": ["a", "b"]}
    file.write_text(json.dumps({"arms": [{"name": "rices@2", "outcomes": [outcome]}]}))
    assert read_log(file) == [Logged(("a", "b"), "x", 1.0)]
    lines = [
        '{"demonstrations": ["a"], "answer": "x", "score": 0.25}',
        "",
        '{"demonstrations": [], "answer": null, "correct": false}',
    ]
    file.write_text("\n".join(lines))
    assert read_log(file) == [Logged(("a",), "x", 0.25), Logged((), "", 0.0)]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"demonstrations": "a", "correct": true}', "log:1: demonstrations"),
        ('{"demonstrations": ["a"]}\n{"demonstrations": ["a"], "correct": true}', "log:1: correct"),
        ('{"demonstrations": ["a"], "score": 2}', "log:1: score"),
        ('{"demonstrations": ["a"], "answer": "x", "correct": true}\nnot json', "log:2"),
        ('{"demonstrations": ["a"], "correct": true}', "log:1: answer"),
        ("[1]", "log:1"),
        ('{"arms": [{}]}', "log"),
    ],
)
def test_a_bad_log_is_one_error_with_its_place(tmp_path, text, field):
    (tmp_path / "log").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read_log(tmp_path / "log")
    assert caught.value.field == field
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_log(tmp_path)


# Copies


def test_copies_are_told_once_by_the_closest_kind_with_leaks_and_contradictions():
    near, far = "00ff00ff00ff00ff", "00ff00ff00ff0ff0"
    found = copies(
        [
            Example("a", (picture("p", near),), labels=("cat",), split="test"),
            Example("b", (picture("p", near),), labels=("dog",)),
            Example("c", (picture("q", "00ff00ff00ff00fe"),), labels=("dog",), split="train"),
            Example("d", (picture("r", far),), labels=("dog",)),
            Example("e", text="Hello, world!", labels=("cat",)),
            Example("f", text="hello world", labels=("cat",), group="g", split="test"),
            Example("g", text="other", labels=("cat",), group="g"),
            Example("h", (picture("flat", "0" * 16),), labels=("cat",)),
            Example("i", (picture("flat2", "0" * 16),), labels=("cat",)),
        ]
    )
    assert [(one.kind, one.ids, one.leak, one.contradiction) for one in found] == [
        ("exact", ("a", "b"), True, True),
        ("near picture", ("a", "b", "c"), True, False),
        ("near text", ("e", "f"), True, False),
        ("same group", ("f", "g"), True, False),
    ]
    assert found[0].answers == ("cat", "dog")
    assert found[1].splits == ("test", "train")


def test_another_question_about_a_picture_is_another_example_but_the_picture_was_seen():
    pair = [
        Example("a", (picture("p"),), text="How many?", answer="2"),
        Example("b", (picture("p"),), text="What colour?", answer="red", split="test"),
    ]
    assert [(one.kind, one.leak) for one in copies(pair, "vqa")] == [("same picture", True)]
    assert [one.kind for one in copies(pair, "classification")] == ["exact"]


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=4)), max_size=12),
)
def test_near_pictures_are_all_pairs_within_three_bits_joined(hashes, changed):
    for place, bits in changed:
        if place < len(hashes):
            hashes.append(hashes[place] ^ sum(1 << bit for bit in bits))
    examples = [Example(f"e{i:02}", (picture(f"p{i}", f"{number:016x}"),)) for i, number in enumerate(hashes)]
    sets = {one.id: {one.id} for one in examples}
    telling = [i for i, number in enumerate(hashes) if 8 <= number.bit_count() <= 56]
    for i in telling:
        for j in telling:
            if (hashes[i] ^ hashes[j]).bit_count() <= 3:
                joined = sets[examples[i].id] | sets[examples[j].id]
                for id in joined:
                    sets[id] = joined
    expected = sorted({tuple(sorted(ids)) for ids in sets.values() if len(ids) > 1})
    assert [one.ids for one in copies(examples, "open")] == expected


# Coverage


def test_coverage_counts_folds_distinct_contents_and_groups():
    base = Example("a", (picture("p"),), labels=("cat", "tame"), group="g")
    found = coverage(
        [
            base,
            replace(base, id="b"),
            Example("c", (picture("q"),), labels=("cat",), group="g"),
            Example("d", (picture("r"),), labels=("cat",)),
            Example("e", (picture("s"),), labels=("dog",), split="test"),
            Example("f", text="?", answer="free"),
        ],
        ["cat", "dog", "yak"],
        few=3,
    )
    rows = {row.label: row for row in found.labels}
    assert (rows["cat"].splits, rows["cat"].distinct, rows["cat"].groups) == ({"train": 4}, 3, 2)
    assert found.missing == ("dog", "yak")
    assert found.thin == ("tame",)
    assert found.splits == {"test": 1, "train": 5}
    assert found.unlabelled == 1
    assert found.imbalance is None
    assert coverage([base, replace(base, id="b", labels=("cat",))]).imbalance == 2
    assert coverage([]).imbalance is None


# What to label next


def test_similar_sample_tasks_want_typical_ones_where_labels_are_few():
    rows, _ = clouds(40, kinds=2, spread=0.2)
    labelled = rows[::2][:10]  # all of the first kind
    (first,) = label_next(rows, labelled, 1, "SSL", votes=15)
    assert first % 2 == 1, "of the kind that has no label yet"


def test_all_sample_tasks_want_what_lies_farthest_from_everything_labelled():
    rows, _ = clouds(30, spread=1.0)
    labelled = rows[:5]
    chosen = label_next(rows[5:], labelled, 6, "ASL")
    have = labelled
    for place in chosen:
        nearest = (rows[5:].astype(float) @ have.astype(float).T).max(axis=1)
        assert place == int(np.argmin(np.round(nearest, 6)))
        have = np.concatenate([have, rows[5:][place : place + 1]])


@given(
    st.sampled_from(["KNN", "SSL", "ASL", "HYBRID", "INCONCLUSIVE"]),
    st.integers(0, 12),
    st.integers(0, 8),
    st.integers(0, 14),
)
def test_choices_are_distinct_nested_and_as_many_as_there_are(regime, size, labelled, count):
    rows, _ = clouds(20, spread=1.0)
    chosen = label_next(rows[:size], rows[12 : 12 + labelled], count, regime, votes=4)
    assert len(chosen) == len(set(chosen)) == min(count, size)
    assert chosen == label_next(rows[:size], rows[12 : 12 + labelled], size, regime, votes=4)[:count]


def test_nothing_is_labelled_for_a_task_that_gains_nothing():
    rows, _ = clouds(5)
    assert label_next(rows, rows[:0], 3, "NO-ICL") == []
    for wrong in ({"regime": "ssl"}, {"count": -1}):
        with pytest.raises(InvalidParameter) as caught:
            label_next(rows, rows[:0], **{"count": 1, **wrong})
        assert caught.value.field == next(iter(wrong))
