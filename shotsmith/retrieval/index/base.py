"""What every index does alike: check at the border, then ask its engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from ...domain.errors import Conflict, InvalidInput, NotFound
from ...domain.filters import Filter
from ...domain.protocols import Hit, Point, Search, Stored
from ...domain.scoring import Vector
from . import border
from .conditions import Condition, conditions
from .payloads import unpacked

_Checked = TypeVar("_Checked")

#: A checked search and its conditions; None when nothing can pass.
Asked = tuple[Search, tuple[Condition, ...] | None]


def no_collection(collection: str) -> NotFound:
    """The error of an unknown collection or alias."""
    return NotFound("no such collection in the index", field="collection", value=collection)


def taken(name: str, kind: str) -> Conflict:
    """The error of a name that a collection and an alias would share."""
    return Conflict(
        f"there is {kind} of that name", field="collection", value=name, mend="Choose another name"
    )


def check_same(collection: str, has: Mapping[str, int], wants: Mapping[str, int]) -> None:
    """Refuse to take an existing collection for one with other spaces."""
    if dict(has) != dict(wants):
        raise Conflict(
            f"the collection exists with the spaces {dict(has)}",
            field="dims",
            value=dict(wants),
            mend="Drop it, or create another one and swap the alias",
        )


class CheckedIndex(ABC):
    """The half of `VectorIndex` that is the same everywhere; subclasses add the store.

    Hooks that follow `_resolve` get real names, never aliases. Operations are thread-safe when the store is, or when
    `_session` holds a lock.
    """

    @abstractmethod
    def _session(self) -> AbstractContextManager[Any]:
        """Entered around every operation: takes locks and turns the store's errors into ours."""

    @abstractmethod
    def _resolve(self, collection: str) -> str:
        """The collection behind a name or alias, so that one operation stays with one collection."""

    @abstractmethod
    def _dims(self, collection: str, *, fresh: bool = False) -> Mapping[str, int]:
        """Spaces of a collection; NotFound without one. Unless `fresh`, they may be remembered ones."""

    def _batch_size(self, collection: str) -> int:
        """Points in one `_write`."""
        return 1000

    @abstractmethod
    def _write(self, collection: str, points: Sequence[Point]) -> None: ...

    @abstractmethod
    def _erase(self, collection: str, ids: Sequence[str]) -> None: ...

    @abstractmethod
    def _answer(self, collection: str, asked: Sequence[Asked]) -> list[list[Hit]]: ...

    @abstractmethod
    def _vectors(self, collection: str, space: str, ids: Sequence[str]) -> dict[str, Vector]: ...

    @abstractmethod
    def _count(self, collection: str, wanted: tuple[Condition, ...]) -> int: ...

    @abstractmethod
    def _page(self, collection: str, cursor: Any, size: int) -> tuple[Sequence[Mapping[str, Any]], Any]:
        """Kept payloads from the cursor on (None: from the start), and the next cursor (None: the end)."""

    def upsert(self, collection: str, points: Sequence[Point]) -> None:
        """Insert or replace whole points, durably against a killed process."""
        with self._session():
            name = self._resolve(collection)
            checked = self._checked(name, lambda dims: border.check_points(points, dims))
            size = self._batch_size(name)
        # Searches get their turn between two batches.
        for start in range(0, len(checked), size):
            with self._session():
                self._write(name, checked[start : start + size])

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored."""
        for id in ids:
            border.check_id(id)
        with self._session():
            name = self._resolve(collection)
            self._dims(name)
            if ids:
                self._erase(name, list(dict.fromkeys(ids)))

    def search(self, collection: str, search: Search) -> list[Hit]:
        """Nearest points in rank order."""
        return self.search_many(collection, [search])[0]

    def search_many(self, collection: str, searches: Sequence[Search]) -> list[list[Hit]]:
        """One result list per search, in their order."""
        with self._session():
            name = self._resolve(collection)
            checked = self._checked(name, lambda dims: [border.check_search(s, dims) for s in searches])
            return self._answer(name, [(search, conditions(search.filter)) for search in checked])

    def search_per_label(
        self, collection: str, search: Search, labels: Sequence[str]
    ) -> dict[str, list[Hit]]:
        """The nearest `search.limit` points that carry each label, on top of the filter."""
        border.check_filter(Filter(labels=tuple(labels)))
        with self._session():
            name = self._resolve(collection)
            checked = self._checked(name, lambda dims: border.check_search(search, dims))
            wanted = list(dict.fromkeys(labels))
            asked = [(checked, conditions(checked.filter, label)) for label in wanted]
            return dict(zip(wanted, self._answer(name, asked), strict=True))

    def vectors(self, collection: str, space: str, ids: Sequence[str]) -> dict[str, Vector]:
        """Stored unit vectors by id; points that are not there, or lack the space, are absent."""
        for id in ids:
            border.check_id(id)
        with self._session():
            name = self._resolve(collection)
            self._checked(name, lambda dims: border.check_space(space, dims))
            return self._vectors(name, space, list(dict.fromkeys(ids))) if ids else {}

    def count(self, collection: str, filter: Filter | None = None) -> int:
        """How many points pass the filter."""
        border.check_filter(filter or Filter())
        with self._session():
            name = self._resolve(collection)
            self._dims(name)
            found = conditions(filter or Filter())
            return 0 if found is None else self._count(name, found)

    def resolve(self, collection: str) -> str:
        """The collection behind a name or alias; NotFound without one."""
        with self._session():
            name = self._resolve(collection)
            self._dims(name)
            return name

    def page(self, collection: str, cursor: Any, size: int) -> tuple[list[Stored], Any]:
        """One page of a real collection: the points from the cursor on and the next cursor, None at the end."""
        with self._session():
            payloads, after = self._page(collection, cursor, size)
            return [unpacked(payload) for payload in payloads], after

    def scroll(self, collection: str, page: int = 1000) -> Iterator[Stored]:
        """Every point once, in a stable order."""
        return pages(self.resolve(collection), page, self.page)

    def _checked(self, collection: str, check: Callable[[Mapping[str, int]], _Checked]) -> _Checked:
        try:
            return check(self._dims(collection))
        except InvalidInput:
            # Another process may have put another collection behind the alias.
            return check(self._dims(collection, fresh=True))


def pages(
    collection: str, size: int, page: Callable[[str, Any, int], tuple[list[Stored], Any]]
) -> Iterator[Stored]:
    """Every point of a collection, page by page; a wrong size is refused at once."""
    if size < 1:
        raise InvalidInput("a page holds at least one point", field="page", value=size)

    def turn() -> Iterator[Stored]:
        cursor: Any = None
        while True:
            stored, cursor = page(collection, cursor, size)
            yield from stored
            if cursor is None:
                return

    return turn()
