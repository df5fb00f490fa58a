"""The demo data set that ships with the package keeps what its README promises."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

import shotsmith
from shotsmith.imaging import inspect
from shotsmith.importers import open_importer

CLIPART = Path(shotsmith.__file__).parent / "demo" / "clipart"


@pytest.fixture(scope="module")
def drafts():
    return list(open_importer("jsonl", CLIPART / "examples.jsonl").read())


@pytest.fixture(scope="module")
def media(drafts):
    return {draft.id: inspect(draft.images[0].data, name=draft.images[0].name) for draft in drafts}


def test_it_is_large_enough_to_measure_with_and_small_enough_to_ship(drafts):
    splits = Counter(draft.split for draft in drafts)
    assert splits["test"] >= 420
    assert splits["train"] >= 600
    assert set(splits) == {"train", "test"}
    assert sum(path.stat().st_size for path in CLIPART.rglob("*") if path.is_file()) <= 6_000_000
    assert {path.name for path in (CLIPART / "images").iterdir()} == {
        Path(draft.images[0].name).name for draft in drafts
    }


def test_every_example_is_complete(drafts):
    assert len({draft.id for draft in drafts}) == len(drafts)
    for draft in drafts:
        assert draft.text.strip()
        assert draft.labels == (draft.answer,)
        assert not re.search(r"https?:|@|\.(png|svg|jpg)$", draft.text)


def test_pictures_are_small_rgb_and_carry_no_metadata(drafts, media):
    for draft in drafts:
        part = media[draft.id]
        assert (part.mime, max(part.width, part.height)) == ("image/jpeg", 128)
        with Image.open(CLIPART / draft.images[0].name) as picture:
            assert picture.mode == "RGB"
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_held_out_pictures_have_no_siblings_or_near_duplicates_among_the_others(drafts, media):
    groups: dict[str, set[str | None]] = {}
    for draft in drafts:
        if draft.group:
            groups.setdefault(draft.group, set()).add(draft.split)
    assert groups
    assert all(len(splits) == 1 for splits in groups.values())
    bits = {id: int(part.dhash, 16) for id, part in media.items()}
    near = [(a, b) for a, b in combinations(bits, 2) if (bits[a] ^ bits[b]).bit_count() <= 3]
    assert near == []


def test_the_readme_counts_right(drafts):
    told = (CLIPART / "README.md").read_text("utf-8")
    counts = Counter((draft.answer, draft.split) for draft in drafts)
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \|$", told, re.M)
    assert {(label, "train"): int(n) for label, n, _ in rows} | {
        (label, "test"): int(n) for label, _, n in rows
    } == counts


def test_sources_and_authors_are_kept(drafts):
    lines = (CLIPART / "examples.jsonl").read_text("utf-8").splitlines()
    assert all(json.loads(line)["metadata"]["source"] for line in lines)
    assert sum(bool(draft.metadata["author"]) for draft in drafts) > 0.9 * len(drafts)
