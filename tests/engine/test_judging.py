"""Models that selectors ask: real prompts, the ledger in front, and what cannot be asked is said."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import OpenAIServer, completion

from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.messages import Reply
from shotsmith.domain.recipes import Recipe
from shotsmith.prompts.judging import label_probabilities, read_ranking, read_rating

LABELS = [f"class {number}" for number in range(4)]


@pytest.fixture
def server():
    server = OpenAIServer()
    yield server
    server.close()


@pytest.fixture
def judged(engine, open_engine, server):
    """The pool behind a model on loopback."""
    return open_engine(model="hosted_vllm/judge", model_api_base=server.url, model_api_key="none")


def surest(label: str, probability: float):
    """A reply that tells the log probabilities of its first token."""
    rest = (1 - probability) / (len(LABELS) - 1)
    told = [
        {"token": one, "logprob": math.log(probability if one == label else rest), "bytes": None}
        for one in LABELS
    ]
    reply = completion(label)
    content = [{"token": label, "logprob": math.log(probability), "bytes": None, "top_logprobs": told}]
    reply.body["choices"][0]["logprobs"] = {"content": content}
    return reply


def chosen(selection) -> list[str]:
    return [shot.example.id for shot in selection.by_rank]


def test_a_listwise_rerank_shows_query_and_candidates_and_is_paid_for_once(judged, server) -> None:
    query = judged.query_of("p", "e001")
    server.enqueue(completion("Sure: 4 > 2 > 1 > 3"))
    recipe = Recipe(selector="rices|rerank(by=model,passes=1,depth=4)", k=4)
    selection = judged.select("p", query, recipe)
    (request,) = server.requests
    system, user = request.json["messages"]
    assert "Rank the candidates" in system["content"]
    texts = [part["text"] for part in user["content"] if part["type"] == "text"]
    assert [text for text in texts if text.startswith("Candidate")] == [
        f"Candidate {n}:" for n in (1, 2, 3, 4)
    ]
    assert sum(part["type"] == "image_url" for part in user["content"]) == 5
    shown = [text.removeprefix("Input: thing ") for text in texts if text.startswith("Input:")][1:]
    assert [int(id[1:]) for id in chosen(selection)] == [int(shown[place - 1]) for place in (4, 2, 1, 3)]
    assert judged.select("p", query, recipe) == selection
    assert len(server.requests) == 1
    assert selection.by_rank[0].stage == "rices > rerank"


def test_passes_shuffle_the_candidates_and_average_the_ranks(judged, server) -> None:
    server.enqueue(*[completion("1 > 2 > 3 > 4") for _ in range(3)])
    judged.select("p", judged.query_of("p", "e001"), Recipe(selector="rices|rerank(by=model,depth=4)", k=2))
    orders = {
        tuple(
            part["text"]
            for part in one.json["messages"][1]["content"]
            if part.get("text", "").startswith("Input")
        )
        for one in server.requests
    }
    assert len(orders) == len(server.requests) == 3


def test_confidence_stops_as_soon_as_the_model_is_sure(judged, server) -> None:
    server.enqueue(surest("class 1", 0.4), surest("class 1", 0.6), surest("class 1", 0.95))
    recipe = Recipe(selector="rices|adaptive(by=confidence)", k=16)
    selection = judged.select("p", judged.query_of("p", "e001"), recipe)
    assert len(selection.demonstrations) == 4
    assert not selection.short
    assert "adaptive: 4 of 16, hosted_vllm/judge is sure: 0.95 for its likeliest label" in selection.flags
    bodies = [one.json for one in server.requests]
    assert all(body["logprobs"] and body["top_logprobs"] == 20 for body in bodies)
    # A system turn, two turns a demonstration and the query; the most similar one stands last.
    assert [len(body["messages"]) for body in bodies] == [4, 6, 10]
    nearest = selection.by_rank[0].example
    assert bodies[2]["messages"][-2]["content"] == nearest.answer


def test_topk_mdl_takes_the_set_of_least_entropy(judged, server) -> None:
    server.enqueue(surest("class 1", 0.5), surest("class 2", 0.97), surest("class 1", 0.6))
    query = judged.query_of("p", "e001")
    selection = judged.select("p", query, Recipe(selector="rices|topk_mdl(sets=3,depth=20)", k=5))
    plain = judged.select("p", query, Recipe(selector="rices", k=20))
    assert any(
        flag.startswith("random set 1 of 3 sets makes hosted_vllm/judge surest") for flag in selection.flags
    )
    assert chosen(selection) != chosen(plain)[:5]
    assert [id for id in chosen(plain) if id in chosen(selection)] == chosen(selection)


def test_difficulty_by_the_model_uses_its_probabilities_and_several_wordings(judged, server) -> None:
    recipe = Recipe(selector="hard(by=model,rated=34,prompts=2)", k=3)
    server.enqueue(*[completion(str(1 + number % 5)) for number in range(68)])
    selection = judged.select("p", judged.query(text="x"), recipe)
    assert len(server.requests) == 68
    wordings = {one.json["messages"][0]["content"] for one in server.requests}
    assert len(wordings) == 2
    assert all(shot.reason.startswith("difficulty 0.") for shot in selection.demonstrations)
    assert selection.flags == ("difficulty of 34 examples as rated by hosted_vllm/judge",)


def test_a_description_is_compared_with_pictures(judged, server) -> None:
    server.enqueue(completion("a red picture"))
    selection = judged.select(
        "p", judged.query_of("p", "e001"), Recipe(selector="rices|rerank(by=description)", k=3)
    )
    assert "Describe what this shows" in json.dumps(server.requests[0].json)
    assert all("cross" in shot.scores for shot in selection.demonstrations)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rices|rerank(by=model)", "cannot rank candidates"),
        ("rices|rerank(by=description)", "cannot describe pictures"),
        ("hard(by=model)", "cannot rate examples"),
    ],
)
def test_a_baseline_is_not_asked_what_it_cannot_tell(engine, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        engine.select("p", engine.query_of("p", "e001"), Recipe(selector=text))
    assert "vision-language model" in str(caught.value.mend)


def test_the_offline_vote_tells_probabilities(engine) -> None:
    selection = engine.select(
        "p", engine.query_of("p", "e001"), Recipe(selector="rices|topk_mdl(sets=4)", k=6)
    )
    assert any("makes offline/knn-vote surest" in flag for flag in selection.flags)


def test_a_model_that_tells_no_probabilities_is_named(judged, server) -> None:
    with pytest.raises(InvalidInput, match="does not tell how likely"):
        judged.select("p", judged.query_of("p", "e001"), Recipe(selector="rices|topk_mdl", k=6))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("2 > 3 > 1", [1, 2, 0]),
        ("Ranking: 3, 1", [2, 0, 1]),
        ("I cannot say.", [0, 1, 2]),
        ("9 > 0 > 2 > 2", [1, 0, 2]),
        ("", [0, 1, 2]),
    ],
)
def test_garbled_rankings_lose_nobody(text: str, order: list[int]) -> None:
    assert read_ranking(text, 3) == order


@given(st.text(), st.integers(0, 9))
def test_any_reply_gives_a_permutation(text: str, count: int) -> None:
    assert sorted(read_ranking(text, count)) == list(range(count))


@pytest.mark.parametrize(
    ("text", "alternatives", "rating"),
    [
        ("4", (), 0.75),
        ("Rating: 1.", (), 0.0),
        ("5/5", (), 1.0),
        ("hard", (), None),
        ("45", (), None),
        ("3", (("3", 0.5), ("5", 0.5), ("x", 0.1)), 0.75),
        ("3", ((" 1", 1.0),), 0.0),
    ],
)
def test_ratings(text: str, alternatives: tuple, rating: float | None) -> None:
    assert read_rating(Reply(text, "m", alternatives=alternatives)) == rating


@pytest.mark.parametrize(
    ("alternatives", "expected"),
    [
        ((("cat", 0.6), ("dog", 0.2)), {"cat": 0.75, "dog": 0.25}),
        ((("ca", 0.5), ("D", 0.5)), {"cat": 0.25, "car": 0.25, "dog": 0.5}),
        ((("Cat, outdoors", 1.0),), {"cat": 1.0}),
        ((("cats", 1.0),), {}),
        ((("", 0.5), ("?", 0.5)), {}),
        ((), {}),
    ],
)
def test_beginnings_become_label_probabilities(alternatives: tuple, expected: dict[str, float]) -> None:
    found = label_probabilities(alternatives, ["cat", "car", "dog"])
    assert {label: share for label, share in found.items() if share} == pytest.approx(expected)
