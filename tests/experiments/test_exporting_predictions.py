from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace

import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet
import pytest

from shotsmith.domain.errors import Conflict, InvalidInput, InvalidParameter, MissingExtra, Unavailable
from shotsmith.domain.messages import canonical
from shotsmith.domain.recipes import FilterSpec, Recipe
from shotsmith.experiments.arms import Arm, plan
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.care.logs import read_log
from shotsmith.experiments.exporting import export_predictions, prompt_of
from shotsmith.experiments.trials import Trials

SAID = '=1+1, "no idea"\r\n\u2028second line'


@pytest.fixture
def bench(engine, hired):
    engine.close()
    with hired.open(lambda request: SAID if "thing 34" in str(request.messages[-1]) else "class 1") as opened:
        yield Bench(opened, "p")


@pytest.fixture
def found(bench):
    base = Recipe(evaluation=True).model_copy(update={"filters": FilterSpec(splits=("train", ""))})
    arms = [*plan(["rices"], [2], base)]
    rices = next(arm for arm in arms if arm.family == "rices")
    arms += [
        replace(rices, family="rices, no images", changes="remove(of=images)"),
        replace(rices, family="rices, asked otherwise", instruction="Which class?"),
        replace(rices, family="rices, in batches", batch=3),
    ]
    return Trials(bench, seeds=(0, 1), workers=1).ask(arms, bench.items)


def lines(path):
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def test_every_prediction_is_there_in_every_form(bench, found, tmp_path):
    wanted = sum(len(found.seeds_of(arm)) for arm in found.arms) * len(found.items)
    for form in ("csv", "jsonl", "parquet"):
        done = export_predictions(tmp_path / f"out.{form}", bench, found)
        assert done.rows == wanted
    records = lines(tmp_path / "out.jsonl")
    table = parquet.read_table(tmp_path / "out.parquet")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    assert len(records) == len(cells) == table.num_rows == wanted
    assert list(table.column_names) == list(records[0])
    assert list(cells[0]) == list(records[0])[:-3]
    for record, row, cell in zip(records, table.to_pylist(), cells, strict=True):
        for name, value in record.items():
            if name in ("recipe", "manifest"):
                assert (json.loads(row[name]) if row[name] else None) == value
            else:
                assert row[name] == value
        for name, value in cell.items():
            one = record[name]
            if isinstance(one, list):
                assert json.loads(value) == one
            elif isinstance(one, bool):
                assert value == str(one).lower()
            elif isinstance(one, int | float):
                assert float(value) == one
            else:
                assert value == (one or "")
    assert any(record["said"] == SAID for record in records)
    assert {record["seed"] for record in records if record["kind"] == "random"} == {0, 1}
    assert (
        json.loads(table.schema.metadata[b"shotsmith.predictions"])["pool"]["version"] == bench.pool.version
    )


def test_csv_tells_what_is_not_known_from_what_is_empty(bench, found, tmp_path):
    export_predictions(tmp_path / "out.csv", bench, found)
    read = arrow_csv.read_csv(
        tmp_path / "out.csv",
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False),
    )
    answers = [one.answer for arm in found.arms for seed in found.of_arm(arm) for one in seed]
    assert read.column("answer").to_pylist() == answers
    assert None in answers
    assert read.column("changes").to_pylist().count("") > 0


def test_a_prompt_is_rebuilt_from_its_manifest_byte_for_byte(bench, found, tmp_path):
    export_predictions(tmp_path / "out.jsonl", bench, found)
    export_predictions(tmp_path / "out.parquet", bench, found)
    rows = [
        row
        for row in (*lines(tmp_path / "out.jsonl"), *parquet.read_table(tmp_path / "out.parquet").to_pylist())
        if row["kind"] in ("recipe", "random") and row["batch"] == 1
    ]
    seen = set()
    for row in rows:
        manifest = json.loads(row["manifest"]) if isinstance(row["manifest"], str) else row["manifest"]
        assert manifest["prompt_sha256"] == row["prompt_sha256"]
        prompt = prompt_of(bench, row)
        assert json.loads(json.dumps(prompt.manifest)) == manifest
        seen.add(row["arm"])
        # Of an unchanged arm the manifest alone suffices.
        if not row["changes"] and row["instruction"] is None:
            query = bench.engine.query_of("p", manifest["query"]["id"])
            selection = bench.engine.select("p", query, Recipe.read(manifest["recipe"]))
            again = bench.engine.prompt(selection, model=row["model"] or bench.model)
            assert canonical(again.messages) == canonical(prompt.messages)
            assert again.messages == prompt.messages
    assert len(seen) == 4


