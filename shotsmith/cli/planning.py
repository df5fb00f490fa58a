"""`shotsmith hybrid`: how many demonstrations to fix for the sake of the cache, and what that costs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..domain.errors import InvalidParameter
from .asking import read_recipe
from .output import Json, console, engine, keyed

if TYPE_CHECKING:
    from ..domain.recipes import Recipe
    from ..engine import Engine
    from ..prompts.economics import CacheRule, Plan, Point, Prices, Sizes
    from ..prompts.facts import ModelFacts

RATES = (0.1, 0.5, 1.0, 2.0, 10.0)
SAMPLE = 32  # demonstrations that are measured
QUERIES = 4
_PRICES = ("input", "output", "read", "write")


def hybrid(
    pool: Annotated[str, typer.Option("--pool", "-p", help="Where the demonstrations come from.")],
    model: Annotated[str, typer.Option("--model", "-m", help='For example "anthropic/claude-sonnet-5".')],
    rate: Annotated[
        str, typer.Option(help='How often queries come: "2/min", "0.5/s", "90/h", "1000/day".')
    ] = "1/min",
    recipe: Annotated[
        str,
        typer.Option(
            "--recipe",
            "-r",
            help="What is sent now: its selector chooses the similar part. Text, or a JSON or YAML file.",
        ),
    ] = "rices(k=16)",
    k: Annotated[
        int | None,
        typer.Option("-k", "--shots", min=0, help="Shots of similar ones only.", show_default="the recipe's"),
    ] = None,
    fixed: Annotated[
        int | None,
        typer.Option(min=0, help="Shots where all are fixed.", show_default="the pool, as far as it fits"),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            min=0, help="How many should stay similar where they can be afforded.", show_default="half"
        ),
    ] = None,
    value_fixed: Annotated[
        float | None,
        typer.Option(
            min=0, help="What a fixed demonstration is worth, a similar one being 1.", show_default="0.2"
        ),
    ] = None,
    budget_usd_per_query: Annotated[
        float | None, typer.Option(min=0, help="What a query may cost at most, US dollars.")
    ] = None,
    tokens_per_demonstration: Annotated[
        float | None,
        typer.Option(min=1, help="Tokens of a demonstration.", show_default="measured on the pool"),
    ] = None,
    cached: Annotated[str, typer.Option(help="What chooses the fixed part.")] = "k_centre",
    long: Annotated[
        bool, typer.Option("--long", help="Cache for the longer time, where that is sold.")
    ] = False,
    kept: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Share of the queries that find a warm cache, where none is promised."
        ),
    ] = 1.0,
    price: Annotated[
        list[str] | None,
        typer.Option(
            "--price", help="US dollars per million tokens: input=, output=, read= or write=; repeat it."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Plan a hybrid prompt: how many demonstrations to fix so that caches keep them, and how many to choose."""
    from ..domain.recipes import Recipe, stages_of
    from ..prompts.economics import Traffic
    from ..prompts.facts import facts_of
    from ..selectors import build

    given = Recipe.read(read_recipe(recipe), "recipe")
    base = given if k is None else given.model_copy(update={"k": k})
    traffic = Traffic.read(rate)
    if not build(stages_of(cached)).fixed:
        raise InvalidParameter(
            "it chooses anew for each query",
            field="--cached",
            value=cached,
            mend="Use k_centre, random_fixed, k_means or the like",
        )
    with engine() as opened:
        facts = facts_of(model, opened.settings.facts)
        rule, prices = _terms(facts, keyed(price or [], "--price"), long=long, kept=kept)
        measured = _measure(opened, pool, base, facts, tokens_per_demonstration)
    most = min(measured.most_shots, _within(measured.sizes, facts))
    asked = _Asked(
        measured.sizes,
        prices,
        rule,
        {
            "similar": base.k,
            "fixed": most if fixed is None else fixed,
            "keep": keep,
            "most_usd": budget_usd_per_query,
            "most_shots": most,
            **({} if value_fixed is None else {"value_fixed": value_fixed}),
        },
    )
    plan = asked.plan(traffic)
    found = plan.recipe(base, cached=cached)
    build(found.selector)
    others = {each: asked.plan(Traffic(each)) for each in sorted({*RATES, traffic.per_minute})}
    grid = asked.grid(plan, traffic)
    notes = [*facts.warnings, *measured.notes]
    if as_json:
        content = {
            "model": model,
            "pool": pool,
            "recipe": found.text,
            "per_minute": traffic.per_minute,
            "tokens": asdict(measured.sizes),
            "most_shots": most,
            "cache": asdict(rule),
            "prices": asdict(prices),
            **_told(plan),
            "why": list(plan.why),
            "notes": notes,
            "by_rate": [{"per_minute": each, **_told(one)} for each, one in others.items()],
            "by_shots": [_flat(one) for row in grid for one in row],
        }
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    _show(model, found, measured, plan, others, grid, traffic.per_minute, notes)


