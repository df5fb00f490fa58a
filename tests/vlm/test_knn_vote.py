import io
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from shotsmith import registry
from shotsmith.clients.vlm import open_model
from shotsmith.clients.vlm.offline import KnnVote
from shotsmith.domain.errors import InvalidImage, InvalidParameter, ModelRefused, UnknownName
from shotsmith.domain.messages import ImagePart, Message, Request, TextPart, Usage
from shotsmith.domain.protocols import VLM
from shotsmith.imaging import decode
from shotsmith.prompts.dialects import Brief, Shot, open_dialect
from shotsmith.retrieval.encoders.fake import FakeEncoder

COLOURS = ["red", "green", "blue", "yellow", "black", "white", (200, 30, 30), (20, 40, 220)]
WORDS = ["", "a big cat", "a small dog", "cat", "dog and cat"]
NOT_A_MODEL = "offline baseline, not a language model"


class CountingEncoder(FakeEncoder):
    def __init__(self, *args):
        super().__init__(*args)
        self.batches = []

    def encode_images(self, images):
        self.batches.append(("image", len(images)))
        return super().encode_images(images)

    def encode_texts(self, texts):
        self.batches.append(("text", len(texts)))
        return super().encode_texts(texts)


def prompt(shots, query, *, instruction="Classify.", dialect="chat"):
    return open_dialect(dialect).render(Brief(instruction, tuple(shots), query))


def ask(shots, query, *, vlm=None, **layout):
    vlm = vlm or KnnVote(FakeEncoder())
    return vlm.complete(Request("offline/knn-vote", prompt(shots, query, **layout)))


@pytest.fixture(scope="module")
def shot(picture):
    def make(colours="", text="", answer=None):
        return Shot(tuple(picture(colour) for colour in colours.split()), text, answer)

    return make


def test_nearest_image_wins(shot):
    reply = ask([shot("red", answer="warm"), shot("blue", answer="cold")], shot("orange"))
    assert reply.text == "warm"
    assert reply.notes == (
        NOT_A_MODEL,
        "similarity-weighted vote: 2 of 2 demonstrations compare with the query",
    )
    assert (reply.model, reply.cost_usd, reply.usage, reply.finish_reason) == (
        "offline/knn-vote",
        0.0,
        Usage(),
        "stop",
    )
    assert reply.latency_ms > 0


def test_nearest_text_wins(shot):
    shots = [shot(text="the cat sleeps", answer="animal"), shot(text="stocks fell today", answer="money")]
    assert ask(shots, shot(text="stocks rose today")).text == "money"


def test_weights_add_up(shot):
    """Two fair matches outweigh one perfect match: a vote, not the nearest neighbour."""
    shots = [shot("red", answer="one"), shot("orange", answer="two"), shot("orange", answer="two")]
    assert ask(shots, shot("red")).text == "two"


def test_dissimilar_demonstrations_do_not_vote_against(shot):
    """Black and white are opposite, with a negative cosine."""
    shots = [
        shot("white", answer="a"),
        *[shot("black", answer="a")] * 5,
        shot("grey", answer="b"),
    ]
    assert ask(shots, shot("white")).text == "a"


def test_modalities_that_both_have_are_averaged(shot):
    query = shot("red", "cat")
    perfect_text, perfect_image = shot("blue", "cat", "text"), shot("red", "money", "image")
    text_only, image_only = shot("", "cat", "text only"), shot("red", "", "image only")
    # A single shared modality counts alone, so a perfect one beats a perfect one averaged with a poor one.
    assert ask([perfect_text, text_only], query).text == "text only"
    assert ask([perfect_image, image_only], query).text == "image only"


def test_several_images_are_their_mean(shot):
    shots = [shot("red", answer="red"), shot("red blue", answer="both"), shot("blue", answer="blue")]
    assert ask(shots, shot("blue red")).text == "both"


def test_ties_go_to_the_most_similar_then_to_the_smaller_answer(shot):
    assert ask([shot("red", answer="b"), shot("red", answer="a")], shot("red")).text == "a"
    # All weights are zero: the least dissimilar one decides.
    shots = [shot("black", answer="a"), shot("blue", answer="z")]
    assert ask(shots, shot("white")).text == "z"


def test_demonstrations_that_cannot_be_compared(shot):
    image, text = shot("red", answer="a"), shot("", "cat", "b")
    mixed = ask([image, text, text], shot("red"))
    assert mixed.text == "a"
    assert mixed.notes[1:] == ("similarity-weighted vote: 1 of 3 demonstrations compare with the query",)
    none = ask([text, text, shot("", "dog", "a")], shot("red"))
    assert none.text == "b"
    assert none.notes[1:] == ("plain majority: none of 3 demonstrations shares a modality with the query",)