def test_what_cannot_be_rebuilt_has_no_manifest_and_says_why(bench, found, tmp_path):
    cell = next(cell for cell, one in found.outcomes.items() if one.prompt_sha256)
    outcomes = {**found.outcomes, cell: replace(found.outcomes[cell], prompt_sha256="0" * 64)}
    done = export_predictions(tmp_path / "out.jsonl", bench, replace(found, outcomes=outcomes))
    batched = len(found.items) * 2
    assert f"{batched + 1} rows have no manifest" in " ".join(done.notes)
    rows = lines(tmp_path / "out.jsonl")
    wrong = next(row for row in rows if row["prompt_sha256"] == "0" * 64)
    assert wrong["manifest"] is None
    assert "not the prompt that was sent" in wrong["manifest_note"]
    with pytest.raises(Conflict, match="not the prompt that was sent"):
        prompt_of(bench, wrong)
    nobody = next(row for row in rows if row["kind"] == "majority")
    assert (nobody["recipe"], nobody["manifest"], nobody["manifest_note"]) == (None, None, "nobody was asked")
    with pytest.raises(InvalidInput):
        prompt_of(bench, nobody)
    plain = export_predictions(tmp_path / "bare.jsonl", bench, found, manifests=False)
    assert plain.notes == ()
    assert {row["manifest_note"] for row in lines(tmp_path / "bare.jsonl")} == {
        "manifests were not asked for"
    }


def test_pool_care_reads_the_log(bench, found, tmp_path):
    done = export_predictions(tmp_path / "out.jsonl", bench, found)
    logged = read_log(tmp_path / "out.jsonl")
    assert len(logged) == done.rows
    rows = lines(tmp_path / "out.jsonl")
    assert [one.shown for one in logged] == [tuple(row["demonstrations"]) for row in rows]
    assert [one.score for one in logged] == [row["score"] for row in rows]


def test_formulas_are_guarded_only_where_asked_for(bench, found, tmp_path):
    plain = export_predictions(tmp_path / "a.csv", bench, found)
    guarded = export_predictions(tmp_path / "b.csv", bench, found, spreadsheet=True)
    assert "may be taken for formulas" in " ".join(plain.notes)
    assert "apostrophe" in " ".join(guarded.notes)
    assert SAID.replace('"', '""').encode() in (tmp_path / "a.csv").read_bytes()
    with (tmp_path / "b.csv").open(newline="", encoding="utf-8") as file:
        said = {row["said"] for row in csv.DictReader(file)}
    assert f"'{SAID}" in said
    assert SAID not in said


def test_what_is_missing_is_told(bench, found, tmp_path):
    cell = next(iter(found.outcomes))
    left = {one: outcome for one, outcome in found.outcomes.items() if one != cell}
    done = export_predictions(tmp_path / "out.csv", bench, replace(found, outcomes=left))
    assert done.rows == len(left)
    assert "1 predictions are missing" in " ".join(done.notes)


def test_half_a_surrogate_pair_is_kept_or_mended(bench, found, tmp_path):
    cell = next(cell for cell, one in found.outcomes.items() if one.said)
    outcomes = {**found.outcomes, cell: replace(found.outcomes[cell], said="a\ud800b")}
    broken = replace(found, outcomes=outcomes)
    export_predictions(tmp_path / "out.jsonl", bench, broken)
    assert "a\ud800b" in {row["said"] for row in lines(tmp_path / "out.jsonl")}
    for form in ("csv", "parquet"):
        done = export_predictions(tmp_path / f"out.{form}", bench, broken)
        assert "U+FFFD" in " ".join(done.notes)
    assert "a\ufffdb" in parquet.read_table(tmp_path / "out.parquet").column("said").to_pylist()


def test_a_file_is_there_whole_or_not_at_all(bench, found, tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    path.write_text("mine")
    with pytest.raises(Conflict, match="file of that name"):
        export_predictions(path, bench, found)

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_predictions(path, bench, found, overwrite=True, progress=stop)
    assert path.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []
    export_predictions(path, bench, found, overwrite=True, manifests=False)
    assert len(lines(path)) == len(found.outcomes)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(Conflict, match="folder"):
        export_predictions(tmp_path / "folder.csv", bench, found, overwrite=True)
    with pytest.raises(Unavailable):
        export_predictions(tmp_path / "nowhere" / "out.csv", bench, found)
    with pytest.raises(InvalidParameter, match=r"\.parquet"):
        export_predictions(tmp_path / "out.xlsx", bench, found)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="shotsmith\\[export\\]"):
        export_predictions(tmp_path / "out.parquet", bench, found)


def test_an_arm_without_a_recipe_has_none(bench, tmp_path):
    found = Trials(bench).ask([Arm("majority class", "majority", 0)], bench.items)
    export_predictions(tmp_path / "out.parquet", bench, found)
    assert parquet.read_table(tmp_path / "out.parquet").column("recipe").to_pylist() == [None] * len(
        found.items
    )
