"""`shotsmith augment`, with a model that says what the test tells it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shotsmith.clients.vlm import fake
from shotsmith.domain.messages import Request, TextPart


@pytest.fixture
def pool(run, home: Path, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """A pool `p` of four questions; what `fake/writer` is asked."""
    lines = [
        {"id": f"q{n}", "text": f"How much is {n} and {n}?", "answer": str(2 * n), "split": "train"}
        for n in range(4)
    ]
    (home / "lines.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert run("import", "jsonl", home / "lines.jsonl", "-p", "p", "--kind", "vqa").code == 0
    asked: list[Request] = []

    def answer(request: Request) -> str:
        asked.append(request)
        first = request.messages[0].parts[0]
        assert isinstance(first, TextPart)
        if not first.text.startswith("You help"):
            return "4"
        return json.dumps({"input": f"How much is {len(asked)} times 3?", "answer": str(3 * len(asked))})

    monkeypatch.setattr(fake, "load", lambda model, **options: fake.FakeVLM(answer, model=model))
    return asked


def test_examples_are_made_up_judged_and_stored(run, pool) -> None:
    arguments = ("augment", "-p", "p", "-n", 3, "-m", "fake/writer", "--max-calls", 24, "--workers", 1)
    plan = run(*arguments, "--dry-run")
    assert plan.out.splitlines()[0] == "6 candidates from 4 real examples, the better half kept, 3 at most"
    assert "up to 24 calls" in plan.out
    assert pool == []
    done = run(*arguments)
    assert (done.code, len(pool)) == (0, 24), done.err
    assert "6 asked for, 6 rated, median 4.00" in done.out
    assert "3 kept, 3 of them new in pool p" in done.out
    assert "note: fake/writer says what it was told to say; it is no model" in done.out
    again = json.loads(run(*arguments, "--json").out)
    assert (len(pool), again["spent"]["repeated"]) == (24, 24)
    assert again["added"]["added"] == 0
    assert len(again["kept"]) == 3
    (shown,) = json.loads(run("pool", "list", "--json").out)
    assert shown["size"] == 7


@pytest.mark.parametrize(
    ("arguments", "code", "field"),
    [
        (["--max-calls", "23"], 2, "max_calls"),
        (["--max-calls", "99", "-m", "offline/knn-vote"], 2, "model"),
        (["--max-calls", "99", "--max-usd", "1", "-m", "nobody/knows-it"], 2, "max_usd"),
        (["--max-calls", "99", "--source", "nope"], 3, "id"),
        (["--max-calls", "99", "-p", "nope"], 3, "pool"),
        (["--max-calls", "99", "--set", "max_tokens=3"], 2, "parameters"),
        (["--max-calls", "99", "--shots", "999"], 2, "shots"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_sent(run, pool, arguments, code, field) -> None:
    done = run("augment", "-p", "p", "-n", 3, "-m", "fake/writer", *arguments, "--json")
    assert (done.code, json.loads(done.err)["field"]) == (code, field)
    assert pool == []
