"""Every registered selector and stage, in the variants that tests run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shotsmith.domain.recipes import stages_of
from shotsmith.selectors import Chain, build

VOTE = "offline/knn-vote"  # a baseline that tells probabilities
LISTS = "published"
_PROBE_TEXT = "{image={impact=0.3,lower=0.1},text={impact=0.1,lower=0.02}}"

# Every registered selector and stage in the variants that are tested; one that is not here fails the invariants.
CASES: Mapping[str, Sequence[str]] = {
    "adaptive": (
        "adaptive",
        "adaptive(by=ratio,k_min=2)",
        f"adaptive(by=confidence,model={VOTE})",
        "fused|adaptive(k_max=4)",
    ),
    "all": ("all",),
    "balanced": (
        "balanced",
        "random|balanced",
        "random_fixed|balanced",
        "modality|balanced",
        "all|balanced",
        "bm25|balanced",
        "mmr|balanced",
        "k_means|balanced",
        "late_interaction|balanced",
    ),
    "bm25": ("bm25",),
    "curriculum": ("curriculum", "curriculum(by=model)"),
    "dissimilar": ("dissimilar", "dissimilar(modality=text)"),
    "dpp": ("dpp", "dpp(depth=6)", "rices(modality=text)|dpp"),
    "every_nth": ("every_nth", "every_nth(n=2)", "every_nth(n=1,modality=text)"),
    "fused": (
        "fused",
        "fused(weights={image=1,text=3,joint=0.5})",
        "fused(weights={text=2})",
        "fused(method=rrf)",
        "fused(depth=2)",
        "fused(method=rrf,depth=3)",
    ),
    "hard": ("hard", "hard(by=model,prompts=2)", "hard(space=text,neighbours=3)"),
    "hybrid": ("hybrid", "hybrid(prefix=2,similar=bm25)", "hybrid(cached=k_centre,prefix=3,similar=mmr)"),
    "k_centre": ("k_centre", "k_centre(space=text)"),
    "k_means": ("k_means", "k_means(space=joint)", "k_means(of=test)"),
    "label_space": ("label_space", "label_space(per_label=1)", "label_space(modality=text,per_label=3)"),
    "late_interaction": ("late_interaction", "late_interaction(lean=false)", "late_interaction(depth=2)"),
    "matched": ("matched(by=[site,device])", "bm25|matched(by=group)", "random|matched(by=[group,site])"),
    "mix": (
        "mix",
        "mix(parts=[rices,bm25],shares=[3,1])",
        "mix(parts=[random,k_centre,mmr])",
        "mix(parts=[rices|balanced,k_means])",
    ),
    "mmices": ("mmices", "mmices(variant=text_then_image,depth=5)", "mmices(variant=image_then_cross)"),
    "mmr": ("mmr", "mmr(lambda_mult=0.2,depth=9)", "fused|mmr", "random|mmr(space=text)"),
    "modality": ("modality", f"modality(probe={_PROBE_TEXT})"),
    "muier": ("muier", "muier(depth=2)"),
    "neighbours": (f"neighbours(name={LISTS})", f"neighbours(name={LISTS},rest=random)"),
    "none": ("none",),
    "random_fixed": ("random_fixed",),
    "random_per_query": ("random",),
    "rerank": ("rerank", "rerank(by=parts)", "rerank(by=model,passes=2,depth=5)", "rerank(by=description)"),
    "rices": ("rices", "rices(modality=text)", "rices(modality=joint)"),
    "set_coverage": ("set_coverage", "rices(modality=text)|set_coverage(depth=7)"),
    "stratified": ("stratified", "random|stratified"),
    "text_only": ("text_only", "rices|text_only"),
    "topk_mdl": (f"topk_mdl(model={VOTE})", f"topk_mdl(sets=3,depth=4,model={VOTE})"),
    "vote_k": ("vote_k", "vote_k(neighbours=3,space=text)"),
    "vote_k_openicl": ("vote_k_openicl", "vote_k_openicl(overlap=0.5)"),
}

ALL = [text for texts in CASES.values() for text in texts]


def chain(text: str) -> Chain:
    return build(stages_of(text))


def steps(text: str) -> set[str]:
    """Registered names in a chain, those of parts included."""
    found = chain(text)
    names = set()
    step: Chain | None = found
    while step is not None:
        names.add(step.name)
        for value in dict(step.step).values():
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, Chain):
                    names |= steps(part.text)
        step = step.inner
    return names
