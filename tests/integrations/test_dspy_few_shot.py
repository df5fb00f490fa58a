from __future__ import annotations

import asyncio
import base64
import copy
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.utils import DummyLM
from pictures import encoded, picture, shown

from shotsmith import AsyncClient, Client
from shotsmith.domain.errors import ExampleConflict, InvalidInput, InvalidParameter, NotFound
from shotsmith.integrations.dspy import CallDemos, ShotsmithFewShot, ShotsmithKNN

OPPOSITES = [
    dspy.Example(question=question, answer=answer).with_inputs("question")
    for question, answer in [
        ("happy and glad", "sad"),
        ("tall as a tree", "short"),
        ("fast as light", "slow"),
        ("glad of it", "sorry"),
    ]
]
CONTEXTS = [
    dspy.Example(context=context, question=question, answer=answer, source=source, unused=[1, 2]).with_inputs(
        "context", "question"
    )
    for context, question, answer, source in [
        ("Rome lies in Italy", "Where is Rome?", "Italy", "atlas"),
        ("Bonn lies in Germany", "Where is Bonn?", "Germany", "map"),
    ]
]


class Name(dspy.Signature):
    """Name what is shown."""

    image: dspy.Image = dspy.InputField()
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


class Compare(dspy.Signature):
    """Compare what is shown."""

    images: list[dspy.Image] = dspy.InputField()
    answer: str = dspy.OutputField()


def url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def image(number: int, hue: int) -> dspy.Image:
    return dspy.Image(url=url(shown(number, hue)))


def answers(times: int = 20, **fields: str) -> DummyLM:
    return DummyLM([{"answer": "said", **fields}] * times)


def asked(lm: DummyLM, call: int = -1) -> list[tuple[str, str]]:
    """The turns of a call: roles and texts, images as their data URLs."""
    return [(message["role"], flat(message["content"])) for message in lm.history[call]["messages"]]


def flat(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] if part["type"] == "text" else part["image_url"]["url"] for part in content)


def shown_answers(lm: DummyLM, call: int = -1) -> list[str]:
    """The answers of the demos that reached the language model, in order."""
    turns = [text for role, text in asked(lm, call) if role == "assistant"]
    return [text.split("[[ ## answer ## ]]\n")[1].split("\n")[0] for text in turns]


# The retriever


def test_the_nearest_examples_come_back_in_prompt_order(client: Client) -> None:
    knn = ShotsmithKNN(client, "opposites", k=2, trainset=OPPOSITES)
    found = knn(question="glad")
    assert found == [OPPOSITES[0], OPPOSITES[3]]
    assert [one.inputs().toDict() for one in found] == [one.inputs().toDict() for one in found]
    assert [one.labels().toDict() for one in found] == [{"answer": "sad"}, {"answer": "sorry"}]
    first = ShotsmithKNN(client, "opposites", "rices(k=2)|similar_first")
    assert first(question="glad") == [OPPOSITES[3], OPPOSITES[0]]
    assert asyncio.run(knn.acall(question="glad")) == found


def test_it_is_called_as_dspy_s_own(client: Client) -> None:
    def embed(texts: list[str]) -> Any:
        return dspy.utils.DummyVectorizer()(texts)

    peer = dspy.KNN(k=3, trainset=OPPOSITES, vectorizer=dspy.Embedder(embed, caching=False))
    ours = ShotsmithKNN(client, "opposites", k=3, trainset=OPPOSITES)
    for knn in (peer, ours):
        found = knn(question="fast as light and more")
        assert len(found) == 3
        assert OPPOSITES[2] in found
        assert all(isinstance(one, dspy.Example) and one._input_keys == {"question"} for one in found)


def test_storing_twice_changes_nothing(client: Client) -> None:
    knn = ShotsmithKNN(client, "opposites", trainset=OPPOSITES)
    version = client.pool("opposites").version
    ids = knn.add([one.toDict() for one in OPPOSITES])
    assert client.pool("opposites").version == version
    assert [client.example("opposites", id).answer for id in ids] == [one.answer for one in OPPOSITES]


