"""Every example of the documentation runs."""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise

import pytest
import yaml
from pages import LANGUAGES, PAGES, Block, blocks, name

from shotsmith import Recipe

BLOCKS = [block for page in PAGES for block in blocks(page)]
RUN = {page: [block for block in blocks(page) if block.language in ("python", "sh")] for page in PAGES}


#: What a page shows as the output of the example before it, by the example's place.
SHOWN = {
    block.place: then.code
    for page in PAGES
    for block, then in pairwise(blocks(page))
    if "--explain" in block.code and then.language == "text"
}


def shape(output: str) -> str:
    """Without what may change with an encoder of images, a list of prices or a terminal."""
    return " ".join(re.sub(r"sha256 \w+|[\d.,]*\d", "#", output).split())


@pytest.mark.parametrize("page", [page for page in PAGES if RUN[page]], ids=name)
def test_the_examples_of_a_page_run(page, reader, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for block in RUN[page]:
        if block.reason is None:
            printed = reader.run(block)
            if block.place in SHOWN:
                assert shape(printed) == shape(SHOWN[block.place])


def test_pages_show_what_explain_prints() -> None:
    assert {place.partition(":")[0] for place in SHOWN} == {"README.md", "docs/prompts.md"}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.reason], ids=lambda block: block.place)
def test_an_example_that_is_not_run_says_why(block: Block) -> None:
    """Its syntax is checked all the same."""
    if block.language == "python":
        compile(block.code, block.place, "exec")
    else:
        subprocess.run(["sh", "-n", "-c", block.code], check=True)
    pytest.skip(str(block.reason))


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.language == "yaml"], ids=lambda block: block.place
)
def test_recipes_are_recipes(block: Block) -> None:
    assert Recipe.read(yaml.safe_load(block.code))


def test_every_block_says_what_it_is() -> None:
    assert [block.place for block in BLOCKS if block.language not in LANGUAGES] == []
