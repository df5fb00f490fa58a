"""What the embedded index keeps in its directory, besides the engine's own files.

    <root>/aliases.json                     alias -> collection
    <root>/collections/<name>/collection.json   name and spaces; written last, so it marks a whole collection
    <root>/collections/<name>/shard/        the engine's files

Every file is replaced as a whole, so a killed process leaves either the old or the new one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from ...domain.errors import Conflict
from .base import no_collection

_TRASH = ".dropped-"


def write_json(path: Path, value: object, mode: int = 0o644) -> None:
    """Replace a file atomically and durably."""
    draft = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames in a directory durable. Windows cannot open directories and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any:
    """The file's value, or None without a file that holds one."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


class EdgeFiles:
    """Which collections and aliases a directory holds. The caller holds the directory's lock."""

    def __init__(self, root: Path) -> None:
        self._collections = root / "collections"
        self._collections.mkdir(parents=True, exist_ok=True)
        self._alias_file = root / "aliases.json"
        for draft in (*root.glob("*.tmp"), *self._collections.glob("*/*.tmp")):
            draft.unlink(missing_ok=True)
        self._dims: dict[str, dict[str, int]] = {}
        for directory in self._collections.iterdir():
            marker = read_json(directory / "collection.json")
            if marker is None or directory.name.startswith(_TRASH):
                shutil.rmtree(directory)  # a creation or removal that was cut short
            else:
                self._dims[marker["name"]] = marker["dims"]
        named: dict[str, str] = read_json(self._alias_file) or {}
        self._aliases = {alias: name for alias, name in named.items() if name in self._dims}

    def __contains__(self, name: str) -> bool:
        return name in self._dims

    @property
    def aliases(self) -> Mapping[str, str]:
        """Collection by alias."""
        return self._aliases

    def resolve(self, name: str) -> str:
        """The collection behind a name or alias."""
        return self._aliases.get(name, name)

    def dims(self, collection: str) -> Mapping[str, int]:
        """Spaces of a collection, by its real name."""
        try:
            return self._dims[collection]
        except KeyError:
            raise no_collection(collection) from None

    def shard(self, collection: str) -> Path:
        """Where the engine keeps a collection."""
        return self._collections / collection / "shard"

    def begin(self, collection: str) -> Path:
        """Make room for a new collection; it does not exist before `commit`."""
        if (self._collections / collection / "collection.json").exists():
            raise Conflict(
                "a collection whose name differs only in case exists on this file system",
                field="collection",
                value=collection,
                mend="Choose another name",
            )
        self.abandon(collection)
        self.shard(collection).mkdir(parents=True)
        return self.shard(collection)

    def commit(self, collection: str, dims: Mapping[str, int]) -> None:
        """The collection is complete: from now on it exists."""
        write_json(
            self._collections / collection / "collection.json", {"name": collection, "dims": dict(dims)}
        )
        sync_directory(self._collections)
        self._dims[collection] = dict(dims)

    def abandon(self, collection: str) -> None:
        """Undo `begin`, also one that was cut short."""
        shutil.rmtree(self._collections / collection, ignore_errors=True)

    def remove(self, collection: str) -> None:
        """Forget a collection and its aliases, then delete its files."""
        kept = {alias: name for alias, name in self._aliases.items() if name != collection}
        if kept != self._aliases:
            self._replace_aliases(kept)
        trash = self._collections / f"{_TRASH}{uuid4().hex}"
        os.replace(self._collections / collection, trash)
        sync_directory(self._collections)
        del self._dims[collection]
        shutil.rmtree(trash, ignore_errors=True)

    def swap(self, alias: str, collection: str) -> None:
        """Point an alias at a collection."""
        self._replace_aliases({**self._aliases, alias: collection})

    def _replace_aliases(self, aliases: dict[str, str]) -> None:
        write_json(self._alias_file, aliases)
        self._aliases = aliases