def test_images_are_compared_as_images_and_come_back_as_images(filled: Client) -> None:
    knn = ShotsmithKNN(filled, "pictures", k=3, id_field="id")
    for query in (image(99, 2), picture(99, hue=2), shown(99, 2), url(shown(99, 2))):
        found = knn(image=query)
        assert [one.answer for one in found] == ["class 2"] * 3
        for one in found:
            number = int(one.id[1:])
            assert one.image == image(number, 2)
            assert one.question == f"thing {number}"
            assert one._input_keys == {"question", "image"}


def test_lists_of_images_come_back_as_lists(client: Client) -> None:
    trainset = [
        dspy.Example(images=[image(1, 1), image(2, 1)], answer="both"),
        dspy.Example(images=[image(3, 2)], answer="one"),
    ]
    options = {"input_fields": (), "image_field": "images"}
    knn = ShotsmithKNN(client, "lists", trainset=trainset, **options)
    assert {one.answer: one.images for one in knn(images=[image(9, 1), image(8, 2)])} == {
        "both": [image(1, 1), image(2, 1)],
        "one": [image(3, 2)],
    }
    alone = {one.answer: one.images for one in knn(images=image(9, 1))}
    assert alone == {"both": [image(1, 1), image(2, 1)], "one": image(3, 2)}


def test_several_inputs_and_outputs_come_back_one_by_one(client: Client) -> None:
    knn = ShotsmithKNN(
        client,
        "contexts",
        "rices(k=1)",
        input_fields=["context", "question"],
        output_fields=["answer", "source"],
        image_field=None,
        trainset=CONTEXTS,
    )
    (found,) = knn(context="Bonn lies at the Rhine", question="And Bonn?")
    assert found == CONTEXTS[1].without("unused")
    assert found._input_keys == {"context", "question"}
    (other,) = knn(context="Rome has hills", question="How many hills has Rome?")
    assert other.answer == "Italy"


def test_the_call_s_own_content_is_never_shown(filled: Client) -> None:
    knn = ShotsmithKNN(filled, "pictures", k=20, id_field="id", group_field="visit", evaluation=True)
    webp = encoded(picture(2, hue=2), "WEBP", lossless=True, exact=True)
    for call, hidden in [
        ({"image": image(2, 2)}, {"e02"}),
        ({"image": webp}, {"e02"}),
        ({"id": "e02"}, {"e02", "e03"}),
        ({"question": "anything", "visit": "visit 3"}, {"e06", "e07"}),
    ]:
        shown_ids = {one.id for one in knn(**call)}
        assert len(shown_ids) == 20 - len(hidden)
        assert shown_ids.isdisjoint(hidden)


def test_groups_are_stored(client: Client) -> None:
    visits = [one.copy(visit=f"v{number % 2}") for number, one in enumerate(OPPOSITES)]
    knn = ShotsmithKNN(client, "visits", k=4, group_field="visit", evaluation=True, trainset=visits)
    assert {one.answer for one in knn(question="x", visit="v1")} == {"sad", "slow"}


# The optimiser


def test_the_demos_reach_the_language_model(client: Client) -> None:
    lm = answers()
    optimiser = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES)
    program = optimiser.compile(dspy.Predict("question -> answer"))
    with dspy.context(lm=lm):
        assert program(question="glad").answer == "said"
        assert program(question="tall tree").answer == "said"
    turns = asked(lm, 0)
    assert [role for role, _ in turns] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert "happy and glad" in turns[1][1]
    assert "glad of it" in turns[3][1]
    assert shown_answers(lm, 0) == ["sad", "sorry"]
    assert shown_answers(lm, 1)[-1] == "short"
    assert len(lm.history) == 2  # nothing is bootstrapped


