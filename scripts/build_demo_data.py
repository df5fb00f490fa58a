"""Build the demo data set, `shotsmith/demo/clipart`, from Debian's packages of Open Clipart.

    apt-get install openclipart-png openclipart-svg
    python scripts/build_demo_data.py

Which pictures are taken is in `demo_choice.toml`. Everything else is decided by content and keyed hashes, so a second
run with the same libraries writes the same bytes.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
import shutil
import tomllib
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from PIL import Image, ImageChops

from shotsmith import imaging
from shotsmith.domain.errors import InvalidImage

SIDE = 128
CONTENT = 118  # leaves a margin, so that an encoder's central crop loses nothing
MIN_CONTENT = 48  # smaller drawings would be blurred by enlarging
MIN_INK = 0.04  # share of pixels that are not white
CAP = 140  # pictures of one label
NEAR = 3  # bits of the difference hash: near-duplicates, whatever they show
NEAR_NAMESAKE = 8  # the same, where the titles begin with the same word: recoloured and black-and-white twins
TEST_SHARE = 0.41
HERE = Path(__file__).parent
PACKAGES = Path("/usr/share/openclipart")
TARGET = HERE.parent / "shotsmith" / "demo" / "clipart"


@dataclass
class Item:
    """One picture on its way into the set."""

    source: str
    label: str
    data: bytes
    title: str
    author: str
    series: str
    word: str
    bits: int
    id: str = ""
    group: str | None = None
    split: str = ""

    def resembles(self, other: Item) -> bool:
        """Whether the other shows nearly the same picture (equal pixels included)."""
        return (self.bits ^ other.bits).bit_count() <= (NEAR_NAMESAKE if self.word == other.word else NEAR)


def chosen(root: Path, choice: dict[str, dict[str, list[str]]]) -> list[tuple[str, str]]:
    """Pairs of path and label; the longest matching pattern decides, links (Debian's duplicates) are skipped."""
    names = sorted(p.relative_to(root).as_posix()[:-4] for p in root.rglob("*.png") if not p.is_symlink())
    found: dict[str, tuple[int, str]] = {}
    for label, patterns in choice["take"].items():
        for pattern in patterns:
            hits = [name for name in names if fnmatchcase(name, pattern)]
            if not hits:
                raise SystemExit(f"demo_choice.toml: {pattern!r} of {label!r} matches nothing")
            for name in hits:
                found[name] = max(found.get(name, (0, "")), (len(pattern), label))
    dropped = {name for name in found if any(fnmatchcase(name, path) for path in choice["drop"]["paths"])}
    return [(name, label) for name, (_, label) in sorted(found.items()) if name not in dropped]


def trimmed(data: bytes, name: str, *, whole: bool) -> Image.Image | None:
    """The drawing centred on a white square, a `whole` one with its white edges; None for what cannot be seen."""
    picture = imaging.decode(data, name=name)
    mask = ImageChops.difference(picture, Image.new("RGB", picture.size, "white")).convert("L")
    box = mask.point(lambda value: 255 * (value > 12)).getbbox()
    if box is None or max(box[2] - box[0], box[3] - box[1]) < MIN_CONTENT:
        return None
    drawing = picture if whole else picture.crop(box)
    scale = CONTENT / max(drawing.size)
    size = (max(1, round(drawing.width * scale)), max(1, round(drawing.height * scale)))
    drawing = drawing.resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (SIDE, SIDE), "white")
    canvas.paste(drawing, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    ink = sum(canvas.convert("L").histogram()[:235]) / SIDE**2
    return canvas if ink >= MIN_INK else None


def encode(picture: Image.Image) -> bytes:
    """A JPEG without metadata, and without chroma subsampling, which would smear coloured outlines."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, subsampling=0, optimize=True)
    return out.getvalue()


def described(svg: Path) -> tuple[str, str, bool]:
    """Title, author and whether it is marked as public domain, from the drawing's own RDF."""
    text = svg.read_text("utf-8", "replace") if svg.exists() else ""
    rdf = (re.findall(r"<metadata.*?</metadata>", text, re.DOTALL) or [""])[0]
    title = re.search(r"<dc:title[^>]*>(.*?)</dc:title>", rdf, re.DOTALL)
    author = re.search(r"<dc:creator.*?<dc:title[^>]*>(.*?)</dc:title>", rdf, re.DOTALL)
    name = re.sub(r"\s*(<.*|[(\[]?\S+@\S+|\S*www\.\S+)", "", _mended(author)).strip()
    return _mended(title), name, "publicdomain" in rdf.lower()


def _mended(found: re.Match[str] | None) -> str:
    # Some texts were escaped or encoded twice.
    text = html.unescape(html.unescape(found.group(1))).strip() if found else ""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def slug(text: str) -> str:
    """Lower-case words joined by dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def named(stem: str, title: str, author: str) -> str:
    """The author's title where the file is named after it (some collections share one title), else the file's words."""
    mine = slug(title)
    if not mine or mine == slug(author) or not slug(stem).startswith(mine[:6]):
        title = re.sub(r"[-_](ganson|md|v\d[\w.]*|zazou|mo|peterm|\w*_?ganson\d?)?[-_]?(\d\d)?$", "", stem)
    title = re.sub(r"[_\s]+|(?<=[a-z])(?=\d)|(?<=[a-z])(?=[A-Z])", " ", title)
    names = slug(author).split("-")
    words = [w for w in title.split() if not (len(w) > 3 and any(n.startswith(slug(w)) for n in names))]
    title = " ".join(words or [title])
    title = re.sub(r"\s*(#?\b\d{1,3}\b|\(\w?\)|\bbw\b|\bs[vp]g\b|\br$)", "", title, flags=re.IGNORECASE)
    return " ".join(title.split()).strip(" -,.").lower()


def gather(root: Path, choice: dict[str, dict[str, list[str]]], tally: Counter[str]) -> list[Item]:
    """Read, trim and describe the chosen pictures, and keep one of each set of near-duplicates."""
    kept: list[Item] = []
    for name, label in chosen(root / "png", choice):
        title, author, free = described(root / "svg" / f"{name}.svg")
        if not free:
            tally["without a public-domain mark in its own file"] += 1
            continue
        try:
            picture = trimmed((root / "png" / f"{name}.png").read_bytes(), name, whole=label == "flag")
        except InvalidImage:
            tally["refused by the image intake, being over 50 megapixels"] += 1
            continue
        if picture is None:
            tally["too small or too faint to see"] += 1
            continue
        title = named(name.rpartition("/")[2], title, author)
        word = re.split(r"[^a-z]+", title, maxsplit=1)[0]
        series = slug(f"{label} {author} {word}")
        data = encode(picture)
        bits = int(imaging.dhash(imaging.decode(data)), 16)  # of what is shipped, as others will compare it
        item = Item(name, label, data, title, author, series, word, bits)
        if any(item.resembles(other) for other in kept):
            tally["near-duplicate of another"] += 1
        else:
            kept.append(item)
    return kept


def keyed(*parts: str) -> str:
    """A hash that orders things without regard to their names."""
    return hashlib.sha256("|".join(("shotsmith clipart", *parts)).encode()).hexdigest()


def arrange(items: list[Item], tally: Counter[str]) -> list[Item]:
    """Cap each label, name the items, and put whole series into "test" until it holds its share of the label."""
    result: list[Item] = []
    for label in dict.fromkeys(item.label for item in items):
        mine = sorted((i for i in items if i.label == label), key=lambda i: keyed("cap", i.source))
        tally[f"beyond {CAP} of one label"] += max(0, len(mine) - CAP)
        mine = mine[:CAP]
        sizes = Counter(item.series for item in mine)
        tested, wanted, held_out = 0, round(TEST_SHARE * len(mine)), set[str]()
        for series in sorted(sizes, key=lambda name: keyed("split", name)):
            if tested + sizes[series] <= wanted:
                tested += sizes[series]
                held_out.add(series)
        for item in mine:
            item.split = "test" if item.series in held_out else "train"
            item.group = item.series if sizes[item.series] > 1 else None
        result += mine
    taken: Counter[str] = Counter()
    for item in sorted(result, key=lambda i: i.source):
        base = slug(item.title) or "untitled"
        taken[base] += 1
        item.id = base if taken[base] == 1 else f"{base}.{taken[base]}"
    return sorted(result, key=lambda i: i.id)


def write(items: list[Item], folder: Path, tally: Counter[str]) -> None:
    """Write the images, `examples.jsonl` and `README.md`."""
    shutil.rmtree(folder / "images", ignore_errors=True)
    (folder / "images").mkdir(parents=True)
    lines = []
    for item in items:
        (folder / "images" / f"{item.id}.jpg").write_bytes(item.data)
        record: dict[str, object] = {"id": item.id, "image": f"images/{item.id}.jpg", "text": item.title}
        record |= {"answer": item.label, "label": item.label, "split": item.split}
        record |= {"group": item.group} if item.group else {}
        record |= {"metadata": {"author": item.author, "source": item.source}}
        lines.append(json.dumps(record, ensure_ascii=False))
    (folder / "examples.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "README.md").write_text(provenance(items, tally), "utf-8")


def provenance(items: list[Item], tally: Counter[str]) -> str:
    """The README: origin, licence, counts, and what to know before trusting a number measured here."""
    splits = Counter((item.label, item.split) for item in items)
    labels = sorted({item.label for item in items})
    groups = [item.group for item in items if item.group]
    told = sum(bool(_words(item.title) & _words(item.label)) for item in items)
    facts: dict[str, object] = {
        "total": len(items),
        "labels": len(labels),
        **Counter(item.split for item in items),
        "rows": "\n".join(
            f"| {label} | {splits[label, 'train']} | {splits[label, 'test']} |" for label in labels
        ),
        "told": f"{told} of {len(items)} titles ({told / len(items):.1%})",
        "series": f"{len(groups)} drawings belong to {len(set(groups))} series",
        "authors": len({item.author for item in items} - {""}),
        "left_out": "\n".join(f"- {count}: {why}" for why, count in sorted(tally.items())),
        "limits": f"at most {NEAR} of the 64 bits of the difference hash, or {NEAR_NAMESAKE}",
    }
    return (HERE / "demo_readme.md").read_text("utf-8").format(cap=CAP, side=SIDE, **facts)


def _words(text: str) -> set[str]:
    return {word.rstrip("s") for word in re.findall(r"[a-z]+", text.lower())} - {"or", "food"}


def main() -> None:
    """Build the set."""
    choice = tomllib.loads((HERE / "demo_choice.toml").read_text("utf-8"))
    tally: Counter[str] = Counter()
    write(arrange(gather(PACKAGES, choice, tally), tally), TARGET, tally)


if __name__ == "__main__":
    main()
