"""Image folders: a directory a class, as torchvision and Keras read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Draft, ImageFile
from ..imaging import EXTENSIONS, sniff
from .records import read_bytes

SPLITS = ("train", "val", "valid", "validation", "test")
# Pictures that the intake refuses with a reason; passing over them here would lose data in silence.
REFUSED = {
    ".svg",
    ".svgz",
    ".tif",
    ".tiff",
    ".heic",
    ".heif",
    ".avif",
    ".jp2",
    ".jxl",
    ".ico",
    ".psd",
    ".dcm",
}


class ImageFolder:
    """Reads `DIR/<class>/**/<image>` or `DIR/<split>/<class>/**/<image>`.

    The class directory's name is label and answer; the path below DIR is the id. Splits are detected: when every
    directory in DIR is called train, val, valid, validation or test, these are splits. Directories are read in the
    order of their names. Hidden files and files that are not images are passed over and counted in `skipped`; a file
    is an image by its extension or by its first bytes.

    Args:
        source: The directory.
        splits: True if DIR holds splits, False if it holds classes, None to detect it.

    Raises:
        InvalidInput: The source is not a directory.
        InvalidParameter: `splits` is neither true nor false.
    """

    #: What a file that counts is called in errors.
    what: ClassVar[str] = "image"

    def __init__(self, source: str | PathLike[str], *, splits: bool | None = None) -> None:
        self.source = Path(source)
        self.splits = splits
        if not self.source.is_dir():
            reason = "is a file" if self.source.exists() else "does not exist"
            raise InvalidInput(
                f"the directory {reason}",
                field="source",
                value=str(source),
                mend="Name a directory that holds one directory a class",
            )
        if splits not in (None, True, False):
            raise InvalidParameter(
                "neither true nor false", field="splits", value=splits, mend="Say true or false"
            )
        self._skipped = 0

    @property
    def skipped(self) -> int:
        """How many hidden entries and files that are no images the last `read` passed over."""
        return self._skipped

    def read(self) -> Iterator[Draft]:
        """The drafts in the order of their paths.

        Raises:
            InvalidInput: For images outside of class directories (before anything is yielded), an ambiguous layout, a
                file that cannot be read, and a directory without images.
        """
        self._skipped = 0
        found = False
        for path, label, split in self._images():
            found = True
            name = self._name(path)
            yield Draft(
                where=name,
                id=name,
                **self._file(name, read_bytes(path, name, name)),
                answer=label,
                labels=(label,),
                split=split,
            )
        if not found:
            raise InvalidInput(
                f"the directory holds no {self.what}",
                field="source",
                value=str(self.source),
                mend="Put files into directories named after their classes",
            )

    def total(self) -> int | None:
        """How many images there are; None for a layout that `read` refuses."""
        before = self._skipped
        self._skipped = 0
        try:
            return sum(1 for _ in self._images())
        except InvalidInput:
            return None
        finally:
            self._skipped = before

    def _images(self) -> Iterator[tuple[Path, str, str | None]]:
        parents: list[tuple[str | None, list[Path]]] = [(None, self._directories(self.source))]
        if self._has_splits(parents[0][1]):
            parents = [(top.name, self._directories(top)) for top in parents[0][1]]
        for split, classes in parents:
            for folder in classes:
                label = unicodedata.normalize("NFC", folder.name)
                for path in self._walk(folder, (folder.resolve(),)):
                    yield path, label, split

    def _has_splits(self, tops: list[Path]) -> bool:
        named = [top for top in tops if top.name in SPLITS]
        others = [top.name for top in tops if top.name not in SPLITS]
        if self.splits and others:
            raise InvalidInput(
                "the directory is not a split", field=others[0], mend=f"Splits are called {', '.join(SPLITS)}"
            )
        if self.splits is None and others:
            # "train" beside "bus" is a class of pictures; with directories inside it may be a split after all.
            for top in named:
                if any(entry.is_dir() and not _hidden(entry) for entry in top.iterdir()):
                    raise InvalidInput(
                        f"it may be a split or a class: it holds directories, and {others[0]!r} beside it is no split",
                        field=top.name,
                        mend="Give splits=false if it is a class; else move the other directories away",
                    )
        return bool(named) and not others and self.splits is not False

    def _directories(self, parent: Path) -> list[Path]:
        """The directories in one that may hold no image itself."""
        folders = []
        for entry in self._entries(parent):
            if entry.is_dir():
                folders.append(entry)
            elif self._is_image(entry):
                raise InvalidInput(
                    f"the {self.what} is in no class directory",
                    field=self._name(entry),
                    mend="Move it into a directory named after its class, or list images and labels in a JSONL file"
                    + (
                        f"; if {parent.name!r} is a class, give splits=false" if parent != self.source else ""
                    ),
                )
        return folders

    def _walk(self, folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
        for entry in self._entries(folder):
            if entry.is_dir():
                real = entry.resolve()
                if real in above:
                    raise InvalidInput(
                        "the link leads back to a directory above it",
                        field=self._name(entry),
                        mend="Remove the link",
                    )
                yield from self._walk(entry, (*above, real))
            elif self._is_image(entry):
                yield entry

    def _entries(self, folder: Path) -> list[Path]:
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            raise InvalidInput(
                f"the directory cannot be read: {error.strerror}",
                field=str(folder),
                mend="Check its permissions",
            ) from None
        self._skipped += sum(map(_hidden, entries))
        return [entry for entry in entries if not _hidden(entry)]

    def _is_image(self, path: Path) -> bool:
        if self._wanted(path):
            return True
        self._skipped += 1
        return False

    def _wanted(self, path: Path) -> bool:
        suffix = path.suffix.lower()
        return suffix in EXTENSIONS or suffix in REFUSED or _sniffed(path)

    def _file(self, name: str, data: bytes) -> dict[str, Any]:
        """The field of a draft that holds the file."""
        return {"images": (ImageFile(name, data),)}

    def _name(self, path: Path) -> str:
        """The path below the source, the same on every system."""
        name = unicodedata.normalize("NFC", path.relative_to(self.source).as_posix())
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidInput(
                "the file name is not UTF-8", field="source", value=ascii(name), mend="Rename the file"
            ) from None
        return name


def _hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini", "__MACOSX")


def _sniffed(path: Path) -> bool:
    # Two letters make a BMP; too many texts begin with them.
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return sniff(file.read(16)) not in ("application/octet-stream", "image/bmp")
    except OSError:
        return False
