"""NumPy files: pickled lists, and matrices of row numbers as nearest-neighbour libraries give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ...domain.errors import InvalidInput
from .inert_pickle import Refused, load
from .shapes import Row, chosen

NPY = b"\x93NUMPY"
ZIP = b"PK\x03\x04"

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def pickled(path: Path) -> tuple[bool, Any]:
    """Whether a `.npy` file holds a pickle, and what it holds.

    Raises:
        InvalidInput: The file is damaged, or its pickle mentions more than data.
    """
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            _, _, dtype = _HEADERS[version](file)
            return (True, load(file)) if dtype.hasobject else (False, None)
    except Refused as error:
        raise InvalidInput(
            f"the pickle in the file mentions {error}, which is not data",
            field="source",
            value=str(path),
            mend="It was not run. Get the file from elsewhere, or write its lists as JSON",
        ) from None
    except Exception as error:  # a pickle can fail in any way
        _unreadable(path, error)


def matrix(path: Path, key: str | None) -> NDArray[Any]:
    """The matrix of row numbers in a `.npy` or `.npz` file: [queries, k], best first.

    Args:
        path: The file.
        key: Which array of an `.npz` file; by default the only one that can be it.

    Raises:
        InvalidInput: The file is damaged, or holds no such matrix.
    """
    try:
        found = _arrays(path, key)
    except InvalidInput:
        raise
    except Exception as error:  # numpy, zipfile and zlib have errors of their own
        _unreadable(path, error)
    usable = {name: array for name, array in found.items() if _problem(array) is None} or found
    array = found[chosen(key, list(found if key else usable), path.name)]
    if problem := _problem(array):
        raise InvalidInput(
            problem,
            field="source",
            value=f"{array.dtype} {list(array.shape)}",
            mend="Save the row numbers, [queries, k]: what FAISS returns second",
        )
    return array


def rows(array: NDArray[Any], name: str) -> Iterator[Row]:
    """The lists of a matrix, by row number; -1, which says that there was no further neighbour, is left out."""
    for number, row in enumerate(array):
        yield Row(f"{name}: row {number}", number, [place for place in row.tolist() if place != -1])


def _arrays(path: Path, key: str | None) -> Mapping[str, NDArray[Any]]:
    with path.open("rb") as file:  # numpy would leave an archive open that it cannot read
        if file.read(len(ZIP)) != ZIP:
            return {key or "": np.load(path, mmap_mode="r", allow_pickle=False)}
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            wanted = [key] if key and key in archive.files else archive.files
            return {name: archive[name] for name in wanted}


def _problem(array: NDArray[Any]) -> str | None:
    if array.ndim != 2:
        return "not a matrix"
    if array.dtype.kind == "f":
        return "the numbers are no row numbers but, it seems, distances"
    return None if array.dtype.kind in "iu" else "not whole numbers"


def _unreadable(path: Path, error: Exception) -> NoReturn:
    raise InvalidInput(
        f"the file cannot be read: {' '.join(str(error).split()) or type(error).__name__}",
        field="source",
        value=str(path),
        mend="Save it again with numpy.save or numpy.savez",
    ) from None
