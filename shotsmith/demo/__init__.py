"""The demo: the whole job on a shipped set of public-domain drawings, offline."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ..domain.errors import NotFound, Unavailable
from ..domain.recipes import Recipe

if TYPE_CHECKING:
    from rich.console import Console

    from ..domain.selections import Prompt
    from ..engine import Engine
    from ..experiments import Comparison, Row, Sample

__all__ = ["run"]

POOL = "clipart"
INSTRUCTION = "What kind of thing does this drawing show?"
OFFLINE_MODEL = "offline/knn-vote"
DATA = Path(__file__).parent / "clipart" / "examples.jsonl"
SELECTORS = ("rices", "rices(modality=text)", "balanced")
SHOTS = (1, 2, 4, 8, 16)
SHEETS = 3
LABELS = 3
ADVICE_CALLS = 4000
MARGIN = 0.05  # a few hundred queries cannot tell less
BASE = Recipe(k=8, evaluation=True)


def run(*, out: Path = Path("demo"), model: str | None = None, console: Console) -> Comparison:
    """Import, select, prompt, answer, compare, advise and report; return what was compared.

    A second run imports nothing.

    Args:
        out: Where `report.html`, `advice.html`, `contact-sheet.png` and the demo's own data (`data/`) go.
        model: Who answers; by default the offline baseline, which needs no network and says that it is no model.
        console: Where to tell of it.

    Raises:
        ModelError: The model did not answer; what it answered before is kept.
        Unavailable: The folder cannot be made.
    """
    from ..engine import Engine
    from ..settings import Settings

    who = model or OFFLINE_MODEL
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"the folder cannot be made: {error.strerror}", field="out", value=str(out), mend="Name another"
        ) from None
    # The demo has stores of its own, whatever the environment names for real work.
    settings = Settings.read(
        data_dir=out / "data", database_url=None, blob_url=None, index_url=None, encoder="embedded", model=who
    )
    with Engine(settings) as engine:
        _load(engine, console)
        samples = _select(engine, out, console)
        prompt = _prompt(engine, samples[0].id, console)
        found = _compare(engine, who, console)
        _advise(engine, who, out, console)
        _tell(found, samples, prompt, out, console)
        return found


def _load(engine: Engine, console: Console) -> None:
    from ..importers import open_importer
    from ..progress import progress

    importer = open_importer("jsonl", DATA)
    _step(console, 1, "Import", "drawings with titles and kinds, public domain, from Open Clipart")
    try:
        engine.pool(POOL)
    except NotFound:
        engine.create_pool(POOL, instruction=INSTRUCTION)
    with progress(console, "   importing") as tick:
        total = importer.total()
        done = engine.add_all(POOL, importer.read(), progress=lambda added: tick(added.total, total))
    pool = engine.pool(POOL)
    news = f"{done.added:,} new" if done.added else "nothing new"
    console.print(f"   pool {POOL} holds {pool.size:,} examples ({news}), encoder {pool.encoder}")


def _select(engine: Engine, out: Path, console: Console) -> list[Sample]:
    from rich.markup import escape
    from rich.padding import Padding
    from rich.table import Table

    from ..experiments import contact_sheet, gather, held_out, title

    _step(console, 2, "Select", "which demonstrations each selector shows; green: the right kind")
    ids = [example.id for example in held_out(engine, POOL)[:SHEETS]]
    samples = gather(engine, POOL, ids, ["random", *SELECTORS], BASE)
    for sample in samples:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="", pad_edge=False)
        table.add_column(f"[dim]query[/] {escape(sample.text)}", no_wrap=True, min_width=24)
        table.add_column(f"[dim]right answer[/] [green]{escape(sample.answer)}[/]", no_wrap=True)
        for row in sample.rows:
            table.add_row(
                f"{title(row.name)}, {row.matches} of {len(row.shots)}", _labels(row, sample.answer)
            )
        console.print(Padding(table, (0, 0, 1, 3)))
    sheet = out / "contact-sheet.png"
    sheet.write_bytes(contact_sheet(samples))
    console.print(f"   the pictures are in {escape(str(sheet))}")
    return samples


def _prompt(engine: Engine, id: str, console: Console) -> Prompt:
    _step(console, 3, "Prompt", "what a model would receive for the first of them")
    prompt = engine.prompt(engine.select(POOL, engine.query_of(POOL, id), BASE))
    counts = prompt.manifest["counts"]
    console.print(
        f"   {counts['turns']} turns, {counts['images']} images in {counts['image_bytes']:,} bytes, "
        f"{counts['text_characters']:,} characters; sha256 {prompt.manifest['prompt_sha256'][:12]}, "
        "the same every time"
    )
    return prompt


def _compare(engine: Engine, model: str, console: Console) -> Comparison:
    from rich.padding import Padding

    from ..experiments import ZERO_SHOT, arms_table, compare, percent
    from ..progress import progress

    _step(console, 4, "Answer and compare", "every held-out query in every arm")
    with progress(console, "   asking") as tick:
        found = compare(engine, POOL, selectors=SELECTORS, shots=SHOTS, model=model, progress=tick)
    zero, rices = found.find(ZERO_SHOT), found.find("rices", BASE.k)
    if zero and rices:
        console.print(
            f"   {model}: without demonstrations {percent(zero.accuracy)}, with {BASE.k} by RICES "
            f"{percent(rices.accuracy)}",
            soft_wrap=True,
            markup=False,
        )
    for note in found.notes:
        console.print(f"   note: {note}", style="yellow", soft_wrap=True)
    console.print(Padding(arms_table(found), (1, 0, 0, 3)))
    return found


def _advise(engine: Engine, model: str, out: Path, console: Console) -> None:
    from ..experiments import Bench
    from ..experiments.advisor import Margins, advise
    from ..experiments.report import Account, render_findings
    from ..experiments.trials import Meter, Spending, Trials
    from ..progress import progress

    _step(
        console, 5, "Advise", "similar demonstrations, all of them, or none? As few calls as it takes to tell"
    )
    bench = Bench(engine, POOL, model=model)
    with progress(console, "   asking") as tick:
        meter = Meter(Spending(calls=ADVICE_CALLS))
        trials = Trials(bench, meter=meter, watch=lambda at: tick(at.done, at.total))
        advice = advise(trials, base=BASE, shots=SHOTS, margins=Margins(delta=MARGIN))
    leading = f", leaning to {advice.leading}" if advice.leading else ""
    console.print(f"   [bold]{advice.regime}[/]{leading}: use {advice.arm.name}", soft_wrap=True)
    for line in (*advice.why, *(f"note: {note}" for note in advice.notes)):
        console.print(f"   {line}", markup=False, soft_wrap=True)
    known = trials.found([point.arm for point in advice.points], bench.items)
    page = out / "advice.html"
    page.write_text(render_findings(Account(bench, known, advice)), encoding="utf-8")
    console.print(f"   the whole reasoning is in {page}", markup=False, soft_wrap=True)


def _tell(found: Comparison, samples: list[Sample], prompt: Prompt, out: Path, console: Console) -> None:
    from ..experiments import headline, render

    report = out / "report.html"
    report.write_text(render(found, samples, prompt=prompt), encoding="utf-8")
    console.print()
    console.print(f"Report:  {report.resolve()}", markup=False, soft_wrap=True)
    console.print(f"Found:   {headline(found)[0]}", markup=False, soft_wrap=True)
    console.print(
        "Next:    shotsmith import imagefolder YOUR_PICTURES --pool mine, then shotsmith compare --pool mine "
        "--model openai/gpt-5-mini --report mine.html",
        markup=False,
        soft_wrap=True,
    )


def _step(console: Console, number: int, name: str, what: str) -> None:
    console.print(f"\n[bold]{number}. {name}[/] [dim]{what}[/]")


def _labels(row: Row, answer: str) -> str:
    """Its first few labels by rank, with their counts."""
    from rich.markup import escape

    counts = Counter(shot.answer for shot in sorted(row.shots, key=lambda shot: shot.rank))
    shown = []
    for label, count in list(counts.items())[:LABELS]:
        text = escape(label) + (f" ×{count}" if count > 1 else "")
        shown.append(f"[bold green]{text}[/]" if label == answer else text)
    return ", ".join(shown) + (", …" if len(counts) > LABELS else "")