@pytest.mark.parametrize("adapter", [dspy.ChatAdapter(), dspy.JSONAdapter()], ids=["chat", "json"])
def test_images_reach_the_language_model_as_images(filled: Client, adapter: Any) -> None:
    lm = DummyLM([{"answer": "said"}] * 3, adapter=adapter)
    program = ShotsmithFewShot(filled, "pictures", k=2, id_field="id").compile(dspy.Predict(Name))
    chosen = ShotsmithKNN(filled, "pictures", k=2, id_field="id")(image=image(99, 1), question="thing")
    with dspy.context(lm=lm, adapter=adapter):
        program(image=image(99, 1), question="thing")
    users = [one["content"] for one in lm.history[0]["messages"] if one["role"] == "user"]
    urls = [
        [part["image_url"]["url"] for part in content if part["type"] == "image_url"] for content in users
    ]
    assert urls == [*([one.image.url] for one in chosen), [url(shown(99, 1))]]
    for content, one in zip(users, chosen, strict=False):
        assert one.question in flat(content)
    replies = [text for role, text in asked(lm) if role == "assistant"]
    assert len(replies) == 2
    assert all("class 1" in text for text in replies)


def test_lists_of_images_reach_the_language_model(client: Client) -> None:
    trainset = [dspy.Example(images=[image(1, 1), image(2, 1)], answer="both")]
    options = {"input_fields": (), "image_field": "images"}
    lm = answers()
    optimiser = ShotsmithFewShot(client, "lists", **options)
    program = optimiser.compile(dspy.Predict(Compare), trainset=trainset)
    with dspy.context(lm=lm):
        program(images=[image(8, 1), image(9, 1)])
    users = [flat(one["content"]) for one in lm.history[0]["messages"] if one["role"] == "user"]
    assert len(users) == 2
    assert all(url(shown(number, 1)) in users[0] for number in (1, 2))
    assert shown_answers(lm) == ["both"]


def test_a_stored_question_is_answered_without_its_answer(client: Client) -> None:
    """Evaluating on the training set shows no example its own answer."""
    lm = answers()
    program = ShotsmithFewShot(client, "opposites", k=4, trainset=OPPOSITES).compile(
        dspy.Predict("question -> answer")
    )
    with dspy.context(lm=lm):
        for number, example in enumerate(OPPOSITES):
            program(**example.inputs())
            others = {one.answer for one in OPPOSITES if one is not example}
            assert set(shown_answers(lm, number)) == others


def test_ids_and_groups_are_not_passed_on(filled: Client) -> None:
    class Strict(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = dspy.Predict("question -> answer")

        def forward(self, question: str) -> dspy.Prediction:
            return self.step(question=question)

    lm = answers()
    program = ShotsmithFewShot(
        filled, "pictures", k=20, image_field=None, id_field="id", group_field="visit", evaluation=True
    ).compile(Strict())
    with dspy.context(lm=lm):
        program(question="other words", id="e02", visit="visit 9")
        program("other words")
    turns = [[text for role, text in asked(lm, call) if role == "user"] for call in (0, 1)]
    assert [len(one) for one in turns] == [20 - 3 + 1, 20 + 1]
    assert not any("thing 2\n" in text or "thing 18" in text or "thing 19" in text for text in turns[0])


def test_the_student_stays_as_it_is(client: Client) -> None:
    lm = answers()
    student = dspy.Predict("question -> answer")
    student.demos = [dspy.Example(question="old", answer="older")]
    student.set_lm(lm)
    state = student.dump_state()
    program = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES).compile(student)
    assert type(program) is type(student)
    assert program.lm is lm  # KNNFewShot forgets it
    program(question="glad")
    assert shown_answers(lm) == ["sad", "sorry"]
    assert student.dump_state() == state
    assert len(program.demos) == 0
    student(question="glad")
    assert shown_answers(lm) == ["older"]


