"""Every registered selector on pools of every kind: it chooses, or one error says why it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kind_pools import ELIGIBLE, HELD_OUT, KINDS, QUERY, SENTENCES, opened
from selector_cases import ALL, CASES, steps

from shotsmith import registry
from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.recipes import Recipe
from shotsmith.domain.selections import Selection
from shotsmith.engine import Engine

K = 6
NEEDS_LABELS = {"balanced", "stratified", "label_space", "topk_mdl"}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(opened(tmp_path_factory.mktemp("kind"), kind.kind, kind.fields))
            for name, kind in KINDS.items()
        }


def by_confidence(text: str) -> bool:
    return "adaptive(by=confidence" in text


def refused(name: str, text: str) -> bool:
    """Whether a kind of pool has nothing that the definition asks for."""
    return not KINDS[name].labelled and (bool(steps(text) & NEEDS_LABELS) or by_confidence(text))


def select(engine: Engine, text: str, k: int = K) -> Selection:
    return engine.select("p", engine.query_of("p", QUERY), Recipe(selector=text, k=k))


def expected(text: str) -> range:
    """How many demonstrations the definition allows."""
    if text == "none":
        return range(1)
    if text == "all":
        return range(ELIGIBLE, ELIGIBLE + 1)
    if "adaptive" not in text:
        return range(K, K + 1)
    least = 2 if "k_min=2" in text else 1
    return range(least, (4 if "k_max=4" in text else K) + 1)


WORKING = [(name, text) for name in KINDS for text in ALL if not refused(name, text)]
REFUSED = [(name, text) for name in KINDS for text in ALL if refused(name, text)]


@pytest.mark.parametrize(("name", "text"), WORKING)
def test_a_selector_chooses_in_a_pool_of_this_kind(engines: dict[str, Engine], name: str, text: str) -> None:
    engine = engines[name]
    selection = select(engine, text)
    ids = [shot.example.id for shot in selection.demonstrations]
    assert len(ids) in expected(text)
    assert len(set(ids)) == len(ids)
    assert not {QUERY, *(f"e{number:03d}" for number in HELD_OUT)} & set(ids)
    assert selection.eligible == ELIGIBLE
    assert not selection.short or text == "none"
    assert all(shot.reason and shot.stage for shot in selection.demonstrations)
    if "adaptive" in text:
        assert any(flag.startswith(f"adaptive: {len(ids)} of ") for flag in selection.flags)
    manifest = engine.prompt(selection).manifest
    assert manifest["dropped"] == []
    shown = {shot["id"]: shot["answer"] for shot in manifest["demonstrations"]}
    assert shown == {shot.example.id: shot.example.answer for shot in selection.demonstrations}
    assert all(shown.values())


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_what_needs_labels_is_one_clear_error_where_there_are_none(
    engines: dict[str, Engine], name: str, text: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        select(engines[name], text)
    error = caught.value
    if by_confidence(text):
        assert (error.field, error.value) == ("adaptive.by", "confidence")
        assert error.message == "confidence needs a label space, and no eligible example has a label"
        assert error.mend == 'Use by="gap" or by="ratio"'
        return
    (needing,) = steps(text) & NEEDS_LABELS
    assert (error.field, error.value) == ("selector", needing)
    kind = KINDS[name].kind
    assert error.message == f"{needing} needs labels, and no eligible example of this {kind} pool has one"
    assert str(error.mend).endswith("give the examples labels, or use rices, mmr or k_means")
    for instead in ("rices", "mmr", "k_means"):
        assert len(select(engines[name], instead).demonstrations) == K


def test_which_ones_are_refused_is_known_by_name() -> None:
    """So that a new selector that needs labels is seen here."""
    found = {registered for registered, texts in CASES.items() for _, text in REFUSED if text in texts}
    assert found == NEEDS_LABELS | {"adaptive", "mix"}
    assert set(CASES) == set(registry.names("selectors"))
    assert {name for name, _ in REFUSED} == {"regression", "vqa", "captioning", "open"}


@pytest.mark.parametrize("name", ["regression", "open"])
@pytest.mark.parametrize(
    "text", ["balanced", "stratified", "label_space", "topk_mdl", "adaptive(by=confidence)"]
)
def test_no_shots_need_no_labels(engines: dict[str, Engine], name: str, text: str) -> None:
    assert select(engines[name], text, k=0).demonstrations == ()


@pytest.mark.parametrize("name", KINDS)
def test_the_nearest_neighbour_answers_in_the_words_of_the_pool(
    engines: dict[str, Engine], name: str
) -> None:
    engine = engines[name]
    query = engine.query_of("p", QUERY)
    answer = engine.ask("p", query, Recipe(selector="rices", k=K), model="offline/copy-nearest")
    # The prompt shows the most similar one last, by picture and text together.
    assert answer.reply.text in {shot.example.answer for shot in answer.selection.demonstrations}
    if name in ("regression", "numbers as labels"):
        assert answer.parsed.how == "number"
        assert float(answer.parsed.answer or "nan") == float(answer.reply.text)
        return
    if name != "multi-label":
        assert answer.reply.text in SENTENCES
    if KINDS[name].kind != "classification":
        assert (answer.parsed.answer, answer.parsed.how) == (answer.reply.text, "free-form")
