"""Pickles as plain data, without running them.

`numpy.load(allow_pickle=True)` runs whatever a file says. Here, every name that a pickle may mention stands for a class
of this module, which rebuilds numbers, strings, arrays and mappings; any other name ends the reading. Numpy itself
sees nothing but the bytes of plain numbers and strings.
"""

from __future__ import annotations

import pickle
import re
from typing import Any, BinaryIO

import numpy as np

_CODE = re.compile(r"[biufO]\d{0,2}|[SU]\d{1,6}")
_EIGHT = 8


class Refused(Exception):
    """The pickle mentions something that is no data."""


def load(file: BinaryIO) -> Any:
    """What is pickled: numbers, strings, lists and dicts, arrays as lists.

    Raises:
        Refused: It mentions anything else.
        Exception: Of any kind, for what is no sound pickle.
    """
    found = _Unpickler(file, encoding="latin1").load()
    return found.content if isinstance(found, _Array) else found


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = _NAMES.get((module, name))
        if known is None:
            raise Refused(f"{module}.{name}")
        return known

    def persistent_load(self, pid: Any) -> Any:
        raise Refused("a persistent id")


class _Inert:
    """A pickle sets attributes of whatever it found, these classes included, unless they say how that is done."""

    def __setstate__(self, state: Any) -> None:
        raise Refused(f"attributes of a {type(self).__name__.strip('_').lower()}")


class _Dtype(_Inert):
    def __init__(self, code: str, *_: Any) -> None:
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise Refused(f"the dtype {code!r}")
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = "<" if state[1] == "<" else ">" if state[1] == ">" else "="

    def read(self, raw: Any) -> np.ndarray[Any, Any]:
        if self.code.startswith("O"):
            raise Refused("bytes as objects")
        return np.frombuffer(
            raw.encode("latin1") if isinstance(raw, str) else raw, np.dtype(self.order + self.code)
        )


class _Array(list[Any], _Inert):
    """An array as nested lists; one without dimensions holds its only value."""

    content: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, raw = state
        values: np.ndarray[Any, Any]
        if dtype.code.startswith("O"):
            values = np.empty(len(raw), dtype=object)
            values[:] = raw
        else:
            values = dtype.read(raw)
        self.content = values.reshape(tuple(shape), order="F" if fortran else "C").tolist()
        self[:] = self.content if shape else [self.content]


class _Mapping(dict[Any, Any], _Inert):
    def __init__(self, *factory: Any) -> None:
        if len(factory) > 1 or any(one not in (_Mapping, _List) for one in factory):
            raise Refused("a mapping with arguments")
        super().__init__()


class _List(list[Any], _Inert):
    pass


class _Reconstruct(_Inert):
    def __new__(cls, *_: Any) -> Any:
        return _Array()


class _Scalar(_Inert):
    def __new__(cls, dtype: _Dtype, raw: Any) -> Any:
        # There may be millions, and nearly all are these.
        if dtype.code == "i8" and dtype.order == "<" and type(raw) is bytes and len(raw) == _EIGHT:
            return int.from_bytes(raw, "little", signed=True)
        return dtype.read(raw).item()


class _Encode(_Inert):
    """Bytes, as pickles of Python 2's protocol write them."""

    def __new__(cls, text: str, codec: str) -> Any:
        if codec != "latin1":
            raise Refused(f"the codec {codec!r}")
        return text.encode("latin1")


_NAMES: dict[tuple[str, str], type] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _Encode,
    ("collections", "defaultdict"): _Mapping,
    ("collections", "OrderedDict"): _Mapping,
}
for _core in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _NAMES[_core, "_reconstruct"] = _Reconstruct
    _NAMES[_core, "scalar"] = _Scalar
for _builtins in ("builtins", "__builtin__"):
    _NAMES[_builtins, "dict"] = _Mapping
    _NAMES[_builtins, "list"] = _List
