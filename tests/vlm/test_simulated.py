"""Simulated models beside their formulas: each does what it promises, says that it is simulated, and repeats itself."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotsmith.clients.vlm import ANSWERERS, open_model
from shotsmith.clients.vlm.simulated import BEHAVIOURS, NOT_A_MODEL, PREFIX, behaviour_of
from shotsmith.domain.errors import InvalidParameter, ModelRefused, ShotsmithError, UnknownName
from shotsmith.domain.messages import AudioPart, Mark, Message, Reply, Request, TextPart
from shotsmith.domain.scoring import unit
from shotsmith.prompts.dialects import Brief, Shot, open_dialect
from shotsmith.prompts.facts import facts_of
from shotsmith.prompts.tokens import estimate
from shotsmith.retrieval.encoders.fake import FakeEncoder

LABELS = ("bell", "drum", "gong", "kite")
INSTRUCTION = 'Say what it is.\nLabels: ["bell", "drum", "gong", "kite"]'
DIALECTS = ["chat", "interleaved", "sandwich", "numbered", "qwen", "flamingo", "manyicl"]
COMPARING = ["voter", "text_only", "image_only", "copier", "biased", "noisy", "limited"]


class Dial:
    """An encoder of texts that begin with hundredths: "37 ..." has cosine 0.37 with "100 ..."."""

    id = "dial/1"
    dims: Mapping[str, int] = {"text": 2}

    def encode_images(self, images: Sequence[object]) -> dict[str, np.ndarray]:
        return {}

    def encode_texts(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        angles = np.array([int(text.split()[0]) / 100 for text in texts])
        return {"text": unit(np.stack([angles, np.sqrt(1 - angles**2)], axis=1))}


def ask(
    model: str,
    shots: Sequence[Shot] = (),
    query: Shot | None = None,
    *,
    dialect: str = "chat",
    encoder: type = Dial,
    instruction: str = INSTRUCTION,
    **parameters: object,
) -> Reply:
    messages = open_dialect(dialect).render(Brief(instruction, tuple(shots), query or Shot((), "100")))
    return open_model(f"simulated/{model}", encoder=encoder).complete(
        Request(f"simulated/{model}", messages, parameters)
    )


def told(text: str, answer: str) -> Shot:
    return Shot((), text, answer)


def queries(count: int) -> list[Shot]:
    return [Shot((), f"100 number {number}") for number in range(count)]


def within(share: float, chance: float, count: int) -> bool:
    """Whether a share lies within 4 standard errors of a chance."""
    return abs(share - chance) <= 4 * math.sqrt(chance * (1 - chance) / count)


def test_they_are_plugins_like_all_others_and_say_what_they_are() -> None:
    assert PREFIX in ANSWERERS
    for name in BEHAVIOURS:
        reply = ask(name, [told("90 a", "gong")])
        assert reply.model == f"simulated/{name}"
        assert reply.notes[0] == NOT_A_MODEL
        assert any("nothing was spent" in note for note in reply.notes)


@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_every_reply_tells_probabilities_tokens_and_a_price(name: str) -> None:
    reply = ask(f"{name}(noise=0.25,seed=4)", [told("90 a", "gong"), told("40 b", "kite")], seed=3, top_p=1)
    assert reply.text in LABELS
    assert {answer for answer, _ in reply.alternatives} == set(LABELS)
    chances = [chance for _, chance in reply.alternatives]
    assert math.fsum(chances) == pytest.approx(1)
    assert chances == sorted(chances, reverse=True)
    assert min(chances) >= 0.25 / 4 - 1e-12
    assert "parameters without effect: top_p" in reply.notes
    assert reply.usage.input_tokens > 20
    assert reply.usage.output_tokens == 1
    assert reply.cost_usd == pytest.approx((reply.usage.input_tokens + 5) / 1e6)


messages_ = st.lists(
    st.builds(
        Message,
        st.sampled_from(["system", "user", "assistant"]),
        st.lists(st.text().map(TextPart)).map(tuple),
    ),
    max_size=4,
)


@given(
    before=messages_,
    text=st.text(alphabet=st.characters(codec="utf-8"), max_size=40),
    images=st.integers(0, 3),
    seconds=st.floats(0, 90),
)
def test_tokens_are_those_of_the_estimator(picture, before, text, images, seconds) -> None:
    parts = (TextPart(text), *[picture("red")] * images, AudioPart(b"x", "audio/wav", seconds))
    messages = (*before, Message("user", parts))
    reply = open_model("simulated/prior").complete(Request("simulated/prior", messages))
    assert reply.usage.input_tokens == estimate(messages, facts_of("simulated/prior")).total


def test_the_price_is_a_parameter_and_a_marked_prefix_is_cheap() -> None:
    model = "simulated/prior(input_usd=4,output_usd=20,cached_usd=0.4)"
    shots = [told(f"{n} thing", "gong") for n in range(30)]
    messages = open_dialect("chat").render(Brief(INSTRUCTION, tuple(shots), Shot((), "100")))
    plain, marked = (
        open_model(model).complete(Request(model, messages, marks=marks)) for marks in ((), (Mark(10, 0),))
    )
    assert plain.usage.cached_tokens == 0
    assert marked.usage.cached_tokens == estimate(messages[:11], facts_of(model)).total
    assert 0 < marked.usage.cached_tokens < marked.usage.input_tokens == plain.usage.input_tokens
    assert plain.cost_usd == pytest.approx((plain.usage.input_tokens * 4 + 20) / 1e6)
    assert marked.saved_usd == pytest.approx(marked.usage.cached_tokens * 3.6 / 1e6)
    assert plain.cost_usd - marked.cost_usd == pytest.approx(marked.saved_usd)


hundredths = st.sampled_from([-100, 0, 50, 80, 90, 95, 100])
shown = st.lists(st.tuples(hundredths, st.sampled_from(LABELS)), max_size=8)


@given(
    shown=shown,
    named=st.none() | st.sampled_from(LABELS),
    prior=st.sampled_from([0.01, 0.05, 1.0]),
    temperature=st.sampled_from([0.05, 0.1, 0.5]),
    dialect=st.sampled_from(DIALECTS[:2]),
)
def test_a_voter_is_its_formula(shown, named, prior, temperature, dialect) -> None:
    trust = 0.7
    query = Shot((), f"100 said to be a {named}" if named else "100")
    reply = ask(
        f"voter(prior={prior},temperature={temperature},trust={trust})",
        [told(f"{n} x", answer) for n, answer in shown],
        query,
        dialect=dialect,
    )
    weights = {}
    for label in LABELS:
        believed = 1 / 4 if named is None else (1 - trust) / 4 + trust * (label == named)
        near = [math.exp((n / 100 - 1) / temperature) for n, answer in shown if answer == label]
        weights[label] = prior * believed + sum(near)
    total = sum(weights.values())
    assert dict(reply.alternatives) == pytest.approx({y: w / total for y, w in weights.items()}, rel=1e-4)
    assert weights[reply.text] == pytest.approx(max(weights.values()), rel=1e-4)


@given(shown=shown, bias=st.sampled_from([0.5, 3.0]))
def test_a_biased_model_shifts_the_log_odds_of_its_favourite(shown, bias) -> None:
    shots = [told(f"{n} x", answer) for n, answer in shown]
    fair = dict(ask("voter", shots).alternatives)
    biased = dict(ask(f"biased(bias={bias},label=drum)", shots).alternatives)
    for other in ("bell", "gong", "kite"):
        shift = math.log(biased["drum"] / biased[other]) - math.log(fair["drum"] / fair[other])
        assert shift == pytest.approx(bias, abs=1e-6)


def test_a_favourite_that_is_no_option_is_told() -> None:
    assert "leaning to gong" in ask("biased(label=gong)").notes[1]
    strange = ask("biased(label=zither)")
    assert "no answer to lean to is zither" in strange.notes[1]
    assert strange.alternatives == ask("voter").alternatives


def test_a_biased_model_says_its_favourite_where_little_else_is_known() -> None:
    favourites = {ask(f"biased(seed={seed})").text for seed in range(20)}
    assert favourites == set(LABELS)
    said = {ask("biased(seed=3)", query=query).text for query in queries(20)}
    assert len(said) == 1
    assert len({ask("voter(seed=3)", query=query).text for query in queries(20)}) == 4


@given(shown=st.lists(st.tuples(hundredths, st.sampled_from(LABELS)), max_size=12), dice=st.integers(0, 99))
def test_prior_only_never_heeds_a_demonstration(shown, dice) -> None:
    query = queries(30)[dice % 30]
    bare = ask("prior", query=query)
    reply = ask("prior", [told(f"{n} x", answer) for n, answer in shown], query)
    assert (reply.text, reply.alternatives) == (bare.text, bare.alternatives)


def test_a_prior_is_the_label_that_the_text_names_first_in_whole_words() -> None:
    named = {
        "a kite, not a drum": "kite",
        "doorBELL or Gong?": "gong",
        "kites and drums, a bell": "bell",
        "A  DRUM.": "drum",
    }
    assert {text: ask("prior", query=Shot((), text)).text for text in named} == named
    labels = 'Do.\nLabels: ["new", "new york", "york"]'
    assert ask("prior", query=Shot((), "in New York"), instruction=labels).text == "new york"


@given(
    changed=st.lists(st.sampled_from(["red", "green", "blue", "black"]), min_size=5, max_size=5),
    dialect=st.sampled_from(DIALECTS),
)
def test_text_only_is_blind_and_image_only_does_not_read(picture, changed, dialect) -> None:
    def shots(colours: Sequence[str], words: Sequence[str]) -> tuple[list[Shot], Shot]:
        pairs = [((picture(colour),), word) for colour, word in zip(colours, words, strict=True)]
        demonstrations = [Shot(*pair, answer) for pair, answer in zip(pairs, LABELS, strict=False)]
        return demonstrations, Shot(*pairs[4])

    colours, words = ["red", "green", "blue", "black", "blue"], ["cat", "dog", "cow", "owl", "dog"]
    same = {"dialect": dialect, "encoder": FakeEncoder}
    reader = ask("text_only", *shots(colours, words), **same)
    viewer = ask("image_only", *shots(colours, words), **same)
    assert (reader.text, viewer.text) == ("drum", "gong")
    reader_still = ask("text_only", *shots(changed, words), **same)
    assert reader_still.alternatives == reader.alternatives
    viewer_still = ask(
        "image_only",
        *shots(colours, [f"{word} {one}" for word, one in zip(words, changed, strict=True)]),
        **same,
    )
    assert viewer_still.alternatives == viewer.alternatives


def test_a_copier_follows_the_end_of_the_prompt_as_often_as_it_says() -> None:
    shots = [told("100 same", "bell"), told("0 a", "drum"), told("0 b", "gong")]
    for end, answer in (("last", "gong"), ("first", "drum")):
        given_ = shots if end == "last" else [*shots[1:], shots[0]]
        said = [ask(f"copier(strength=0.7,end={end})", given_, query).text for query in queries(300)]
        assert set(said) == {answer, "bell"}
        assert within(said.count(answer) / 300, 0.7, 300)
    assert ask("copier(strength=1)", shots).text == "gong"
    assert ask("copier(strength=0)", shots).text == "bell"
    assert ask("copier(strength=0.7)", shots).alternatives[0] == ("gong", pytest.approx(0.7, abs=0.01))
    assert ask("copier(strength=1)").text == ask("voter").text


@pytest.mark.parametrize("name", ["voter", "learner", "prior"])
def test_noise_is_as_frequent_as_it_says_and_seeded_by_the_request(name: str) -> None:
    asked = [Shot((), f"100 number {n}, said to be a drum") for n in range(400)]
    said = [ask(f"{name}(noise=0.4,seed=1)", query=query).text for query in asked]
    assert within(said.count("drum") / 400, 0.6 + 0.4 / 4, 400)
    assert all(within(said.count(label) / 400, 0.1, 400) for label in ("bell", "gong", "kite"))
    again = [ask(f"{name}(noise=0.4,seed=1)", query=query).text for query in asked[:50]]
    assert again == said[:50]
    for other in (
        [ask(f"{name}(noise=0.4,seed=2)", query=query).text for query in asked[:50]],
        [ask(f"{name}(noise=0.4,seed=1)", query=query, seed=7).text for query in asked[:50]],
    ):
        assert other != said[:50]
    default = [ask("noisy", query=query).text for query in asked]
    assert within(default.count("drum") / 400, 0.85, 400)


def test_a_limited_model_loses_its_way_beyond_its_window() -> None:
    def shots(count: int) -> list[Shot]:
        return [told("100 same", "kite"), *(told(f"0 filler {n} {'x' * 60}", "drum") for n in range(count))]

    rates = {}
    for count in (0, 10, 60):
        replies = [ask("limited(window=800)", shots(count), query) for query in queries(200)]
        tokens = np.mean([reply.usage.input_tokens for reply in replies])
        clear = min(1.0, 800 / tokens)
        rates[count] = sum(reply.text == "kite" for reply in replies) / 200
        assert within(rates[count], clear + (1 - clear) / 4, 200) or clear == 1
    assert rates[0] == rates[10] == 1.0
    assert rates[60] < 0.7
    assert ask("voter", shots(60)).text == "kite"


def rule_of(number: int) -> str:
    return ("gong", "bell", "kite", "drum")[number % 4]


def samples(count: int, start: int = 0) -> list[Shot]:
    return [told(f"{n % 100} reads {100 + n}", rule_of(n % 100)) for n in range(start, start + count)]


def test_a_learner_gains_from_many_different_demonstrations_and_from_nothing_else() -> None:
    asked = [(Shot((), f"{n} asked"), rule_of(n)) for n in range(1000, 1200)]

    def right(shots: Sequence[Shot]) -> list[bool]:
        return [ask("learner(needs=30)", shots, query).text == truth for query, truth in asked]

    curve = {count: right(samples(count)) for count in (0, 4, 16, 64)}
    for count in (16, 64):
        understood = 1 - math.exp(-count / 30)
        assert within(sum(curve[count]) / 200, understood + (1 - understood) / 4, 200)
    assert within(sum(curve[0]) / 200, 0.25, 200)
    # Which ones are shown, and in which order, does not matter; repeated ones do not count.
    assert right(samples(16, start=48)) == curve[16]
    assert right(random.Random(1).sample(samples(16), 16)) == curve[16]
    assert right(samples(16) * 4) == curve[16]
    # What was understood stays understood.
    assert (
        all(later for earlier, later in zip(curve[16], curve[64], strict=True) if earlier and not later)
        is True
    )
    lost = sum(earlier and not later for earlier, later in zip(curve[16], curve[64], strict=True))
    assert lost == 0
    shuffled = [told(shot.text, LABELS[(n * 7) % 4]) for n, shot in enumerate(samples(64))]
    assert sum(right(shuffled)) < 0.6 * sum(curve[64])


def test_where_nothing_names_an_answer_nothing_is_claimed() -> None:
    for name in BEHAVIOURS:
        reply = ask(name, instruction="Say something.")
        assert (reply.text, reply.alternatives) == ("unknown", ())
    assert ask("voter", [told("90 a", "blue"), told("20 b", "green")], instruction="Say.").text == "blue"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_the_dialect_does_not_matter(picture, name: str, dialect: str) -> None:
    shots = [
        Shot((picture(colour),), f"{n} sample", answer)
        for n, (colour, answer) in enumerate([("red", "drum"), ("blue", "gong"), ("green", "kite")])
    ]
    query = Shot((picture("blue"),), "5 sample")
    told_ = ask(f"{name}(seed=2)", shots, query, dialect=dialect, encoder=FakeEncoder)
    chat = ask(f"{name}(seed=2)", shots, query, encoder=FakeEncoder)
    assert dict(told_.alternatives) == pytest.approx(dict(chat.alternatives))


def test_an_encoder_of_its_own_decides_what_it_compares(picture) -> None:
    shots = [Shot((picture("red"),), "cat", "bell"), Shot((picture("blue"),), "dog", "gong")]
    query = Shot((picture("blue"),), "cat")
    assert ask("voter(encoder=fake:text)", shots, query).text == "bell"
    assert ask("voter(encoder=fake:image)", shots, query).text == "gong"
    assert ask("voter(encoder=fake,modality=text)", shots, query).text == "bell"
    assert ask("voter(encoder=fake,modality=image)", shots, query).text == "gong"


BAD = {
    "voterr": (UnknownName, "Did you mean 'voter'?"),
    "": (InvalidParameter, "Write, for example, simulated/voter(noise=0.1,seed=3)"),
    "voter(noise=0.1": (InvalidParameter, "Write, for example"),
    "voter|noisy": (UnknownName, "Known: biased, copier"),
    "voter(nois=0.1)": (InvalidParameter, "Did you mean 'noise'?"),
    "voter(noise=2)": (InvalidParameter, "model.noise"),
    'voter(noise="0.1")': (InvalidParameter, "model.noise"),
    "voter(noise=1e999)": (InvalidParameter, "too large"),
    "voter(seed=1.5)": (InvalidParameter, "model.seed"),
    "voter(temperature=0)": (InvalidParameter, "model.temperature"),
    "voter(encoder=fakr)": (UnknownName, "fake"),
    "limited(window=0)": (InvalidParameter, "model.window"),
    "prior(modality=image)": (InvalidParameter, "no such parameter"),
    "copier(end=middle)": (InvalidParameter, "model.end"),
}


@pytest.mark.parametrize("written", BAD)
def test_a_bad_name_gets_one_clear_error(written: str) -> None:
    kind, expected = BAD[written]
    with pytest.raises(kind, match=re.escape(expected)) as caught:
        open_model(f"simulated/{written}", encoder=Dial)
    assert isinstance(caught.value, ShotsmithError)
    assert caught.value.mend or caught.value.field


def test_a_model_that_compares_needs_an_encoder_and_others_do_not() -> None:
    for name in BEHAVIOURS:
        if name in COMPARING:
            with pytest.raises(InvalidParameter, match="needs an encoder"):
                open_model(f"simulated/{name}")
        else:
            open_model(f"simulated/{name}")
    with pytest.raises(ModelRefused, match="no query"):
        open_model("simulated/prior").complete(
            Request("simulated/prior", (Message("system", (TextPart("x"),)),))
        )


def test_the_page_tells_every_behaviour_and_parameter() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulated.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")] for row in page.splitlines() if row[:1] == "|"
    ]
    table = {row[0].strip("`"): row for row in rows}
    told = set()
    for name, kind in BEHAVIOURS.items():
        assert f"simulated/{name}" in table
        for parameter, field in kind.model_fields.items():
            _, defaults, _, meaning = table[parameter]
            default = "null" if field.default is None else str(field.default)
            assert default in defaults.replace(";", "").split(), (name, parameter)
            assert meaning == field.description
            told.add(parameter)
    assert {row[0].strip("`") for row in rows if len(row) == 4} - {"parameter", "---"} == told


def test_behaviours_are_values() -> None:
    one = behaviour_of("simulated/voter(seed=3,noise=0.1)")
    assert one == behaviour_of("simulated/voter(noise=0.1, seed=3)")
    with pytest.raises(ValueError, match="frozen"):
        one.noise = 0.5


def replies() -> str:
    return "\n".join(
        repr(ask(f"{name}(noise=0.3,seed=9,window=300)", samples(12), query, seed=4))
        for name in BEHAVIOURS
        for query in queries(6)
    )


def test_another_process_replies_alike_to_the_last_bit() -> None:
    folder = str(Path(__file__).parent)
    script = (
        f"import sys; sys.path.insert(0, {folder!r}); from test_simulated import replies; print(replies())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert done.stdout.strip() == replies()
    assert done.stdout.count("Reply(") == 6 * len(BEHAVIOURS)


@settings(max_examples=10)
@given(order=st.permutations(range(8)))
def test_neither_threads_nor_the_order_of_requests_matter(order) -> None:
    model = open_model("simulated/voter(noise=0.3)", encoder=Dial)
    requests = [
        Request("m", open_dialect("chat").render(Brief(INSTRUCTION, tuple(samples(6)), query)))
        for query in queries(8)
    ]
    alone = [model.complete(request) for request in requests]
    with ThreadPoolExecutor(4) as threads:
        mixed = dict(zip(order, threads.map(model.complete, [requests[n] for n in order]), strict=True))
    assert [mixed[n] for n in range(8)] == alone