def test_joint_space_stands_in_for_a_missing_one(shot):
    vlm = KnnVote(FakeEncoder(["joint"]))
    shots = [shot("red", answer="warm"), shot("blue", answer="cold")]
    assert ask(shots, shot("blue"), vlm=vlm).text == "cold"


def test_spaces_are_never_mixed(shot):
    """A text that has no score in its own space does not fall back to the joint one, which is another."""

    class Picky(FakeEncoder):
        @property
        def dims(self):
            return {**super().dims, "text": 3}

        def encode_texts(self, texts):
            scored = [[1, 0, 0] if text == "cat" else [0, 0, 0] for text in texts]
            return {**super().encode_texts(texts), "text": np.array(scored, dtype=np.float32)}

    shots = [shot("", "cat", "a"), shot("", "dog", "b")]
    assert ask(shots, shot("", "cat"), vlm=KnnVote(Picky())).text == "a"


def test_many_pictures_are_decoded_in_batches(shot):
    encoder = CountingEncoder()
    shots = [shot(f"#{red:02x}0000", answer=str(red)) for red in range(100)]
    assert ask(shots, shot("#630000"), vlm=KnnVote(encoder)).text == "99"
    assert encoder.batches == [("image", 64), ("image", 36)]


@pytest.mark.parametrize("dialect", ["chat", "interleaved"])
def test_zero_shot_takes_the_nearest_label_name(shot, dialect):
    layout = {"instruction": 'Which colour?\nLabels: ["blue", "red", "green"]', "dialect": dialect}
    reply = ask([], shot("red"), **layout)
    assert reply.text == "red"
    assert reply.notes == (NOT_A_MODEL, "no demonstrations: nearest label name in the joint space")
    assert ask([], shot("", "a green thing"), **layout).text == "green"
    assert ask([], shot("blue", "a green blue thing"), **layout).text == "blue"
    tied = {**layout, "instruction": 'Labels: ["red", "Red"]'}
    assert ask([], shot("red"), **tied).text == "Red"


def test_zero_shot_without_help_has_no_answer(shot):
    nothing = ask([], shot("red"))
    assert nothing.text == ""
    assert nothing.notes[1:] == ("no demonstrations and no label list: no answer",)
    blind = ask([], shot("red"), instruction='Labels: ["a"]', vlm=KnnVote(FakeEncoder(["image", "text"])))
    assert blind.text == ""
    assert "cannot be compared" in blind.notes[1]


def test_parameters_are_named_as_without_effect(shot):
    messages = prompt([shot("red", answer="a")], shot("red"))
    reply = KnnVote(FakeEncoder()).complete(
        Request("offline/knn-vote", messages, {"seed": 1, "temperature": 0})
    )
    assert reply.notes[-1] == "parameters without effect: seed, temperature"


def test_nothing_but_the_messages_matters(shot):
    messages = prompt([shot("red", answer="a"), shot("blue", answer="b")], shot("orange"))
    vlm = KnnVote(FakeEncoder())
    answers = {
        vlm.complete(request).text
        for request in (
            Request("offline/knn-vote", messages),
            Request("offline/knn-vote", messages, {"seed": 9}, "http://elsewhere"),
            Request("another/name", messages),
        )
    }
    assert answers == {"a"}


def test_broken_image_and_missing_query_are_clear_errors(shot):
    broken = Shot((ImagePart(b"not a picture", "image/png", 1, 1),), "", "a")
    with pytest.raises(InvalidImage, match="image in a message"):
        ask([broken], shot("red"))
    with pytest.raises(ModelRefused, match="no query"):
        KnnVote(FakeEncoder()).complete(Request("offline/knn-vote", (Message("system", (TextPart("x"),)),)))


def test_what_was_encoded_is_remembered(shot):
    encoder = CountingEncoder()
    vlm = KnnVote(encoder)
    shots = [shot("red", "cat", "a"), shot("blue", "dog", "b"), shot("red", "cat", "c")]
    ask(shots, shot("green", "cat"), vlm=vlm)
    assert sorted(encoder.batches) == [("image", 3), ("text", 2)]
    ask(shots, shot("green", "bird"), vlm=vlm, dialect="interleaved")
    assert sorted(encoder.batches) == [("image", 3), ("text", 1), ("text", 2)]


def test_memory_is_bounded_and_answers_stay(shot):
    encoder = CountingEncoder()
    shots = [shot("red", answer="a"), shot("blue", answer="b"), shot("green", answer="c")]
    small = KnnVote(encoder, capacity=2)
    assert [ask(shots, shot("blue"), vlm=small).text for _ in range(2)] == ["b", "b"]
    assert len(small._comparer._memo._known) == 2
    assert len(encoder.batches) > 1


