"""The judge that tests of selectors ask, held to the one that asks models: same calls, answers of the same shape."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from drafts import draft

from shotsmith.clients.vlm.fake import FakeVLM
from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.examples import Example, Query
from shotsmith.domain.messages import Reply, Request, TextPart
from shotsmith.domain.sources import Judge
from shotsmith.engine import Engine
from shotsmith.engine.judging import ModelJudge
from shotsmith.selectors.fake_judge import FakeJudge
from shotsmith.settings import Settings

LABELS = [f"class {number}" for number in range(4)]
METHODS = ["probabilities", "ranking", "description", "difficulty"]


def said(request: Request) -> str | Reply:
    """What a model would answer to each question, told by its beginning."""
    question = "".join(part.text for part in request.messages[0].parts if isinstance(part, TextPart))
    if question.startswith("Describe"):
        return " A red thing. "
    if "Rank the candidates" in question:
        return "3 > 1"
    if "1" in question and "5" in question:  # the ends of every scale
        return "4"
    return Reply("class 1", request.model, alternatives=(("class 1", 0.5), ("class", 0.4), ("zebra", 0.1)))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    place = tmp_path_factory.mktemp("judged")
    with Engine(Settings(data_dir=place, index_url="memory:", encoder="fake")) as opened:
        opened.create_pool("p", instruction="What is it?")
        opened.add("p", [draft(number, number % 4) for number in range(8)])
        yield opened


@pytest.fixture
def vlm() -> FakeVLM:
    return FakeVLM(said)


@pytest.fixture
def model(engine: Engine, vlm: FakeVLM) -> Callable[[str], ModelJudge]:
    """The engine's judge of a model; offline baselines answer for themselves."""

    def ask(name: str | None, messages: Sequence[Any], parameters: Any) -> Reply:
        chosen = engine.model(name) if name and name.startswith("offline/") else vlm
        return chosen.complete(Request(name or "", tuple(messages), dict(parameters)))

    def make(name: str) -> ModelJudge:
        pool = engine.pool("p")
        return ModelJudge(name, ask, pool, engine.labels(pool), engine.prepared)

    return make


@pytest.fixture(params=["fake judge", "model"])
def judge(request: pytest.FixtureRequest, model) -> Judge:
    return FakeJudge() if request.param == "fake judge" else model("fake/scripted")


@pytest.fixture
def query(engine: Engine) -> Query:
    return engine.query_of("p", "e001")


@pytest.fixture
def shots(engine: Engine) -> list[Example]:
    return [engine.example("p", id) for id in ("e006", "e005", "e003")]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [FakeJudge, ModelJudge])
def test_the_same_calls_can_be_made(kind: type, method: str) -> None:
    def calls(owner: type) -> list[tuple[str, object]]:
        parameters = inspect.signature(getattr(owner, method)).parameters.values()
        return [(parameter.name, parameter.default) for parameter in parameters]

    assert calls(kind) == calls(Judge)


def test_the_protocol_has_no_other_call() -> None:
    public = {name for name, _ in inspect.getmembers(Judge, callable) if not name.startswith("_")}
    assert public == set(METHODS)


def test_a_judge_has_a_name(judge: Judge) -> None:
    assert judge.name in ("fake/judge", "fake/scripted")


@pytest.mark.parametrize("labels", [LABELS, LABELS[::-1], LABELS[1:2], [*LABELS, "never heard of"]], ids=repr)
def test_every_label_has_a_probability_and_they_sum_to_one(
    judge: Judge, query: Query, shots: list[Example], labels: list[str]
) -> None:
    found = judge.probabilities(query, shots, labels)
    assert sorted(found) == sorted(labels)
    assert all(0 <= chance <= 1 for chance in found.values())
    assert math.fsum(found.values()) == pytest.approx(1)
    assert judge.probabilities(query, shots, labels) == found


def test_an_offline_baseline_tells_probabilities_of_the_same_shape(model, query: Query, shots) -> None:
    found = model("offline/knn-vote").probabilities(query, shots, [*LABELS, "never heard of"])
    assert sorted(found) == [*LABELS, "never heard of"]
    assert math.fsum(found.values()) == pytest.approx(1)
    # Shown are classes 2, 1 and 3; nobody votes for what nobody shows.
    assert {label for label, chance in found.items() if chance} == set(LABELS[1:])


