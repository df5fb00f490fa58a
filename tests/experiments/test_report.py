from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from experiment_pools import draft
from PIL import Image
from report_pages import CHROMIUM, fits, loads_nothing, opened, without_scripts

from shotsmith.domain.errors import InvalidInput
from shotsmith.domain.recipes import Recipe
from shotsmith.experiments import compare, contact_sheet, gather, illustrate, render
from shotsmith.experiments.contact_sheet import size

EVIL = "<script>document.title = 'owned'</script>\"'&"


@pytest.fixture
def found(engine):
    return compare(engine, "p", selectors=("rices", "balanced"), shots=(1, 4), limit=4)


@pytest.fixture
def page(engine, found):
    query = engine.query_of("p", found.items[0])
    return render(found, illustrate(engine, found), prompt=engine.prompt(engine.select("p", query)))


def test_the_page_loads_nothing(page):
    loads_nothing(page)


def test_the_page_tells_everything(page, found):
    for one in found.arms:
        assert f"{100 * one.accuracy.value:.0f}\u00a0%" in page
    for fact in (found.pool_version, found.encoder_id, found.model, "majority class", *found.notes):
        assert fact in page
    assert page.count('<th scope="row">') == len(found.arms)
    assert "&#34;selector&#34;: [" in page
    assert all('alt="' in image for image in re.findall(r"<img[^>]*>", without_scripts(page)))


def test_text_of_users_is_escaped(engine):
    engine.add(
        "p", [draft(50, 1, split="train", labels=(EVIL,), text=EVIL), draft(51, 1, split="test", text=EVIL)]
    )
    found = compare(engine, "p", shots=(1,))
    samples = gather(engine, "p", ["e051"], ["rices"], Recipe(k=8))
    query = engine.query_of("p", "e051")
    page = render(found, samples, prompt=engine.prompt(engine.select("p", query)))
    assert "document.title" in page
    assert EVIL not in page
    assert "<script>document.title" not in page


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (390, "dark")])
def test_a_browser_without_a_network_shows_it(page, tmp_path: Path, width, scheme):
    with opened(page, tmp_path, width, scheme) as tab:
        fits(tab, width)
        assert tab.locator("#chart svg path.mark-line, #chart svg .mark-line path").count() == 4


def test_contact_sheet_is_as_large_as_its_content(engine, found):
    samples = illustrate(engine, found)
    assert [len(row.shots) for row in samples[0].rows] == [4, 4, 4]
    picture = Image.open(io.BytesIO(contact_sheet(samples)))
    assert picture.format == "PNG"
    assert picture.size == tuple(2 * side for side in size(samples))
    one = Image.open(io.BytesIO(contact_sheet(samples[:1])))
    assert one.width == picture.width
    assert one.height < picture.height / 2
    with pytest.raises(InvalidInput):
        contact_sheet([])


def test_samples_know_which_labels_match(engine):
    sample = gather(engine, "p", ["e034"], ["rices", "random"], Recipe(k=4, evaluation=True))[0]
    nearest, drawn = sample.rows
    assert nearest.matches == 4  # the fake encoder sees the hue, which is the label
    assert drawn.matches == sum(shot.answer == "class 2" for shot in drawn.shots)
    assert [shot.rank for shot in nearest.shots] == [4, 3, 2, 1]


def test_examples_without_pictures_are_shown_by_their_text(engine):
    engine.create_pool("words")
    engine.add(
        "words",
        [
            draft(n, n % 2, images=(), text=f"a word {n}", split="test" if n > 4 else "train")
            for n in range(6)
        ],
    )
    found = compare(engine, "words", shots=(2,))
    samples = illustrate(engine, found)
    assert samples[0].picture is None
    assert contact_sheet(samples).startswith(b"\x89PNG")
    assert "a word" in render(found, samples)
