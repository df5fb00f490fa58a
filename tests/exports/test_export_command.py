from __future__ import annotations

import json

import pytest
from pictures import encoded, picture
from typer.testing import CliRunner

from shotsmith.cli import app
from shotsmith.domain.errors import Conflict, InvalidInput
from shotsmith.exports import read_export


@pytest.fixture
def run(engine, out, tmp_path):
    engine.close()
    settings = {"SHOTSMITH_INDEX_URL": "memory:", "SHOTSMITH_ENCODER": "fake", "COLUMNS": "100"}

    def run_(*arguments: str):
        command = ["--data-dir", str(tmp_path / "data"), "export", "--pool", "p", "--out", str(out)]
        return CliRunner().invoke(app, [*command, *arguments], env=settings, catch_exceptions=True)

    return run_


def test_a_split_in_evaluation_mode(run, out) -> None:
    done = run("--split", "test", "--recipe", "rices(k=4)", "--evaluation")
    assert done.exit_code == 0, done.output
    assert "6 queries, 24 demonstrations" in done.stdout
    read = read_export(out)
    assert [query.id for query in read] == [f"e0{number}" for number in range(16, 22)]
    assert read.recipe.evaluation
    assert read.manifest["images"] == "original"


def test_examples_by_id_in_their_order(run, out) -> None:
    done = run("--id", "e018", "--id", "e017", "-r", "rices(k=2)|with(evaluation=true)", "--json")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    assert json.loads(done.stdout)["counts"]["demonstrations"] == 4
    assert json.loads(done.stdout)["out"] == str(out)
    read = read_export(out)
    assert [query.id for query in read] == ["e018", "e017"]
    assert read.recipe.evaluation


def test_one_query_of_ones_own_with_prepared_images(run, out, tmp_path) -> None:
    image = tmp_path / "query.png"
    image.write_bytes(encoded(picture(500, hue=1, side=1100)))
    done = run("--image", str(image), "--text", "what?", "--prepared")
    assert done.exit_code == 0, done.output
    (query,) = read_export(out)
    assert (query.id, query.text, query.images[0].width) == (None, "what?", 1024)
    assert read_export(out).manifest["images"] == "prepared"


@pytest.mark.parametrize("arguments", [(), ("--split", "test", "--id", "e016"), ("--id", "e016", "-t", "x")])
def test_queries_come_from_one_place(run, out, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, InvalidInput)
    assert "Give one of --split, --id" in str(done.exception)
    assert not out.exists()


def test_a_split_without_examples_is_told(run, out) -> None:
    done = run("--split", "tset")
    assert isinstance(done.exception, InvalidInput)
    assert done.exception.value == "tset"


def test_an_earlier_export_is_overwritten_when_told(run, out) -> None:
    assert run("--id", "e016").exit_code == 0
    assert isinstance(run("--id", "e017").exception, Conflict)
    assert run("--id", "e017", "--overwrite").exit_code == 0
    assert [query.id for query in read_export(out)] == ["e017"]
