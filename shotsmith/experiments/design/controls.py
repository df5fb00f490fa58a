"""Groups of control arms around a focus: one thing is changed in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ...domain.recipes import Recipe, stages_of
from ..arms import ZERO_SHOT, Arm, family

Spaces = frozenset[str]


@dataclass(frozen=True, slots=True)
class Setting:
    """What controls are made of.

    Attributes:
        focus: The arm that they vary.
        spaces: In which the pool's examples can be compared: "image", "text", "joint".
        category: Metadata by which distractors resemble the query.
        media: Whether items have images.
        texts: Whether items have texts.
    """

    focus: Arm
    spaces: Spaces
    category: str | None = None
    media: bool = True
    texts: bool = True

    @property
    def recipe(self) -> Recipe:
        """Of the focus."""
        assert self.focus.recipe is not None
        return self.focus.recipe

    def changed(self, group: str, changes: str) -> Arm:
        """The focus, perturbed."""
        family = f"{self.focus.family} · {changes}"
        return replace(self.focus, family=family, changes=changes, group=group, kind="recipe")

    def with_recipe(self, group: str, name: str, **fields: object) -> Arm:
        """The focus with another recipe."""
        recipe = self.recipe.model_copy(update=fields)
        return replace(self.focus, family=name, recipe=recipe, group=group, kind="recipe")


def _select(setting: Setting) -> Iterator[Arm]:
    known = ["image", "text", "joint"]
    names = [
        "rices" if space == "image" else f"rices(modality={space})"
        for space in known
        if space in setting.spaces
    ]
    if {"image", "text"} <= setting.spaces:
        names += ["mmices", "fused"]
    names += ["mmr", "dpp"]
    names += ["bm25"] if setting.texts else []
    names += ["k_centre", "dissimilar", "hybrid", "random|balanced"]
    for name in names:
        stages = stages_of(name)
        yield setting.with_recipe("select", family(stages), selector=stages)


def _perturbed(group: str, *changes: str) -> Callable[[Setting], Iterator[Arm]]:
    def arms(setting: Setting) -> Iterator[Arm]:
        for one in changes:
            yield setting.changed(group, one)

    return arms


def _noise(setting: Setting) -> Iterator[Arm]:
    for one in ("distract(n=1)", "distract(share=0.25)", "distract(share=0.5)"):
        yield setting.changed("noise", one)
    if setting.category:
        yield setting.changed("noise", f'distract(n=1,like="{setting.category}")')


def _labels(setting: Setting) -> Iterator[Arm]:
    for share in ("0.25", "0.5", "1"):
        yield setting.changed("labels", f"shuffle_labels(share={share})")
    yield setting.changed("labels", "replaced(end=most,share=0.99)")
    for symbols in ("classes", "words"):
        yield setting.with_recipe("labels", f"{setting.focus.family} · symbols={symbols}", symbols=symbols)


def _order(setting: Setting) -> Iterator[Arm]:
    for order in ("similar_last", "similar_first", "ends", "random", "interleaved", "grouped"):
        yield setting.with_recipe("order", f"{setting.focus.family} · {order}", order=order)


def _regime(setting: Setting) -> Iterator[Arm]:
    for space in ("image", "text", "joint"):
        if space in setting.spaces:
            for name in ("without", "replaced"):
                for end in ("most", "least"):
                    yield setting.changed("regime", f"{name}(end={end},modality={space})")
    if setting.focus.k >= 4:
        yield setting.changed("regime", "duplicated")


def _render(setting: Setting) -> Iterator[Arm]:
    if setting.media:
        for dialect in ("text", "collage"):
            yield setting.with_recipe("render", f"{setting.focus.family} · {dialect}", dialect=dialect)
    for size in (10, 50):
        yield replace(
            setting.focus,
            family=f"{setting.focus.family} · {size} queries a call",
            batch=size,
            group="render",
            kind="recipe",
        )


def _query(setting: Setting) -> Iterator[Arm]:
    for of, there, other in (
        ("images", setting.media, setting.texts),
        ("texts", setting.texts, setting.media),
    ):
        if there and other:
            changes = f"remove(of={of},side=query)"
            yield setting.changed("query", changes)
            bare = setting.recipe.model_copy(update={"selector": stages_of("none"), "k": 0})
            family = f"{ZERO_SHOT} · {changes}"
            yield replace(
                setting.focus, family=family, k=0, recipe=bare, changes=changes, group="query", kind="recipe"
            )


def _when(needed: str, arms: Callable[[Setting], Iterator[Arm]]) -> Callable[[Setting], Iterator[Arm]]:
    def found(setting: Setting) -> Iterator[Arm]:
        if getattr(setting, needed):
            yield from arms(setting)

    return found


#: The groups by name. Perturbations of images, texts and answers: Xu et al. 2024, arXiv 2407.00902. Labels: Min et al.
#: 2022, arXiv 2202.12837, and Milios et al. 2023, arXiv 2309.10954. Noise: SMMILE, arXiv 2506.21355. Places: Liu et
#: al. 2023, arXiv 2307.03172. Regime: Zou et al. 2024, arXiv 2411.07130.
CONTROLS: Mapping[str, Callable[[Setting], Iterator[Arm]]] = {
    "select": _select,
    "images": _when(
        "media",
        _perturbed(
            "images",
            "remove(of=images)",
            "blank(of=images,fill=black)",
            "blank(of=images,fill=white)",
            "blank(of=images,fill=noise)",
            "swap(of=images)",
            "permute(of=images)",
        ),
    ),
    "texts": _when("texts", _perturbed("texts", "remove(of=texts)", "swap(of=texts)", "permute(of=texts)")),
    "answers": _perturbed("answers", "remove(of=answers)", "swap(of=answers)", "permute(of=answers)"),
    "labels": _labels,
    "noise": _noise,
    "order": _order,
    "places": _perturbed(
        "places",
        *(f"place(at={at})" for at in ("0", "0.25", "0.5", "0.75", "1")),
        *(f"place(at={at},gold=true)" for at in ("0", "1")),
    ),
    "regime": _regime,
    "render": _render,
    "query": _query,
}


def controls(names: tuple[str, ...], setting: Setting) -> Iterator[Arm]:
    """The arms of some groups, in the order of the names."""
    for name in names:
        yield from CONTROLS[name](setting)
