from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from experiment_pools import draft
from report_pages import CHROMIUM, fits, loads_nothing, opened, unfold, without_scripts

from shotsmith import demo
from shotsmith.clients.vlm.simulated.worlds import INSTRUCTION, World
from shotsmith.domain.recipes import FilterSpec, Recipe, stages_of
from shotsmith.engine import Engine
from shotsmith.experiments.advisor import Advice, Evidence, Stage
from shotsmith.experiments.arms import Arm, plan
from shotsmith.experiments.bench import Bench
from shotsmith.experiments.outcomes import Outcome
from shotsmith.experiments.report import Account, render_findings
from shotsmith.experiments.report.arms import unread_of
from shotsmith.experiments.report.confusions import confusions
from shotsmith.experiments.report.failures import failures
from shotsmith.experiments.trials import Trials
from shotsmith.importers import open_importer
from shotsmith.settings import Settings

BASE = Recipe(evaluation=True).model_copy(update={"filters": FilterSpec(splits=("train", ""))})
EVIL = "<script>document.title = 'owned'</script>\"'&"


def arms_of(selectors: list[str], shots: list[int]) -> list[Arm]:
    arms = plan(selectors, shots, BASE)
    return [replace(arm, group="scale" if arm.kind in ("recipe", "random") else "floor") for arm in arms]


def advice(arm: Arm, **fields) -> Advice:
    evidence = (
        Evidence("SLR", "image", 1.42, 1.2, 1.7, 1, "similar demonstrations are worth more"),
        Evidence("SLR*", "image", 1.31, 1.12, 1.58, 1, "also at the same labels"),
        Evidence("UDI", "", 0.03, -0.02, 0.08, 0, "may be chance"),
    )
    stages = (Stage("floor and scale", 40, 14, 560, "RICES is ahead"),)
    given = {"evidence": evidence, "stages": stages, "why": ("Similarity is what helps.",)}
    return Advice(fields.pop("regime", "SSL"), arm, **{**given, **fields})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """What a simulated world finds, with controls around RICES."""
    made = World(regime="SSL", labels=4, noise=0.1, pool=64, tests=40, seed=77)
    folder = tmp_path_factory.mktemp("world")
    with Engine(Settings(data_dir=folder, index_url="memory:")) as engine:
        engine.create_pool(made.name, instruction=INSTRUCTION, labels=made.label_space, encoder=made.encoder)
        engine.add(made.name, made.drafts())
        bench = Bench(engine, made.name, model=made.model)
        arms = arms_of(["rices", "balanced"], [1, 4])
        near = BASE.model_copy(update={"selector": stages_of("rices"), "k": 4})
        everything = BASE.model_copy(update={"selector": stages_of("all"), "k": 64})
        arms.append(Arm("all", "recipe", 64, everything, group="scale"))
        arms += [
            Arm(f"rices · place(at={at})", "recipe", 4, near, changes=f"place(at={at})", group="places")
            for at in ("0", "0.5", "1")
        ]
        arms += [
            Arm(f"rices · {order}", "recipe", 4, near.model_copy(update={"order": order}), group="order")
            for order in ("similar_first", "random")
        ]
        arms.append(Arm("rices · blank", "recipe", 4, near, changes="remove(of=images)", group="images"))
        found = Trials(bench, seeds=(0, 1), remember=False, workers=1).ask(arms, bench.items)
        yield Account(bench, found, name="which pictures")


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    """Some of the demo's drawings, answered by the offline baseline."""
    folder = tmp_path_factory.mktemp("drawings")
    records = [json.loads(line) for line in demo.DATA.read_text("utf-8").splitlines()]
    kept = [one for one in records if one["split"] == "train"][:120]
    kept += [one for one in records if one["split"] == "test"][:24]
    for one in kept:
        one["image"] = str(demo.DATA.parent / one["image"])
    listed = folder / "examples.jsonl"
    listed.write_text("\n".join(map(json.dumps, kept)), "utf-8")
    with Engine(Settings(data_dir=folder / "data", index_url="memory:", encoder="embedded")) as engine:
        engine.create_pool("clipart", instruction=demo.INSTRUCTION)
        engine.add_all("clipart", open_importer("jsonl", listed).read())
        bench = Bench(engine, "clipart", model=demo.OFFLINE_MODEL)
        arms = arms_of(["rices", "rices(modality=text)", "balanced"], [1, 4, 8])
        yield Account(bench, Trials(bench, remember=False, workers=1).ask(arms, bench.items))


@pytest.fixture
def asked(hired):
    """A function that asks arms with a model of one's own and returns an account."""
    opened = []

    def ask(answer: Callable, arms: list[Arm], seeds: tuple[int, ...] = (0,)) -> Account:
        engine = hired.open(answer)
        opened.append(engine)
        bench = Bench(engine, "p")
        return Account(bench, Trials(bench, seeds=seeds, workers=1).ask(arms, bench.items))

    yield ask
    for engine in opened:
        engine.close()


