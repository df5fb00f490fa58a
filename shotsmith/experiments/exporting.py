"""Every prediction of an experiment as CSV, JSON Lines or Parquet: a row for each arm, seed and item.

Rows are written one by one into a file that is there whole or not at all. JSON Lines and Parquet also tell the recipe
and the manifest that rebuild the prompt; `prompt_of` does it. Columns have the same names everywhere. `score` is that
of the decisive metric, empty where lower ones are better, and `score_...` that of each one.

A CSV file holds texts as they are, in quotes; what is not known is an empty cell without quotes. Spreadsheets may take
a cell that begins with =, +, - or @ for a formula. To guard against that changes the text, so it is done only where
asked for; how many such cells there are is told in any case.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import PathLike, fsync, replace
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, get_args

from .. import __version__
from ..domain.errors import Conflict, InvalidInput, InvalidParameter, Unavailable
from ..domain.parsed import Parsed
from ..domain.recipes import Recipe
from ..domain.scoring import canonical_json
from ..domain.selections import Prompt
from ..prompts.parsing import parse
from .arms import Arm
from .bench import Bench
from .metrics import METRICS, Metric, metrics_for
from .outcomes import Outcome
from .rebuilding import rebuilt
from .rows import Column, CsvRows, JsonRows, ParquetRows, Rows
from .trials import Findings
from .trials.keep import Cell

FORMAT = 1
Form = Literal["csv", "jsonl", "parquet"]

_OF_ARM: tuple[Column, ...] = (
    *((name, "text") for name in ("arm", "key", "group", "kind", "family", "model")),
    ("k", "whole"),
    *((name, "text") for name in ("changes", "instruction")),
    ("batch", "whole"),
)
_OF_OUTCOME: tuple[Column, ...] = (
    ("demonstrations", "texts"),
    ("labels", "texts"),
    *((name, "text") for name in ("said", "finish_reason", "error")),
    ("confidence", "number"),
    *((name, "whole") for name in ("input_tokens", "output_tokens", "cached_tokens")),
    *((name, "number") for name in ("cost_usd", "latency_ms", "selection_ms")),
    ("from_ledger", "flag"),
    ("prompt_sha256", "text"),
)
_REBUILDING: tuple[Column, ...] = (("recipe", "json"), ("manifest", "json"), ("manifest_note", "text"))


@dataclass(frozen=True, slots=True)
class ExportedPredictions:
    """What `export_predictions` wrote.

    Attributes:
        path: The file.
        rows: How many predictions it holds.
        notes: What should be known of them.
    """

    path: Path
    rows: int
    notes: tuple[str, ...] = ()


def export_predictions(
    path: str | PathLike[str],
    bench: Bench,
    findings: Findings,
    *,
    form: Form | None = None,
    manifests: bool = True,
    spreadsheet: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ExportedPredictions:
    """Write every prediction of an experiment.

    Args:
        path: The file; its folder must be there.
        bench: Where it was made.
        findings: What came of it. Outcomes that are missing have no row.
        form: By default what the name ends in: .csv, .jsonl or .parquet.
        manifests: Whether prompts are rebuilt for their manifests, which takes a selection each; CSV has none.
        spreadsheet: Of CSV, whether an apostrophe is put before cells that a spreadsheet would take for a formula.
        overwrite: Whether a file of that name is replaced.
        progress: Hears how many rows of how many are written.

    Raises:
        MissingExtra: Parquet without pyarrow.
        InvalidParameter: No such form.
        InvalidInput: A truth is no answer to the task.
        Conflict: There is a file of that name.
        Unavailable: The file system refuses.
    """
    target = Path(path)
    chosen = _form(target, form)
    metrics = [
        one for one in metrics_for(findings.task) if one.whole is None or one.name == "word_error_rate"
    ]
    rebuilding = chosen != "csv"
    columns = (*_OF_ARM, *_of_item(metrics), *_OF_OUTCOME, *(_REBUILDING if rebuilding else ()))
    cells = list(_cells(findings))
    notes = _Notes()
    with (
        _whole(target, overwrite=overwrite) as draft,
        _open(chosen, draft, columns, bench, spreadsheet) as rows,
    ):
        for done, (arm, cell) in enumerate(cells, start=1):
            row = _row(findings, metrics, arm, cell)
            if rebuilding:
                row |= _rebuilding(bench, arm, findings.outcomes[cell], manifests, notes)
            rows.add(row)
            if progress:
                progress(done, len(cells))
        rows.finish()
    missing = sum(len(findings.seeds_of(arm)) for arm in findings.arms) * len(findings.items) - len(cells)
    return ExportedPredictions(target, len(cells), notes.told(rows, missing))


def prompt_of(bench: Bench, row: Mapping[str, Any]) -> Prompt:
    """The prompt behind a row of JSON Lines or Parquet, byte for byte as it was sent.

    Args:
        bench: Of the same pool.
        row: As it was read; recipe and manifest as JSON or as what JSON stands for.

    Raises:
        InvalidInput: The row has no recipe, or the prompt of an arm that is not rebuilt.
        Conflict: What is rebuilt is not what was sent.
    """
    recipe = row.get("recipe")
    if isinstance(recipe, str):
        recipe = json.loads(recipe)
    if recipe is None:
        raise InvalidInput("the row has no recipe", field="recipe", mend="Export as JSON Lines or Parquet")
    arm = Arm(
        row["family"],
        row["kind"],
        row["k"],
        Recipe.read(recipe),
        row["model"],
        row["changes"],
        row["instruction"],
        row["batch"],
    )
    sent = Outcome(row["item"], None, False, seed=row["seed"], prompt_sha256=row["prompt_sha256"])
    prompt, says = rebuilt(bench, arm, sent)
    if prompt is None:
        raise InvalidInput(says, field="arm", value=row["arm"])
    if says:
        raise Conflict(says, field="prompt_sha256", value=row["prompt_sha256"])
    return prompt


def _form(path: Path, form: str | None) -> Form:
    wanted = form or path.suffix.lower().removeprefix(".").replace("ndjson", "jsonl")
    for known in get_args(Form):
        if wanted == known:
            return known  # type: ignore[no-any-return]
    raise InvalidParameter(
        "no such form of an export",
        field="out" if form is None else "form",
        value=path.name if form is None else form,
        mend="Name a file that ends in .csv, .jsonl or .parquet",
    )


def _of_item(metrics: list[Metric]) -> tuple[Column, ...]:
    scores: tuple[Column, ...] = tuple((f"score_{one.name}", "number") for one in metrics)
    return (
        ("seed", "whole"),
        ("item", "text"),
        ("truths", "texts"),
        ("answer", "text"),
        ("correct", "flag"),
        ("score", "number"),
        *scores,
    )


def _cells(findings: Findings) -> Iterator[tuple[Arm, Cell]]:
    for arm in findings.arms:
        yield from ((arm, cell) for cell in findings.cells(arm) if cell in findings.outcomes)


def _row(findings: Findings, metrics: list[Metric], arm: Arm, cell: Cell) -> dict[str, Any]:
    outcome = findings.outcomes[cell]
    truths = list(findings.truths[cell.item])
    read = Parsed(None, "failed") if outcome.answer is None else parse(outcome.answer, findings.task)
    decisive = METRICS[findings.metric]
    scores = {one.name: _score(one, findings, read, truths) for one in metrics}
    whole = outcome.as_dict()
    return {
        "arm": arm.name,
        **{
            name: getattr(arm, name)
            for name in ("key", "group", "kind", "family", "k", "changes", "instruction", "batch")
        },
        "model": arm.model,
        "seed": cell.seed,
        "item": cell.item,
        "truths": truths,
        "answer": outcome.answer,
        "correct": outcome.correct,
        "score": None if decisive.better == "lower" else _score(decisive, findings, read, truths),
        **{f"score_{name}": value for name, value in scores.items()},
        **{name: list(one) if isinstance(one := whole[name], tuple) else one for name, _ in _OF_OUTCOME},
    }


def _score(metric: Metric, findings: Findings, read: Parsed, truths: list[str]) -> float | None:
    try:
        return float(metric.item(findings.task, read, truths))
    except InvalidInput:
        if metric.name == findings.metric:
            raise
        return None  # e.g. several right answers, of which this metric takes one


def _rebuilding(bench: Bench, arm: Arm, outcome: Outcome, manifests: bool, notes: _Notes) -> dict[str, Any]:
    recipe = arm.seeded(outcome.seed).recipe
    told = {"recipe": recipe.model_dump(mode="json") if recipe else None}
    if not manifests:
        return {**told, "manifest": None, "manifest_note": "manifests were not asked for"}
    prompt, says = rebuilt(bench, arm, outcome)
    if says and arm.asks:
        notes.unproven += 1
    manifest = prompt.manifest if prompt and not says else None
    return {**told, "manifest": manifest, "manifest_note": says}


@dataclass(slots=True)
class _Notes:
    unproven: int = 0

    def told(self, rows: Rows, missing: int) -> tuple[str, ...]:
        found = []
        if missing:
            found.append(f"{missing:,} predictions are missing: these queries were not asked yet")
        if self.unproven:
            found.append(f"{self.unproven:,} rows have no manifest; manifest_note says why")
        if rows.mended:
            found.append(f"{rows.mended:,} texts held half a surrogate pair, which was replaced by U+FFFD")
        if isinstance(rows, CsvRows) and rows.formulas:
            guarded = (
                "have an apostrophe before them"
                if rows.guards
                else "may be taken for formulas by spreadsheets"
            )
            found.append(f"{rows.formulas:,} cells begin with =, +, - or @ and {guarded}")
        return tuple(found)


@contextmanager
def _open(
    form: Form, draft: Path, columns: tuple[Column, ...], bench: Bench, spreadsheet: bool
) -> Iterator[Rows]:
    facts = {
        "format": FORMAT,
        "shotsmith": __version__,
        "pool": {"name": bench.pool.name, "uid": bench.pool.uid, "version": bench.pool.version},
        "encoder_id": bench.pool.encoder_id,
        "split": bench.split,
        "model": bench.model,
    }
    made: Rows
    if form == "parquet":
        made = ParquetRows(draft, columns, {"shotsmith.predictions": canonical_json(facts)})
    else:
        made = JsonRows(draft, columns) if form == "jsonl" else CsvRows(draft, columns, guards=spreadsheet)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def _whole(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A draft beside a file that takes its place when the block ends, and is gone when it fails."""
    draft = path.with_name(f".{path.name}.part-{token_hex(6)}")
    try:
        _free(path, overwrite=overwrite)
        yield draft
        _free(path, overwrite=overwrite)
        try:
            with draft.open("rb") as written:
                fsync(written.fileno())
            replace(draft, path)
        except OSError as error:
            raise Unavailable(
                f"the export cannot be written: {error.strerror or error}", field="out", value=str(path)
            ) from error
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def _free(path: Path, *, overwrite: bool) -> None:
    if path.is_dir() or (path.exists() and not overwrite):
        raise Conflict(
            "there is a folder of that name" if path.is_dir() else "there is a file of that name",
            field="out",
            value=str(path),
            mend="Name another file" if path.is_dir() else "Name another file, or overwrite it (--overwrite)",
        )
