"""The offline baselines beside their definitions: votes, ties, parameters and probabilities."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.clients.vlm import open_model
from shotsmith.domain.errors import InvalidParameter
from shotsmith.domain.messages import Message, Reply, Request, TextPart
from shotsmith.domain.scoring import unit
from shotsmith.prompts.dialects import Brief, Shot, open_dialect

NAMES = ["offline/knn-vote", "offline/majority-class", "offline/copy-nearest", "offline/random-demo-answer"]
QUERY = 100  # the hundredths whose cosine with the query is 1


class Dial:
    """An encoder of texts that are numbers: the text "37" has cosine 0.37 with the text "100", to the quantum."""

    id = "dial/1"
    dims: Mapping[str, int] = {"text": 2}

    def encode_images(self, images: Sequence[object]) -> dict[str, np.ndarray]:
        return {}

    def encode_texts(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        angles = np.array([int(text) / 100 for text in texts])
        return {"text": unit(np.stack([angles, np.sqrt(1 - angles**2)], axis=1))}


@pytest.fixture(scope="module")
def shot(picture):
    """A demonstration of so many hundredths; None for one that has no text to compare."""

    def make(hundredths: int | None, answer: str) -> Shot:
        if hundredths is None:
            return Shot((picture("red"),), "", answer)
        return Shot((), str(hundredths), answer)

    return make


def ask(name: str, shots: Sequence[Shot], dialect: str = "chat", **parameters: object) -> Reply:
    messages = open_dialect(dialect).render(Brief("Do it.", tuple(shots), Shot((), str(QUERY))))
    return open_model(name, encoder=Dial).complete(Request(name, messages, parameters))


def similar(hundredths: int | None) -> float:
    return -math.inf if hundredths is None else hundredths


def voted(shown: list[tuple[int | None, str]], weights: str) -> tuple[str, dict[str, float]]:
    """The definition in whole hundredths: who wins, and the share of each answer."""
    if all(hundredths is None for hundredths, _ in shown):
        weights = "uniform"
    votes: Counter[str] = Counter()
    nearness: dict[str, float] = {}
    for hundredths, answer in shown:
        votes[answer] += 1 if weights == "uniform" else max(hundredths or 0, 0)
        nearness[answer] = max(similar(hundredths), nearness.get(answer, -math.inf))
    ranking = sorted(votes, key=lambda answer: (-votes[answer], -nearness[answer], answer))
    total = votes.total()
    return ranking[0], {answer: votes[answer] / total if total else 1 / len(votes) for answer in votes}


def closest(shown: list[tuple[int | None, str]], k: int | None) -> list[tuple[int | None, str]]:
    return sorted(shown, key=lambda pair: (-similar(pair[0]), pair[1]))[:k]


def is_consistent(reply: Reply) -> bool:
    """Probabilities, the answer first and none likelier than it."""
    chances = [chance for _, chance in reply.alternatives]
    return (
        reply.alternatives[0][0] == reply.text
        and chances == sorted(chances, reverse=True)
        and all(0 <= chance <= 1 for chance in chances)
        and math.isclose(math.fsum(chances), 1)
        and len({answer for answer, _ in reply.alternatives}) == len(chances)
    )


hundredths = st.none() | st.sampled_from([-100, -30, 0, 20, 40, 41, 80, 100])
demonstrations = st.lists(st.tuples(hundredths, st.sampled_from("abc")), min_size=1, max_size=8)


@settings(max_examples=120)
@given(
    shown=demonstrations,
    k=st.none() | st.integers(1, 9),
    weights=st.sampled_from([None, "similarity", "uniform"]),
    dialect=st.sampled_from(["chat", "interleaved"]),
    dice=st.integers(0, 99),
)
def test_knn_vote_is_the_vote_of_the_k_nearest(shot, shown, k, weights, dialect, dice) -> None:
    mixed = random.Random(dice).sample(shown, len(shown))
    shots = [shot(n, answer) for n, answer in mixed]
    reply = ask("offline/knn-vote", shots, dialect, k=k, weights=weights)
    nobody = all(n is None for n, _ in shown)
    expected, chances = voted(closest(shown, k), "uniform" if nobody else weights or "similarity")
    assert reply.text == expected
    assert dict(reply.alternatives) == pytest.approx(chances)
    assert is_consistent(reply)


@settings(max_examples=60)
@given(shown=demonstrations, dice=st.integers(0, 99))
def test_the_simple_baselines_are_what_they_say(shot, shown, dice) -> None:
    mixed = random.Random(dice).sample(shown, len(shown))
    shots = [shot(n, answer) for n, answer in mixed]
    majority = ask("offline/majority-class", shots)
    expected, chances = voted(shown, "uniform")
    assert (majority.text, dict(majority.alternatives)) == (expected, pytest.approx(chances))
    assert is_consistent(majority)
    nearest = ask("offline/copy-nearest", shots)
    assert (nearest.text, nearest.alternatives) == (closest(shown, 1)[0][1], ((nearest.text, 1.0),))
    drawn = ask("offline/random-demo-answer", shots)
    assert drawn.text in {answer for _, answer in shown}
    assert drawn.alternatives == ((drawn.text, 1.0),)


def test_k_leaves_out_all_but_the_most_similar(shot) -> None:
    shots = [shot(90, "a"), shot(80, "b"), shot(70, "b"), shot(60, "c"), shot(60, "c"), shot(60, "c")]
    assert [ask("offline/knn-vote", shots, k=k).text for k in (1, 2, 3, 5, 6, 99)] == list("aabbcc")
    assert ask("offline/knn-vote", shots, k=6).text == ask("offline/knn-vote", shots).text == "c"


def test_weights_decide_between_one_good_match_and_two_poor_ones(shot) -> None:
    shots = [shot(90, "good"), shot(40, "poor"), shot(40, "poor")]
    weighted, plain = (ask("offline/knn-vote", shots, weights=one) for one in ("similarity", "uniform"))
    assert weighted.alternatives == (("good", pytest.approx(90 / 170)), ("poor", pytest.approx(80 / 170)))
    assert plain.alternatives == (("poor", pytest.approx(2 / 3)), ("good", pytest.approx(1 / 3)))
    assert [one.notes[1].partition(":")[0] for one in (weighted, plain)] == [
        "similarity-weighted vote",
        "plain majority",
    ]


def test_duplicates_vote_once_each_but_are_drawn_once(shot) -> None:
    lone, copied = shot(60, "lone"), shot(40, "copied")
    assert ask("offline/knn-vote", [lone, copied]).text == "lone"
    assert ask("offline/knn-vote", [lone, copied, copied]).text == "copied"
    assert ask("offline/majority-class", [lone, copied, copied]).text == "copied"
    assert ask("offline/copy-nearest", [lone, copied, copied]).text == "lone"
    for seed in range(20):
        once = ask("offline/random-demo-answer", [lone, copied], seed=seed)
        assert ask("offline/random-demo-answer", [copied, lone, copied], seed=seed).text == once.text


def test_a_random_answer_is_fair_keyed_by_seed_and_query_and_deaf_to_the_order(shot) -> None:
    name = "offline/random-demo-answer"
    shots = [shot(n, answer) for n, answer in ((90, "a"), (80, "b"), (10, "c"), (None, "d"))]
    drawn = Counter(ask(name, shots, seed=seed).text for seed in range(200))
    assert set(drawn) == set("abcd")
    assert all(25 <= count <= 75 for count in drawn.values())  # 4 standard deviations around 50
    for seed in range(10):
        texts = {
            ask(name, order, dialect, seed=seed).text
            for order in (shots, shots[::-1])
            for dialect in ("chat", "interleaved")
        }
        assert len(texts) == 1
    assert ask(name, shots).text == ask(name, shots, seed=0).text == ask(name, shots, seed=None).text
    other = open_dialect("chat").render(Brief("Do it.", tuple(shots), Shot((), "50")))
    model = open_model(name, encoder=Dial)
    differing = [
        seed
        for seed in range(20)
        if model.complete(Request(name, other, {"seed": seed})).text != ask(name, shots, seed=seed).text
    ]
    assert differing


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_answer_is_an_answer_like_any_other(name: str, shot) -> None:
    """No prompt of ours holds one: such examples are dropped. Messages from elsewhere may."""
    mute = [
        Message("user", (TextPart("Input: 100"),)),
        Message("assistant", ()),
        Message("user", (TextPart("Input: 100"),)),
    ]
    reply = open_model(name, encoder=Dial).complete(Request(name, tuple(mute)))
    assert (reply.text, reply.alternatives) == ("", (("", 1.0),))
    spoken = [Message("user", (TextPart("Input: 90"),)), Message("assistant", (TextPart("a"),))] * 2
    if name == "offline/knn-vote":
        reply = open_model(name, encoder=Dial).complete(Request(name, (*spoken, *mute)))
        assert reply.alternatives == (("a", pytest.approx(180 / 280)), ("", pytest.approx(100 / 280)))


@pytest.mark.parametrize("name", NAMES)
def test_without_demonstrations_and_labels_there_is_no_answer_and_no_probability(name: str) -> None:
    reply = ask(name, [])
    assert (reply.text, reply.alternatives) == ("", ())
    assert reply.notes[1] == "no demonstrations and no label list: no answer"


@pytest.mark.parametrize(
    ("name", "given_parameters", "unused"),
    [
        ("offline/knn-vote", {"k": 1, "weights": "uniform", "seed": 1, "depth": 2}, "depth, seed"),
        ("offline/majority-class", {"k": 1, "weights": "similarity"}, "k, weights"),
        ("offline/copy-nearest", {"k": 3}, "k"),
        ("offline/random-demo-answer", {"seed": 1, "k": 3, "temperature": 0.5}, "k, temperature"),
    ],
)
def test_parameters_that_a_baseline_does_not_know_change_nothing_and_are_named(
    name: str, given_parameters: dict[str, object], unused: str, shot
) -> None:
    shots = [shot(90, "a"), shot(40, "b"), shot(40, "b")]
    reply = ask(name, shots, **given_parameters)
    assert reply.notes[-1] == f"parameters without effect: {unused}"
    known = {key: value for key, value in given_parameters.items() if key not in unused.split(", ")}
    plain = ask(name, shots, **known)
    assert reply.text == plain.text
    assert not any("without effect" in note for note in plain.notes)


BAD = [
    ("offline/knn-vote", {"k": 0}, "k", "0"),
    ("offline/knn-vote", {"k": -1}, "k", "-1"),
    ("offline/knn-vote", {"k": 1.5}, "k", "1.5"),
    ("offline/knn-vote", {"k": "3"}, "k", "3"),
    ("offline/knn-vote", {"k": True}, "k", "True"),
    ("offline/knn-vote", {"weights": "distance"}, "weights", "distance"),
    ("offline/knn-vote", {"weights": ["similarity"]}, "weights", "['similarity']"),
    ("offline/knn-vote", {"weights": ""}, "weights", ""),
    ("offline/random-demo-answer", {"seed": "one"}, "seed", "one"),
    ("offline/random-demo-answer", {"seed": 0.5}, "seed", "0.5"),
    ("offline/random-demo-answer", {"seed": True}, "seed", "True"),
]


@pytest.mark.parametrize(("name", "given_parameters", "field", "value"), BAD)
def test_a_parameter_out_of_range_is_one_error_with_field_and_value(
    name: str, given_parameters: dict[str, object], field: str, value: str, shot
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        ask(name, [shot(90, "a")], **given_parameters)
    assert (caught.value.field, caught.value.value) == (field, value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "given_parameters"),
    [
        ("offline/knn-vote", {"k": 0}),
        ("offline/knn-vote", {"weights": "distance"}),
        ("offline/random-demo-answer", {"seed": "one"}),
    ],
)
def test_a_parameter_out_of_range_says_how_to_mend_it(
    name: str, given_parameters: dict[str, object], shot
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        ask(name, [shot(90, "a")], **given_parameters)
    assert caught.value.mend


@pytest.mark.parametrize("given_parameters", [{"k": 0}, {"weights": "distance"}])
def test_a_parameter_out_of_range_is_refused_without_demonstrations_too(
    given_parameters: dict[str, object],
) -> None:
    """So that the zero-shot arm of a comparison does not pass where all others fail."""
    with pytest.raises(InvalidParameter):
        ask("offline/knn-vote", [], **given_parameters)