@dataclass(frozen=True)
class _Measured:
    """What a pool's prompts need.

    Attributes:
        sizes: Tokens.
        most_shots: Demonstrations that the pool has and a request may hold.
        how: Where the tokens come from.
        notes: What the user should know.
    """

    sizes: Sizes
    most_shots: int
    how: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Asked:
    """What stays the same at every rate."""

    sizes: Sizes
    prices: Prices
    rule: CacheRule
    wishes: dict[str, Any]

    def plan(self, traffic: Any) -> Plan:
        from ..prompts.economics import plan_hybrid

        try:
            return plan_hybrid(self.sizes, self.prices, self.rule, traffic, **self.wishes)
        except InvalidParameter as error:
            if error.field != "most_usd":
                raise
            option = "--budget-usd-per-query"
            raise InvalidParameter(error.message, field=option, value=error.value, mend=error.mend) from None

    def grid(self, plan: Plan, traffic: Any) -> list[list[Point]]:
        """Some numbers of fixed ones, each with some of similar ones; those of the plan among them."""
        from ..prompts.economics import point

        room = self.wishes["most_shots"]
        some = {0, plan.chosen.fixed // 2, plan.chosen.fixed, 2 * plan.chosen.fixed, plan.all_fixed.fixed}
        others = {0, plan.similar_only.similar // 2, plan.similar_only.similar, plan.chosen.similar}
        return [
            [
                point(fixed, similar, sizes=self.sizes, prices=self.prices, rule=self.rule, traffic=traffic)
                for similar in sorted(others)
            ]
            for fixed in sorted(number for number in some if number <= room)
        ]


def _terms(facts: ModelFacts, given: dict[str, Any], *, long: bool, kept: float) -> tuple[CacheRule, Prices]:
    """The cache rule and the prices, those from the command line first."""
    from dataclasses import replace

    from ..prompts.economics import Prices, prices_of, rule_of
    from ..prompts.prices import price_of

    for name, value in given.items():
        if name not in _PRICES or isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidParameter(
                "not a price",
                field="--price",
                value=f"{name}={value}",
                mend=f"Write dollars per million tokens: one of {', '.join(f'{one}=' for one in _PRICES)}",
            )
    rule = replace(rule_of(facts.cache, long=long), kept=kept)
    price = price_of(facts)
    known = prices_of(price, long=long) if price else None
    own = {name: value * 1e-6 for name, value in given.items()}
    if known is not None and "input" not in own:
        names = {"read": "cache_read", "write": "cache_write"}
        changed = {names.get(name, name): value for name, value in own.items()}
        # A price that was told holds for prompts of any length.
        return rule, replace(known, **changed, threshold=None, above=None) if changed else known
    if "input" not in own:
        raise InvalidParameter(
            "nobody knows the price of this model",
            field="--model",
            value=facts.model,
            mend="Give it, in dollars per million tokens: --price input=3 --price output=15",
        )
    output = own.get("output", known.output if known else 0.0)
    by_rule = Prices.by_rule(own["input"], output, rule)
    return rule, replace(
        by_rule,
        cache_read=own.get("read", by_rule.cache_read),
        cache_write=own.get("write", by_rule.cache_write),
    )


def _within(sizes: Sizes, facts: ModelFacts) -> int:
    """How many demonstrations fit into that part of the window in which more of them help."""
    room = facts.usable_share * facts.context_window - sizes.instruction - sizes.query - sizes.output
    return max(int(room // sizes.demonstration), 0)


def _measure(opened: Engine, pool: str, base: Recipe, facts: ModelFacts, tokens: float | None) -> _Measured:
    """Tokens of the parts of a prompt: means over a keyed sample of the pool, in the model's own units.

    Demonstrations are what a prompt with them has beyond the same prompt without, so that what a dialect puts around
    them is counted, and what was learnt from the model's reports counts as well.
    """
    from ..domain.recipes import stages_of
    from ..prompts.economics import Sizes
    from ..prompts.tokens import text_tokens

    pinned = opened.pinned(pool)
    sampled = base.model_copy(update={"selector": stages_of("random_fixed"), "k": SAMPLE})
    first = opened.select(pinned, opened.query(text="?"), sampled)
    if not first.demonstrations:
        raise InvalidParameter("the pool has no demonstrations to plan with", field="--pool", value=pool)
    answers = [shot.example.answer or ", ".join(shot.example.labels) for shot in first.demonstrations]
    each, bare, beginnings, images, own_images = [], [], [], [], []
    for shot in first.demonstrations[:QUERIES]:
        query = opened.query_of(pinned, shot.example.id)
        none, some = (
            opened.prompt(
                opened.select(pinned, query, sampled.model_copy(update={"k": shots})), model=facts.model
            ).manifest
            for shots in (0, SAMPLE)
        )
        total = none["tokens"]["total"]
        bare.append(total)
        beginnings.append(none["cache"]["tokens"] if none["cache"] else 0)
        own_images.append(none["counts"]["images"])
        if shown := len(some["demonstrations"]):
            each.append((some["tokens"]["total"] - total) / shown)
            images.append((some["counts"]["images"] - own_images[-1]) / shown)
    if not each:
        raise InvalidParameter("a pool of one example leaves none to show", field="--pool", value=pool)
    sizes = Sizes(
        demonstration=tokens or _mean(each),
        instruction=_mean(beginnings),
        query=max(_mean(bare) - _mean(beginnings), 0.0),
        output=_mean([text_tokens(facts.text_tokens, answer) for answer in answers]),
    )
    most, notes = first.eligible - 1, []
    if _mean(images):
        allowed = int(max(facts.images_per_request - max(own_images), 0) / _mean(images))
        if allowed < most:
            notes.append(f"{facts.model} takes {facts.images_per_request:,} images in a request")
        most = min(most, allowed)
    how = "as given" if tokens else f"measured on {min(SAMPLE, len(first.demonstrations))} of the pool"
    return _Measured(sizes, most, how, tuple(notes))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _flat(one: Point) -> dict[str, Any]:
    cost = asdict(one.cost)
    return {"fixed": one.fixed, "similar": one.similar, **cost}


def _told(plan: Plan) -> dict[str, Any]:
    return {
        "plan": _flat(plan.chosen),
        "similar_only": _flat(plan.similar_only),
        "all_fixed": _flat(plan.all_fixed),
        "limit_usd": plan.limit_usd,
        "effective_shots": plan.effective_shots,
        "token_factor": plan.token_factor,
    }


def _show(
    model: str,
    found: Recipe,
    measured: _Measured,
    plan: Plan,
    others: dict[float, Plan],
    grid: list[list[Point]],
    per_minute: float,
    notes: Sequence[str],
) -> None:
    from rich.table import Table

    out = console()
    sizes = measured.sizes
    out.print(f"{found.text}", style="bold", markup=False, soft_wrap=True)
    for line in plan.why:
        out.print(f"{line}.", markup=False, soft_wrap=True)
    out.print(
        f"tokens on {model}: {sizes.demonstration:,.0f} a demonstration ({measured.how}), "
        f"{sizes.instruction:,.0f} instruction, {sizes.query:,.0f} query, {sizes.output:,.0f} answer",
        style="dim",
        markup=False,
    )
    for note in notes:
        out.print(f"note: {note}", style="yellow", markup=False)
    table = Table(
        "queries/min",
        f"{plan.similar_only.similar} similar",
        f"{plan.all_fixed.fixed:,} fixed",
        "hybrid",
        "fixed + similar",
        "read from cache",
        box=None,
        header_style="bold",
        title="US dollars a query, by traffic",
        title_justify="left",
    )
    for rate, one in others.items():
        chosen = one.chosen
        table.add_row(
            f"{rate:g}",
            _usd(one.similar_only),
            _usd(one.all_fixed),
            _usd(chosen),
            f"{chosen.fixed:,} + {chosen.similar:,}",
            f"{chosen.cost.hit_rate:.1%}",
            style="bold" if rate == per_minute else None,
        )
    out.print(table)
    by_shots = Table(
        "fixed",
        *(f"+ {one.similar:,} similar" for one in grid[0]),
        box=None,
        header_style="bold",
        title=f"US dollars a query, by shots, at {per_minute:g} queries a minute",
        title_justify="left",
    )
    for row in grid:
        by_shots.add_row(f"{row[0].fixed:,}", *(_usd(one) for one in row))
    out.print(by_shots)


def _usd(one: Point) -> str:
    return f"{one.cost.usd:.6f}"
