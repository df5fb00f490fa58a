"""Stages over different chains, compared with their definitions on random pools (invariant 5)."""

import pytest
from hypothesis import given, settings
from naive_compare import Case, agree, cases
from naive_fixed import hard, k_centre, mix, vote_k, vote_k_openicl
from naive_parts import rerank
from naive_selectors import (
    bm25,
    dissimilar,
    every_nth,
    fused,
    mmices,
    modality,
    random_fixed,
    random_per_query,
    rices,
)
from naive_stages import (
    adaptive,
    balanced,
    balanced_by_quota,
    dpp,
    matched,
    mmr,
    set_coverage,
    stratified,
)
from naive_world import Shape

DIVERSE = {
    "rices|mmr": mmr(),
    "mmr(lambda_mult=0)": mmr(lambda_mult=0),
    "rices|mmr(lambda_mult=1)": rices(),
    "rices(modality=text)|mmr(lambda_mult=0.3,depth=6)": mmr(rices("text"), 0.3, 6),
    "rices(modality=joint)|mmr(space=text)": mmr(rices("joint"), space="text"),
    "random|mmr": mmr(random_per_query()),
    "random_fixed|mmr(depth=9)": mmr(random_fixed(), depth=9),
    "bm25|mmr": mmr(bm25()),
    "k_centre|mmr(space=joint)": mmr(k_centre(), space="joint"),
    "bm25|mmr(depth=4,space=image)": mmr(bm25(), depth=4, space="image"),
    "mmices|mmr": mmr(mmices()),
    "rices|mmr|mmr(lambda_mult=0.8,depth=10)": mmr(mmr(), 0.8, 10),
    "rices|dpp": dpp(),
    "rices(modality=text)|dpp(scale=0.5)": dpp(rices("text"), 0.5),
    "random|dpp(depth=7)": dpp(random_per_query(), depth=7),
    "random|dpp(space=joint,depth=9)": dpp(random_per_query(), depth=9, space="joint"),
    "rices|mmr|dpp(depth=8)": dpp(mmr(), depth=8),
    "rices|set_coverage": set_coverage(),
    "random|set_coverage": set_coverage(random_per_query()),
    "bm25|set_coverage(depth=5)": set_coverage(bm25(), 5),
    "rices|set_coverage(space=text)": set_coverage(space="text"),
}
# Where nothing is missing, all scores of a chain are of the same spaces.
OF_SEVERAL_SPACES = {
    "fused|mmr(depth=4)": mmr(fused(), depth=4),
    "fused|mmr(space=joint)": mmr(fused(), space="joint"),
    "modality|mmr": mmr(modality()),
    "mix|mmr": mmr(mix([rices(), rices("text"), random_per_query()])),
    "fused|dpp(depth=7)": dpp(fused(), depth=7),
    "fused|set_coverage(depth=5)": set_coverage(fused(), 5),
    "rices|matched(by=[site])|mmr": mmr(matched(["site"])),
}
BALANCED = {
    "balanced": balanced(),
    "rices(modality=text)|balanced": balanced(rices("text")),
    "random|balanced": balanced(random_per_query()),
    "fused|balanced": balanced(fused()),
    "fused(method=rrf)|balanced": balanced(fused(method="rrf")),
    "bm25|balanced": balanced(bm25()),
    "dissimilar|balanced": balanced(dissimilar()),
    "rices|mmr|balanced": balanced(mmr()),
    "random_fixed|balanced": balanced(random_fixed(), fixed=True),
    "k_centre|balanced": balanced(k_centre(), fixed=True),
    "vote_k_openicl|balanced": balanced(vote_k_openicl(), fixed=True),
    "hard(neighbours=4)|balanced": balanced(hard(4), fixed=True),
}
# Chains whose choice of k does not begin that of k + 1.
BY_QUOTA = {
    "rices|dpp|balanced": balanced_by_quota(dpp()),
    "fused(depth=2)|balanced": balanced_by_quota(fused(depth=2)),
    "mmices(depth=3)|balanced": balanced_by_quota(mmices(depth=3)),
    "every_nth(n=3)|balanced": balanced_by_quota(every_nth(3)),
    "mix(parts=[rices,bm25])|balanced": balanced_by_quota(mix([rices(), bm25()])),
    "stratified": stratified(),
    "random|stratified": stratified(random_per_query()),
    "random_fixed|stratified": stratified(random_fixed(), fixed=True),
    "fused|stratified": stratified(fused()),
    "bm25|stratified": stratified(bm25()),
    "rices|dpp|stratified": stratified(dpp()),
    "vote_k(neighbours=3)|stratified": stratified(vote_k(3), fixed=True),
}
MATCHED = {
    "rices|matched(by=[site])": matched(["site"]),
    "rices(modality=text)|matched(by=[site,group,device])": matched(
        ["site", "group", "device"], rices("text")
    ),
    "random|matched(by=[device,nothing,site])": matched(["device", "nothing", "site"], random_per_query()),
    "fused|matched(by=[group])": matched(["group"], fused()),
    "bm25|matched(by=[device])": matched(["device"], bm25()),
    "k_centre|matched(by=[site,device])": matched(["site", "device"], k_centre()),
    "random_fixed|matched(by=[site])": matched(["site"], random_fixed()),
    "rices|mmr|matched(by=[device])": matched(["device"], mmr()),
}
STOPPING = {
    "rices|adaptive": adaptive(),
    "rices(modality=text)|adaptive(k_min=3)": adaptive(rices("text"), k_min=3),
    "fused|adaptive(k_max=9)": adaptive(fused(), k_max=9),
    "rices|adaptive(by=ratio)": adaptive(by="ratio"),
    "rices|adaptive(by=ratio,threshold=0.5,k_min=2,k_max=6)": adaptive(
        by="ratio", threshold=0.5, k_min=2, k_max=6
    ),
}
RERANKED = {
    "rices|rerank(by=parts)": rerank(),
    "random|rerank(by=parts,depth=5)": rerank(random_per_query(), 5),
    "fused|rerank(by=parts,depth=8)": rerank(fused(), 8),
    "rices|mmr|rerank(by=parts,depth=6)": rerank(mmr(), 6),
}


