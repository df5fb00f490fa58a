"""A directory that is there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from ..domain.errors import Conflict
from ..extras import writable


@contextmanager
def replacing(out: Path, contents: Collection[str], *, overwrite: bool) -> Iterator[Path]:
    """A new directory that takes the place of `out` when the block ends, and is gone when it fails.

    Args:
        out: Where it goes; directories above it are made.
        contents: The names that a directory may hold to be overwritten, so that no other is ever removed.
        overwrite: Whether one that is not empty may be.

    Yields:
        The directory, beside `out` until the block ends.

    Raises:
        Conflict: `out` may not be overwritten.
        Unavailable: The file system refuses.
    """
    with writable():
        target = out.resolve()
        _check(target, contents, overwrite=overwrite)
        above = [folder for folder in target.parents if not folder.exists()]
        place = _beside(target, "part")
    try:
        with writable():
            place.mkdir(parents=True)
        yield place
        _check(target, contents, overwrite=overwrite)
        with writable():
            _move(place, target)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        for folder in above:
            with suppress(OSError):
                folder.rmdir()
        raise


def _check(out: Path, contents: Collection[str], *, overwrite: bool) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise Conflict(
            "there is a file of that name", field="out", value=str(out), mend="Name another directory"
        )
    names = sorted(file.name for file in out.iterdir())
    if names and not overwrite:
        raise Conflict(
            "the directory is not empty",
            field="out",
            value=str(out),
            mend="Name another directory, or overwrite it (--overwrite)",
        )
    if other := [name for name in names if name not in contents]:
        raise Conflict(
            f"the directory holds more than an export: {other[0]}",
            field="out",
            value=str(out),
            mend="Name another directory; only exports are overwritten",
        )


def _move(place: Path, out: Path) -> None:
    if not out.exists():
        place.rename(out)
        return
    aside = _beside(out, "old")
    out.rename(aside)
    try:
        place.rename(out)
    except BaseException:
        aside.rename(out)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _beside(out: Path, what: str) -> Path:
    return out.with_name(f".{out.name}.{what}-{token_hex(6)}")
