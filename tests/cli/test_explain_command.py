"""`shotsmith prompt --explain`: what a prompt takes of its model's limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pictures import encoded, picture


@pytest.fixture
def pool(run, home: Path):
    """A pool whose ids and labels look like the console's markup."""
    for number in range(9):
        place = home / "pictures" / f"[red]class {number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"a[bold]{number}.png").write_bytes(encoded(picture(number, hue=number % 3)))
    run("import", "imagefolder", home / "pictures", "--pool", "p")


@pytest.mark.parametrize(
    ("model", "by"),
    [
        ("openai/gpt-4o", "o200k_base, openai_tiles"),
        ("anthropic/claude-sonnet-4-5", "characters, anthropic_patches"),
        ("gemini/gemini-2.5-flash", "characters, gemini_tiles"),
    ],
)
def test_every_number_of_the_table_is_the_manifests(run, pool, query, model: str, by: str) -> None:
    asked = [
        "prompt",
        "--pool",
        "p",
        "--image",
        query,
        "-k",
        3,
        "--selector",
        "hybrid(prefix=1)",
        "-m",
        model,
    ]
    table = run(*asked, "--explain").out
    manifest = json.loads(run(*asked, "--json").out)["manifest"]
    rows = {row.split("  ")[0]: row for row in table.splitlines()}
    assert table.startswith(f"For {model}\n")
    for shot in manifest["demonstrations"]:
        row = next(row for row in table.splitlines() if shot["id"] in row)
        assert row.split()[0] == str(shot["position"])
        assert f" {shot['rank']}  24x24 " in row
        assert f"{shot['images'][0]['bytes']:,}  " in row
        assert f" {shot['tokens']:,}  " in row
        assert row.rstrip().endswith("the same for every query" if shot["fixed"] else "shown")
    tokens, limits = manifest["tokens"], manifest["budget"]["limits"]
    for name, used in (
        ("images", manifest["counts"]["images"]),
        ("bytes of images", manifest["counts"]["image_bytes"]),
        ("tokens", tokens["total"] + tokens["margin"]),
    ):
        limit = limits[{"bytes of images": "image_bytes"}.get(name, name)]
        row = next(row for row in rows.values() if row.startswith(f" {name}  "))
        assert row.removeprefix(f" {name} ").split() == [
            f"{used:,}",
            f"{limit['value']:,}",
            *limit["by"].split(),
        ]
    told = " ".join(table.split())
    assert f"{tokens['total']:,} expected and {tokens['margin']:,} to be sure ({by})" in told
    assert f"about ${manifest['cost_usd']:.6f} a call" in told
    assert f"the same for every query up to turn 3, part 1: {manifest['cache']['tokens']:,} tokens" in told
    assert "advice: the fixed part has about" in told


def test_what_was_dropped_and_why(run, pool, query, home: Path, monkeypatch) -> None:
    (home / "facts.toml").write_text('[[models]]\nmatch = ["openai/gpt-4o"]\nimages_per_request = 2\n')
    monkeypatch.setenv("SHOTSMITH_FACTS", "facts.toml")
    told = run("prompt", "--pool", "p", "--image", query, "-k", 3, "-m", "openai/gpt-4o", "--explain").out
    assert told.count("dropped: images per request of openai/gpt-4o: needs 1 image, 0 left") == 2
    assert "note: dropped: 2 of 3 demonstrations are not shown" in told
    assert "nothing that the model is known to reject" in told


def test_a_model_that_nobody_knows_and_none_at_all(run, pool, query) -> None:
    asked = ["prompt", "--pool", "p", "--image", query, "-k", 1, "--explain"]
    told = run(*asked, "-m", "nobody/knows").out
    assert "For nobody/knows, of which nothing is known" in told
    assert "warning: nothing is known about the model nobody/knows" in told
    told = run(*asked).out
    assert told.startswith("For no model in particular")
    assert "warning" not in told
    assert " any" in told