def words(page: str) -> str:
    """What stands on the page, without markup, on one line."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())


def test_the_page_loads_nothing_and_tells_every_arm(world):
    page = render_findings(world)
    loads_nothing(page)
    table = page[page.index('id="all-arms"') :]
    table = table[: table.index("</section>")]
    assert table.count('<th scope="row">') == len(world.findings.arms)
    for arm in world.findings.arms:
        assert f"{100 * world.findings.mean(arm).value:.0f}\u00a0%" in table
    told = words(page)
    assert "is simulated: it tests instruments" in told
    assert world.bench.pool.version in told
    assert all('alt="' in image for image in re.findall(r"<img[^>]*>", without_scripts(page)))


def test_every_section_is_in_its_place(world):
    rices = next(arm for arm in world.findings.arms if arm.name == "rices, k=4")
    page = render_findings(replace(world, advice=advice(rices)))
    sections = re.findall(r'<h2 id="([\w-]+)"', page)
    assert sections == [
        *("over-shots", "regime", "all-arms", "confusions", "front", "habits", "calibration"),
        *("failures", "stages", "reproduce"),
    ]  # fmt: skip
    charts = re.findall(r'<div class="chart" id="([\w-]+)"', page)
    assert {"chart", "regime-chart", "ratios", "differences", "front-chart", "depth-chart"} <= set(charts)
    assert len(charts) == len(set(charts)) == len(re.findall(r'data-for="', page))
    assert page.count("aria-label") > len(charts)


def test_the_verdict_comes_first(world):
    rices = next(arm for arm in world.findings.arms if arm.name == "rices, k=4")
    told = words(render_findings(replace(world, advice=advice(rices))))
    assert told.index("Show the nearest few examples of each query") < told.index("Scores over shots")
    for one in (
        "SSL similar-sample learning",
        "Use RICES at k=4",
        "Similarity is what helps.",
        "SLR* by image",
    ):
        assert one in told
    assert "with(evaluation" not in told[: told.index("Reproduce it")]
    open_verdict = advice(rices, regime="INCONCLUSIVE", leading="SSL", needed=412, notes=("a small pilot",))
    told = words(render_findings(replace(world, advice=open_verdict)))
    assert "it would be SSL (similar-sample learning). About 412 held-out queries would decide it" in told
    assert "there were 40" in told
    assert "Until then use RICES at k=4" in told
    assert "a small pilot." in told


def test_without_advice_the_featured_arm_is_settled_before_any_answer(world):
    featured = world.featured
    assert featured is not None
    assert featured.name == "rices, k=4"
    told = words(render_findings(world))
    assert "No verdict on the regime was asked for" in told
    assert re.search(r"RICES at k=4 scores \d+ % \[\d+, \d+\]\. Against no demonstrations that is", told)
    assert "RET(4)" in told
    assert "VOTEGAP(4)" in told


def test_what_stands_where_is_measured(world):
    page = render_findings(world)
    told = words(page)
    habits = told[told.index("Place, labels and votes") : told.index("Does it know what it knows")]
    assert "RICES at k=4: the nearest one" in habits
    assert "Other orders of the same demonstrations" in habits
    assert "remove(of=images)" in told
    # Places are told by their curve alone.
    changes = told[told.index("What changes of the demonstrations do") : told.index("Every arm")]
    assert "place(" not in changes


def test_arms_that_were_not_asked_about_everything_are_told_with_what_is_known(world):
    late = set(world.findings.items[25:])
    rices = next(arm for arm in world.findings.arms if arm.name == "rices, k=4")
    gone = next(arm for arm in world.findings.arms if arm.name == "balanced, k=4")
    kept = {
        cell: one
        for cell, one in world.findings.outcomes.items()
        if cell.arm != gone.key and not (cell.arm == rices.key and cell.item in late)
    }
    short = Account(world.bench, replace(world.findings, outcomes=kept))
    page = render_findings(short)
    assert "2 of 17 arms were not asked about all 40 queries" in words(page)
    table = page[page.index('id="all-arms"') : page.index('id="confusions"')]
    assert table.count('<th scope="row">') == len(world.findings.arms) - 1
    assert '<td class="faint">25</td>' in table
    nothing = render_findings(Account(world.bench, replace(world.findings, outcomes={})))
    assert "No arm was asked yet" in words(nothing)


def test_failures_are_spread_over_the_kinds_of_mistakes(world):
    found = failures(replace(world, failures=3))
    assert found is not None
    kinds = {(one.truths, one.outcome.answer) for one in found.shown}
    assert len(kinds) == min(3, found.kinds)
    assert found == failures(replace(world, failures=3))
    for one in found.shown:
        assert one.says == ""
        assert one.sha256 == one.outcome.prompt_sha256
        assert len(one.shots) == len(one.outcome.demonstrations) == 4
        assert one.turns[-1].text.endswith(world.bench.examples[one.outcome.item].text)


def test_a_prompt_that_is_not_the_one_that_was_sent_is_not_passed_off(world):
    featured = world.featured
    assert featured is not None
    other = {
        cell: replace(one, prompt_sha256="f" * 64) if cell.arm == featured.key else one
        for cell, one in world.findings.outcomes.items()
    }
    told = words(render_findings(Account(world.bench, replace(world.findings, outcomes=other))))
    assert "this is not the prompt that was sent, whose sha256 is ffffffffffff" in told


def test_many_labels_are_told_by_their_mistakes(engine, asked):
    engine.add("p", [draft(100 + n, n % 4, split="test", labels=(f"kind {n:02d}",)) for n in range(60)])
    engine.close()
    account = asked(lambda request: "kind 01", arms_of(["rices"], [1]))
    found = confusions(account)
    assert found is not None
    assert not found.whole
    page = render_findings(account)
    assert 'class="heat"' not in without_scripts(page)
    assert "There are too many labels for a matrix" in page


def test_text_of_users_is_escaped(engine, asked):
    evil = draft(50, 1, split="train", labels=(EVIL,), text=EVIL)
    engine.add("p", [evil, draft(51, 1, split="test", text=EVIL, labels=(EVIL,))])
    engine.close()
    account = asked(lambda request: EVIL, arms_of(["rices"], [8]))
    half = {cell: replace(one, said=f"{EVIL}\ud800") for cell, one in account.findings.outcomes.items()}
    account = replace(account, findings=replace(account.findings, outcomes=half))
    page = render_findings(replace(account, name=EVIL, notes=(EVIL,)))
    assert "document.title" in page
    assert EVIL not in page
    assert "<script>document.title" not in page
    assert page.encode()


def test_what_has_no_answer_is_sorted_out(engine, asked):
    engine.close()
    account = asked(lambda request: "no idea", arms_of(["rices"], [1]))
    assert "8 unreadable" in words(render_findings(account))
    found = [
        Outcome("a", None, False, said="no idea", finish_reason="stop"),
        Outcome("b", None, False, said=" ", finish_reason="stop"),
        Outcome("c", None, False, said="It is a", finish_reason="length"),
        Outcome("d", None, False, finish_reason="content_filter"),
        Outcome("e", None, False, error="too long"),
        Outcome("f", "class 1", False, said="class 1", finish_reason="length"),
    ]
    unread = unread_of(found)
    assert str(unread) == "1 failed, 1 refused, 1 cut off, 1 empty, 1 unreadable"
    assert unread.total == 5


def test_metrics_are_those_of_the_experiment(world):
    by_f1 = Account(world.bench, replace(world.findings, metrics=("macro_f1", "accuracy")))
    told = words(render_findings(by_f1))
    assert "Macro-F1 with 95 % intervals; differences in points of accuracy" in told
    assert "The same by accuracy" in told
    assert "By exact match every arm has the same score" in words(render_findings(world))


browsers = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
screens = pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (1100, "dark"), (390, "light")])


def kept(tab, name: str) -> None:
    """Leave a screenshot where REPORT_SCREENSHOTS says."""
    if folder := os.environ.get("REPORT_SCREENSHOTS"):
        tab.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@browsers
@screens
def test_a_browser_shows_a_simulated_world(world, tmp_path, width, scheme):
    rices = next(arm for arm in world.findings.arms if arm.name == "rices, k=4")
    page = render_findings(replace(world, advice=advice(rices)))
    with opened(page, tmp_path, width, scheme) as tab:
        fits(tab, width)
        kept(tab, f"world-{width}-{scheme}")
        unfold(tab)
        fits(tab, width)
        apart(tab)


@browsers
@screens
def test_a_browser_shows_the_offline_baseline_on_drawings(drawings, tmp_path, width, scheme):
    page = render_findings(drawings)
    assert "is a baseline from the literature, not a vision-language model" in page
    with opened(page, tmp_path, width, scheme) as tab:
        fits(tab, width)
        kept(tab, f"drawings-{width}-{scheme}")
        unfold(tab)
        fits(tab, width)
        apart(tab)


def apart(tab) -> None:
    """No two labels of an axis run into each other, and nothing of a chart is cut off."""
    crossed = tab.evaluate(
        """() => {
          const found = [];
          for (const axis of document.querySelectorAll(".chart svg .role-axis-label")) {
            const boxes = [...axis.querySelectorAll("text")].filter(one => one.textContent
              && getComputedStyle(one).opacity > 0).map(one => one.getBoundingClientRect());
            boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
              if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4)
                found.push(axis.textContent);
            }));
          }
          for (const svg of document.querySelectorAll(".chart svg")) {
            const own = svg.getBoundingClientRect();
            for (const text of svg.querySelectorAll("text")) {
              const box = text.getBoundingClientRect();
              if (box.width && (box.left < own.left - 2 || box.right > own.right + 2)) found.push(text.textContent);
            }
          }
          return found;
        }"""
    )
    assert crossed == []


@browsers
def test_charts_follow_the_theme_and_paper_is_light(world, tmp_path):
    with opened(render_findings(world), tmp_path, 1100, "dark") as tab:
        label = "getComputedStyle(document.querySelector('#chart svg .role-axis-label text')).fill"
        dark = tab.evaluate(label)
        tab.emulate_media(color_scheme="light")
        light = tab.evaluate(label)
        tab.emulate_media(color_scheme="dark", media="print")
        assert dark != light
        assert tab.evaluate(label) == light
