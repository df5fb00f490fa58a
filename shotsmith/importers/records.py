"""Records: what JSONL and CSV share. One mapping of field names to values becomes one draft, or one error.

Names and types are checked here, because they are the file's; what makes a good example is checked by the engine.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import NoReturn

from ..domain.errors import InvalidInput, InvalidParameter
from ..domain.examples import Draft, ImageFile, MediaFile
from ..domain.media import MediaKind
from ..domain.names import hint

FIELDS = (
    "id",
    "image",
    "images",
    "audio",
    "video",
    "media",
    "text",
    "answer",
    "label",
    "labels",
    "group",
    "split",
    "tags",
    "metadata",
)
#: Fields of files that follow the images, in this order, and what these files must be.
MEDIA: Mapping[str, MediaKind | None] = {"audio": "audio", "video": "video", "media": None}
UTF8_BOM = b"\xef\xbb\xbf"


def draft(record: Mapping[str, object], *, where: str, root: Path) -> Draft:
    """Check a record and read its files.

    Args:
        record: Values by field name; None counts as absent.
        where: The line or row it came from; errors begin with it.
        root: Directory that relative paths start from.

    Raises:
        InvalidInput: For an unknown field, a value of the wrong type or a file that cannot be read.
    """
    check_names(record, FIELDS, where)
    given = {name: value for name, value in record.items() if value is not None}
    for one, many in (("image", "images"), ("label", "labels")):
        if one in given and many in given:
            raise InvalidInput(
                f"both {one!r} and {many!r} are given", field=f"{where}: {one}", mend=f"Keep {many!r} alone"
            )
    # "image" may be a list and "images" a string: both spellings are common and neither is ambiguous.
    images = _strings(given, "images" if "images" in given else "image", where)
    return Draft(
        where=where,
        id=_string(given, "id", where),
        images=tuple(ImageFile(*_file(source, f"{where}: image", root)) for source in images),
        media=tuple(
            MediaFile(*_file(source, f"{where}: {name}", root), kind)
            for name, kind in MEDIA.items()
            for source in _strings(given, name, where)
        ),
        text=_string(given, "text", where) or "",
        answer=_string(given, "answer", where) or "",
        labels=_strings(given, "labels" if "labels" in given else "label", where),
        group=_string(given, "group", where),
        split=_string(given, "split", where),
        tags=_strings(given, "tags", where),
        metadata=_metadata(given, where),
    )


def check_names(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse a name that is not known, with the nearest one as the mend.

    Raises:
        InvalidInput: For the first unknown name.
    """
    known = list(known)
    for name in names:
        if name not in known:
            raise InvalidInput(
                "the field is unknown",
                field=f"{where}: {name}",
                mend=f"{hint(name, known)}Known: {', '.join(known)}; put anything else under 'metadata'",
            )


def existing_file(source: str | PathLike[str]) -> Path:
    """The source, if it is a file.

    Raises:
        InvalidInput: Otherwise.
    """
    path = Path(source)
    if not path.is_file():
        reason = "is a directory" if path.is_dir() else "does not exist"
        raise InvalidInput(
            f"the file {reason}", field="source", value=str(path), mend="Name an existing file"
        )
    return path


def image_root(source: Path, root: str | PathLike[str] | None) -> Path:
    """Where relative image paths start from: the given directory or the source's own.

    Raises:
        InvalidParameter: The given one is not a directory.
    """
    if root is None:
        return source.parent
    if not os.path.isdir(root):
        raise InvalidParameter(
            "not a directory", field="root", value=str(root), mend="Name an existing directory"
        )
    return Path(root)


def read_bytes(path: Path, field: str, shown: str) -> bytes:
    """A file's bytes.

    Raises:
        InvalidInput: When it is not a readable file.
    """
    try:
        if not path.is_file():
            reason = "is no regular file" if path.exists() else "does not exist"
            raise InvalidInput(
                f"the image file {reason}", field=field, value=shown, mend=f"Looked for it at {path}"
            )
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"the image file cannot be read: {error.strerror}",
            field=field,
            value=shown,
            mend="Check path and permissions",
        ) from None


def text_line(raw: bytes, number: int, where: str) -> str:
    """One line of a UTF-8 file as text, without the byte order mark that editors put first.

    Raises:
        InvalidInput: For bytes that are not UTF-8.
    """
    try:
        return (raw.removeprefix(UTF8_BOM) if number == 1 else raw).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"byte {error.start + 1} of the line is not UTF-8",
            field=where,
            value=repr(raw[error.start : error.start + 8]),
            mend="Save the file as UTF-8",
        ) from None


def _file(source: str, field: str, root: Path) -> tuple[str, bytes]:
    """A name for errors and the bytes, from a path or a data URL."""
    scheme, colon, rest = source.partition(":")
    if colon and scheme.lower() == "data":
        return field.rpartition(" ")[2], _data_url(rest, field, source)
    if colon and rest.startswith("//"):
        raise InvalidInput(
            "images are not downloaded",
            field=field,
            value=source,
            mend="Download it and give the file's path",
        )
    return source, read_bytes(root / source, field, source)


def _data_url(rest: str, field: str, source: str) -> bytes:
    head, comma, payload = rest.partition(",")
    try:
        if not comma or not head.lower().endswith(";base64"):
            raise ValueError("it is not of the form data:<type>;base64,<data>")
        return base64.b64decode(payload, validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput(
            f"the data URL cannot be read: {error}",
            field=field,
            value=source,
            mend="Encode the file as base64",
        ) from None


def _string(given: Mapping[str, object], name: str, where: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        _wrong(value, f"{where}: {name}", "a string")
    return value


def _strings(given: Mapping[str, object], name: str, where: str) -> tuple[str, ...]:
    value = given.get(name, [])
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        _wrong(value, f"{where}: {name}", "a string or a list of strings")
    return tuple(items)


def _metadata(given: Mapping[str, object], where: str) -> dict[str, object]:
    metadata = given.get("metadata", {})
    if not isinstance(metadata, dict):
        _wrong(metadata, f"{where}: metadata", "an object")
    return dict(metadata)


def _wrong(value: object, field: str, wanted: str) -> NoReturn:
    raise InvalidInput(f"the value is not {wanted}", field=field, value=value, mend=f"Write {wanted}")