def test_every_predictor_that_fits_is_shown_them(client: Client) -> None:
    class Two(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rewrite = dspy.Predict("question -> rewritten")
            self.think = dspy.ChainOfThought("question -> answer")

        def forward(self, question: str) -> dspy.Prediction:
            self.rewrite(question=question)
            return self.think(question=question)

    lm = DummyLM([{"rewritten": "so"}, {"reasoning": "thus", "answer": "said"}])
    program = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES).compile(Two())
    with dspy.context(lm=lm):
        assert program("glad").answer == "said"
    assert shown_answers(lm, 0) == []
    assert shown_answers(lm, 1) == ["sad", "sorry"]


class Meeting(dspy.ChatAdapter):
    """Waits until all calls have their examples, then notes which examples each question is shown."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []
        self._barrier = threading.Barrier(calls)

    def format(self, signature: Any, demos: Any, inputs: Any) -> Any:
        self._barrier.wait(30)
        self.seen += [(inputs["question"], demo.answer) for demo in demos]
        return super().format(signature, demos, inputs)


def test_threads_do_not_see_each_other_s_examples(client: Client) -> None:
    adapter, lm = Meeting(4), answers()
    student = dspy.Predict("question -> answer")
    program = ShotsmithFewShot(client, "opposites", k=1, trainset=OPPOSITES).compile(student)
    nearest = {"happy": "sad", "tree": "short", "light": "slow", "of it": "sorry"}

    def call(question: str) -> None:
        with dspy.context(lm=lm, adapter=adapter):
            program(question=question)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(call, [*nearest] * 5)) == [None] * 20
    assert Counter(adapter.seen) == dict.fromkeys(nearest.items(), 5)
    assert student.demos == []


def test_threads_that_dspy_starts_see_the_examples_of_the_call(client: Client) -> None:
    class Fan(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = dspy.Predict("question -> answer")

        def forward(self, question: str) -> dspy.Prediction:
            calls = [(self.step, {"question": f"{question} {number}"}) for number in range(3)]
            return dspy.Parallel(num_threads=3, disable_progress_bar=True)(calls)[0]

    lm = answers()
    program = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES).compile(Fan())
    with dspy.context(lm=lm):
        program(question="glad")
    assert [shown_answers(lm, number) for number in range(3)] == [["sad", "sorry"]] * 3


@pytest.mark.anyio
async def test_tasks_do_not_see_each_other_s_examples(server: str) -> None:
    nearest = {"happy": "sad", "tree": "short", "light": "slow", "of it": "sorry"}
    async with AsyncClient(url=server) as client:
        optimiser = ShotsmithFewShot(client, "opposites", k=1)
        await optimiser.KNN.aadd(OPPOSITES)
        program = optimiser.compile(dspy.Predict("question -> answer"))
        lms = {question: answers() for question in nearest}

        async def call(question: str) -> None:
            with dspy.context(lm=lms[question]):
                await program.acall(question=question)

        await asyncio.gather(*map(call, nearest))
        assert {question: shown_answers(lm) for question, lm in lms.items()} == {
            question: [answer] for question, answer in nearest.items()
        }
        with pytest.raises(InvalidParameter, match="async methods only"), dspy.context(lm=answers()):
            program(question="glad")
        with pytest.raises(InvalidParameter, match="async methods only"):
            ShotsmithKNN(client, "opposites", trainset=OPPOSITES)


@pytest.mark.anyio
async def test_a_plain_client_is_awaited_in_a_thread(client: Client) -> None:
    lm = answers(reasoning="thus")
    optimiser = ShotsmithFewShot(client, "opposites", k=2)
    assert len(await optimiser.KNN.aadd(OPPOSITES)) == 4
    program = optimiser.compile(dspy.ChainOfThought("question -> answer"))
    with dspy.context(lm=lm):
        await program.acall(question="glad")
    assert shown_answers(lm) == ["sad", "sorry"]


def test_a_program_is_evaluated_in_parallel(client: Client) -> None:
    program = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES).compile(
        dspy.Predict("question -> answer")
    )
    evaluate = dspy.Evaluate(
        devset=OPPOSITES, metric=lambda one, said, trace=None: said.answer == "said", num_threads=2
    )
    with dspy.context(lm=answers()):
        assert evaluate(program).score == 100


def test_copies_and_loaded_states_keep_their_examples(client: Client, tmp_path: Path) -> None:
    optimiser = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES)
    program = optimiser.compile(dspy.ChainOfThought("question -> answer"))
    program.save(tmp_path / "program.json")
    loaded = optimiser.compile(dspy.ChainOfThought("question -> answer"))
    loaded.load(tmp_path / "program.json")
    for one in (program, program.deepcopy(), program.reset_copy(), loaded, optimiser.compile(program)):
        lm = answers(reasoning="thus")
        with dspy.context(lm=lm):
            one(question="glad")
        assert shown_answers(lm) == ["sad", "sorry"]
        assert len(lm.history) == 1


def test_a_program_compiled_twice_chooses_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    optimiser = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES)
    program = optimiser.compile(optimiser.compile(dspy.Predict("question -> answer")))
    calls: list[str] = []
    select = client.select
    monkeypatch.setattr(client, "select", lambda pool, **rest: calls.append(pool) or select(pool, **rest))
    with dspy.context(lm=answers()):
        program(question="glad")
    assert calls == ["opposites"]


@pytest.mark.parametrize("kind", [dspy.Predict, dspy.ChainOfThought])
def test_a_compiled_part_of_a_program_keeps_its_own_examples(client: Client, kind: Any) -> None:
    class Outer(dspy.Module):
        def __init__(self, part: dspy.Module) -> None:
            super().__init__()
            self.part = part
            self.own = dspy.Predict("question -> answer")

        def forward(self, question: str) -> dspy.Prediction:
            self.part(question=question)
            return self.own(question=question)

    lm = answers(reasoning="thus")
    inner = ShotsmithFewShot(client, "opposites", k=1, trainset=OPPOSITES)
    outer = ShotsmithFewShot(client, "opposites", "rices(k=3)|similar_first")
    program = outer.compile(Outer(inner.compile(kind("question -> answer"))))
    with dspy.context(lm=lm):
        program(question="glad")
    assert shown_answers(lm, 0) == ["sorry"]
    assert shown_answers(lm, 1)[:2] == ["sorry", "sad"]
    assert len(shown_answers(lm, 1)) == 3


def test_a_predictor_that_two_programs_share_is_never_without_examples(client: Client) -> None:
    class Part(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = dspy.Predict("question -> answer")

        def forward(self, question: str) -> dspy.Prediction:
            return self.step(question=question)

    class Whole(dspy.Module):
        def __init__(self, part: dspy.Module) -> None:
            super().__init__()
            self.part = part
            self.step = part.step

        def forward(self, question: str) -> dspy.Prediction:
            return self.part(question=question)

    lm = answers()
    optimiser = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES)
    program = optimiser.compile(Whole(optimiser.compile(Part())))
    with dspy.context(lm=lm):
        program(question="glad")
    assert shown_answers(lm) == ["sad", "sorry"]


def test_a_module_may_hold_a_retriever(client: Client) -> None:
    class Own(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.knn = ShotsmithKNN(client, "opposites", k=1, trainset=OPPOSITES)
            self.step = dspy.Predict("question -> answer")

        def forward(self, question: str) -> dspy.Prediction:
            return self.step(question=question, demos=self.knn(question=question))

    lm = answers()
    copied = Own().reset_copy()
    with dspy.context(lm=lm):
        copied(question="glad")
    assert shown_answers(lm) == ["sorry"]
    assert copy.deepcopy(copied.knn)(question="glad") == [OPPOSITES[3]]


def test_demos_of_one_s_own_win(client: Client) -> None:
    lm = answers()
    program = ShotsmithFewShot(client, "opposites", k=2, trainset=OPPOSITES).compile(
        dspy.Predict("question -> answer")
    )
    with dspy.context(lm=lm):
        program(question="glad", demos=[dspy.Example(question="mine", answer="own")])
        program.demos = [dspy.Example(question="set", answer="later")]
        program(question="glad")
    assert [shown_answers(lm, call) for call in (0, 1)] == [["own"], ["later"]]


def test_outside_of_a_call_there_are_no_demos() -> None:
    demos = CallDemos()
    assert list(demos) == []
    assert not demos
    with demos.showing(dspy.Predict("question -> answer"), ["one"]):
        assert list(demos) == ["one"]
        assert list(CallDemos()) == []
        with demos.showing(dspy.Predict("question -> answer"), ["two"]):
            assert demos[0] == "two"
        assert demos[0] == "one"
    assert len(demos) == 0


# Errors


def test_students_that_could_not_show_an_example_are_refused(client: Client) -> None:
    optimiser = ShotsmithFewShot(client, "opposites", trainset=OPPOSITES)
    for student in (dspy.Predict("query -> answer"), dspy.Predict("question -> label"), dspy.Module()):
        with pytest.raises(
            InvalidParameter, match=r"no predictor has an input of question, image.*input_fields="
        ):
            optimiser.compile(student)
    with pytest.raises(InvalidParameter, match="teacher"):
        optimiser.compile(dspy.Predict("question -> answer"), teacher=dspy.Predict("question -> answer"))


def test_what_cannot_be_stored_is_refused_whole(client: Client) -> None:
    good = OPPOSITES[0]
    for bad, words in [
        (dspy.Example(question="x"), r"trainset\[1\].answer: missing"),
        (dspy.Example(question=["x"], answer="y"), "not a text"),
        (dspy.Example(question="x", answer={"a": 1}), "not a text"),
        (dspy.Example(image="/etc/hostname", answer="y"), "data URL"),
        (dspy.Example(image=dspy.Image("https://example.com/a.png"), answer="y"), "data URL"),
    ]:
        with pytest.raises(InvalidInput, match=words):
            ShotsmithKNN(client, "p", trainset=[good, bad])
        with pytest.raises(NotFound):
            client.pool("p")
    with pytest.raises(InvalidInput, match="neither an image nor a text"):
        ShotsmithKNN(client, "p", trainset=[good, dspy.Example(answer="y")])
    assert client.pool("p").size == 0


def test_a_replaced_example_needs_to_be_asked_for(client: Client) -> None:
    knn = ShotsmithKNN(client, "p", id_field="id")
    first, second = (dspy.Example(id="a", question="x", answer=answer) for answer in ("y", "z"))
    assert knn.add([first]) == ["a"]
    with pytest.raises(ExampleConflict):
        knn.add([second])
    knn.add([second], on_conflict="replace")
    assert client.example("p", "a").answer == "z"


def test_wrong_parameters_are_named(client: Client) -> None:
    for options, words in [
        ({"input_fields": ["a", "a"]}, r"input_fields\[1\]: the same key as input_fields\[0\]"),
        ({"output_fields": "image"}, r"output_fields\[0\]: the same key as image_field"),
        ({"output_fields": ()}, "output_fields"),
        ({"input_fields": (), "image_field": None}, "input_fields"),
        ({"kk": 3}, "recipe.kk"),
        ({"recipe": "rices|with(budget={max_images: 2})"}, "recipe.budget"),
    ]:
        for kind in (ShotsmithKNN, ShotsmithFewShot):
            with pytest.raises(InvalidParameter, match=words):
                kind(client, "p", **options)
    with pytest.raises(InvalidInput, match="nothing to compare with: none of question, image is given"):
        ShotsmithKNN(client, "p")(query="x")