def test_threads_share_it(shot):
    vlm = KnnVote(CountingEncoder(), capacity=3)
    shots = [shot(colour, answer=colour) for colour in ("red", "blue", "green", "yellow")]
    queries = [shot(colour) for colour in ("red", "blue", "green", "yellow")] * 8
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda query: ask(shots, query, vlm=vlm).text, queries))
    assert answers == ["red", "blue", "green", "yellow"] * 8


def test_opened_by_name(shot):
    vlm = open_model("offline/knn-vote", encoder=FakeEncoder)
    assert isinstance(vlm, VLM)
    assert ask([shot("red", answer="a")], shot("red"), vlm=vlm).text == "a"
    with pytest.raises(UnknownName, match="Did you mean 'offline/knn-vote'"):
        open_model("offline/knn-voter", encoder=FakeEncoder)
    with pytest.raises(InvalidParameter, match="needs an encoder"):
        open_model("offline/knn-vote")


def oracle(shots, query):
    """The definition, one pair at a time."""

    def vector(shot, space):
        encoder = FakeEncoder()
        if space == "text":
            return encoder.encode_texts([shot.text])["text"][0] if shot.text.strip() else None
        rows = encoder.encode_images([decode(image.data) for image in shot.media])["image"].astype(float)
        return rows.mean(axis=0) if len(rows) else None

    def weight(shot):
        pairs = [(vector(shot, space), vector(query, space)) for space in ("image", "text")]
        cosines = [
            a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs if a is not None and b is not None
        ]
        return max(float(np.mean(cosines)), 0) if cosines else 0.0

    votes = {}
    for shot in shots:
        votes[shot.answer] = votes.get(shot.answer, 0) + weight(shot)
    return votes


def shots(picture, **answer):
    images = st.lists(st.sampled_from(COLOURS).map(picture), max_size=2).map(tuple)
    made = st.builds(Shot, images, st.sampled_from(WORDS), **answer)
    return made.filter(lambda shot: shot.media or shot.text)


@given(data=st.data())
@settings(max_examples=50)
def test_is_the_weighted_vote_whatever_order_and_dialect(picture, data):
    shown = data.draw(st.lists(shots(picture, answer=st.sampled_from("abc")), min_size=1, max_size=6))
    query = data.draw(shots(picture))
    shuffled = random.Random(data.draw(st.integers(0, 99))).sample(shown, len(shown))
    turned = Shot(query.media[::-1], query.text)
    vlm = KnnVote(FakeEncoder())
    answers = {
        ask(order, asked, dialect=dialect, vlm=vlm).text
        for order in (shown, shuffled)
        for asked in (query, turned)
        for dialect in ("chat", "interleaved")
    }
    assert len(answers) == 1
    votes = oracle(shown, query)
    if any(votes.values()):
        assert votes[answers.pop()] >= max(votes.values()) - 1e-5
    else:
        assert answers <= votes.keys()


@given(colour=st.sampled_from(COLOURS), copies=st.integers(1, 5))
def test_copies_of_the_query_carry_the_vote(picture, colour, copies):
    """Against at most as many others, exact duplicates decide: no cosine exceeds theirs."""
    same = Shot((picture(colour),), "", "same")
    others = [Shot((picture(other),), "", "other") for other in COLOURS if other != colour][: copies - 1]
    assert ask([*[same] * copies, *others], Shot((picture(colour),))).text == "same"


def test_with_the_embedded_encoder():
    """Stripes and discs of other colours and sizes than those shown; texts in other words."""

    def drawn(kind, size, colour, ground):
        canvas = Image.new("RGB", (96, 96), ground)
        pen = ImageDraw.Draw(canvas)
        for at in range(0, 96, 2 * size):
            if kind == "stripes":
                pen.rectangle((0, at, 96, at + size), fill=colour)
            else:
                for row in range(0, 96, 2 * size):
                    pen.ellipse((at, row, at + size, row + size), fill=colour)
        buffer = io.BytesIO()
        canvas.save(buffer, "PNG")
        return ImagePart(buffer.getvalue(), "image/png", 96, 96)

    vlm = open_model("offline/knn-vote", encoder=registry.load("encoders", "embedded"))
    looks = [(6, "navy", "white"), (9, "darkgreen", "ivory"), (12, "maroon", "lightgrey")]
    shown = [Shot((drawn(kind, *look),), "", kind) for look in looks for kind in ("stripes", "discs")]
    for kind in ("stripes", "discs"):
        query = Shot((drawn(kind, 8, "purple", "beige"),))
        assert {ask(shown, query, vlm=vlm, dialect=dialect).text for dialect in ("chat", "interleaved")} == {
            kind
        }
    texts = [
        Shot((), "the cat sleeps on the sofa", "animal"),
        Shot((), "shares fell on the stock market", "money"),
    ]
    assert ask(texts, Shot((), "a kitten lies on the couch"), vlm=vlm).text == "animal"