def test_a_label_that_nobody_says_is_possible_for_the_fake_judge_alone(judge: Judge, query, shots) -> None:
    """A model may be asked about labels that it never mentions; the fake one has an opinion on everything."""
    if isinstance(judge, FakeJudge):
        assert list(judge.probabilities(query, shots, ["never heard of"])) == ["never heard of"]
        return
    with pytest.raises(InvalidInput, match="does not tell how likely") as caught:
        judge.probabilities(query, shots, ["never heard of"])
    assert (caught.value.field, caught.value.value) == ("model", "fake/scripted")
    assert caught.value.mend


def test_without_labels_no_probability_is_told(judge: Judge, query: Query, shots: list[Example]) -> None:
    """Selectors refuse pools without labels before they ask: the fake judge says nothing, a model is an error."""
    if isinstance(judge, FakeJudge):
        assert judge.probabilities(query, shots, []) == {}
        return
    with pytest.raises(InvalidInput):
        judge.probabilities(query, shots, [])


def test_probabilities_without_demonstrations_are_those_of_the_query_alone(
    judge: Judge, query: Query
) -> None:
    found = judge.probabilities(query, [], LABELS)
    assert sorted(found) == LABELS
    assert math.fsum(found.values()) == pytest.approx(1)


def test_a_baseline_without_demonstrations_has_no_votes_to_tell(model, query: Query) -> None:
    with pytest.raises(InvalidInput, match="does not tell how likely"):
        model("offline/knn-vote").probabilities(query, [], LABELS)


def test_a_baseline_is_not_recommended_in_its_own_place(model, query: Query) -> None:
    """It did tell its votes, and none of them was for a label that was asked about."""
    answered = Example("a", text="thing", answer="a red bird", labels=("class 1",))
    with pytest.raises(InvalidInput) as caught:
        model("offline/knn-vote").probabilities(query, [answered], LABELS)
    assert "or offline/knn-vote" not in str(caught.value.mend)


def test_a_ranking_holds_every_candidate_once(judge: Judge, query: Query, shots: list[Example]) -> None:
    ids = [shot.id for shot in shots]
    found = judge.ranking(query, shots)
    assert sorted(found) == sorted(ids)
    assert list(judge.ranking(query, shots)) == list(found)
    assert list(judge.ranking(query, shots[:1])) == ids[:1]
    assert list(judge.ranking(query, [])) == []


def test_a_model_ranks_the_rest_as_given_and_the_fake_judge_by_its_own_mind(model, query, shots) -> None:
    assert list(model("fake/scripted").ranking(query, shots)) == ["e003", "e006", "e005"]
    orders = {
        tuple(FakeJudge().ranking(query, order)) for order in (shots, shots[::-1], shots[1:] + shots[:1])
    }
    assert len(orders) == 1


@pytest.mark.parametrize("text", ["", "what is it?"])
def test_a_description_is_a_text_without_outer_space(judge: Judge, query: Query, text: str) -> None:
    found = judge.description(Query(query.media, text))
    assert found
    assert found == found.strip()


def test_a_difficulty_lies_between_zero_and_one_in_every_wording(judge: Judge, shots: list[Example]) -> None:
    found = [judge.difficulty(shots[0], prompt) for prompt in range(31)]
    assert all(isinstance(one, float) and 0 <= one <= 1 for one in found)
    assert judge.difficulty(shots[0]) == found[0]


def test_the_fake_judge_keeps_count_and_tells_queries_sets_and_wordings_apart(query, shots) -> None:
    judge = FakeJudge()
    told = [judge.probabilities(query, order, LABELS) for order in (shots, shots[::-1], shots[:2], [])] + [
        judge.probabilities(Query(text="another"), shots, LABELS)
    ]
    assert len({tuple(one.items()) for one in told}) == 5
    assert len({judge.difficulty(shots[0], prompt) for prompt in range(30)}) == 30
    judge.description(query)
    judge.ranking(query, shots)
    assert judge.asked == ["probabilities"] * 5 + ["difficulty"] * 30 + ["description", "ranking"]


def test_a_model_is_asked_once_a_call(model, vlm: FakeVLM, query: Query, shots: list[Example]) -> None:
    judge = model("fake/scripted")
    judge.probabilities(query, shots, LABELS)
    judge.ranking(query, shots)
    judge.description(query)
    judge.difficulty(shots[0], 3)
    assert len(vlm.requests) == 4
    assert [request.parameters.get("logprobs", False) for request in vlm.requests] == [
        True,
        False,
        False,
        True,
    ]