@pytest.mark.parametrize("text", DIVERSE)
@settings(max_examples=100)
@given(cases)
def test_diversity_is_that_of_the_definition(text: str, case: Case) -> None:
    agree(text, DIVERSE[text], case)


@pytest.mark.parametrize("text", OF_SEVERAL_SPACES)
@settings(max_examples=100)
@given(cases)
def test_diversity_after_several_spaces_is_that_of_the_definition(text: str, case: Case) -> None:
    agree(text, OF_SEVERAL_SPACES[text], case, Shape(missing=False))


@pytest.mark.parametrize("text", OF_SEVERAL_SPACES)
@settings(max_examples=200)
@given(cases)
def test_a_chain_of_several_spaces_has_no_space_of_its_own(text: str, case: Case) -> None:
    # Some examples have one modality alone; whichever of them is ranked first must not decide for all.
    agree(text, OF_SEVERAL_SPACES[text], case)


@settings(max_examples=100)
@given(cases)
def test_a_determinant_in_many_dimensions_is_that_of_the_definition(case: Case) -> None:
    agree("rices|dpp(scale=1)", dpp(scale=1), case, Shape(dims=(5, 9)))


@pytest.mark.parametrize("text", BALANCED)
@settings(max_examples=100)
@given(cases)
def test_labels_are_balanced_as_defined(text: str, case: Case) -> None:
    agree(text, BALANCED[text], case, as_sets=True, labelled=True)


@pytest.mark.parametrize("text", BY_QUOTA)
@settings(max_examples=100)
@given(cases)
def test_each_label_gives_its_share(text: str, case: Case) -> None:
    agree(text, BY_QUOTA[text], case, Shape(labels="few"), as_sets=True, labelled=True)


@pytest.mark.parametrize("text", MATCHED)
@settings(max_examples=100)
@given(cases)
def test_tiers_are_matched_as_defined(text: str, case: Case) -> None:
    agree(text, MATCHED[text], case)


@pytest.mark.parametrize("text", STOPPING)
@settings(max_examples=100)
@given(cases)
def test_a_ranking_stops_where_the_definition_says(text: str, case: Case) -> None:
    agree(text, STOPPING[text], case, Shape(missing=False))


@pytest.mark.parametrize("text", RERANKED)
@settings(max_examples=100)
@given(cases)
def test_parts_rerank_as_defined(text: str, case: Case) -> None:
    agree(text, RERANKED[text], case, Shape(parts=True))
