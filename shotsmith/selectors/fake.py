"""A candidate source in memory, for unit tests and for authors of selectors: the meaning that real ones are held to."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from ..domain.errors import InvalidParameter, NotFound
from ..domain.examples import Example, PoolKind, Query, normal_text
from ..domain.filters import Filter
from ..domain.plans import Plan, chosen
from ..domain.protocols import Hit
from ..domain.scoring import Vector, cosine, quantise, ranked, shuffled, unit
from ..domain.selections import Candidate
from ..domain.sources import CandidateSource, Judge, Part, PartsSpec, Rows

_K1, _B = 1.5, 0.75


class ArraySource:
    """A `CandidateSource` over a handful of vectors, by brute force.

    Args:
        examples: For each id its vectors by space, of any length; a zero vector counts as missing.
        query: The query's vectors by space.
        labels: Labels by id, one or several; ids without one have none.
        contents: Examples by id, for what vectors and labels do not say: texts, answers, metadata, groups.
        asked: The query itself.
        removed: Ids that the leak guard keeps out.
        hidden: Ids that are left out for other reasons.
        parts: Parts by id; those of the query under the empty id. By default whole vectors in the image and text space.
        lists: Imported neighbour lists by name.
        judge: A model to ask.
        kind: The pool's task family.
    """

    def __init__(
        self,
        examples: Mapping[str, Mapping[str, ArrayLike]],
        query: Mapping[str, ArrayLike] | None = None,
        labels: Mapping[str, str | Sequence[str]] | None = None,
        *,
        contents: Mapping[str, Example] | None = None,
        asked: Query | None = None,
        removed: Collection[str] = (),
        hidden: Collection[str] = (),
        parts: Mapping[str, Sequence[Part]] | None = None,
        lists: Mapping[str, Sequence[str]] | None = None,
        judge: Judge | None = None,
        kind: PoolKind = "classification",
    ) -> None:
        self._given = dict(examples)
        self._asked_vectors = dict(query or {})
        self._labels = dict(labels or {})
        self._contents = {id: self._content(id, contents or {}) for id in sorted(examples)}
        self._parts, self._lists, self._judge = parts, lists, judge
        self._removed, self._hidden = frozenset(removed), frozenset(hidden)
        self.query = asked or Query()
        self.kind = kind
        gone = self._removed | self._hidden
        self._ids = [id for id in self._contents if id not in gone]
        self._units = {
            id: {space: row for space, given in spaces.items() if (row := unit(np.asarray(given))).any()}
            for id, spaces in self._given.items()
        }
        asked_units = {space: unit(np.asarray(given)) for space, given in self._asked_vectors.items()}
        self._vectors = {space: row for space, row in asked_units.items() if row.any()}

    def _content(self, id: str, contents: Mapping[str, Example]) -> Example:
        example = contents.get(id, Example(id))
        labels = self._labels.get(id)
        if labels is None:
            return example
        return replace(example, labels=(labels,) if isinstance(labels, str) else tuple(labels))

    def _with(self, **changes: object) -> ArraySource:
        kept: dict[str, object] = {
            "contents": self._contents,
            "asked": self.query,
            "removed": self._removed,
            "hidden": self._hidden,
            "parts": self._parts,
            "lists": self._lists,
            "judge": self._judge,
            "kind": self.kind,
        }
        examples = changes.pop("examples", self._given)
        query = changes.pop("query", self._asked_vectors)
        return ArraySource(examples, query, self._labels, **{**kept, **changes})  # type: ignore[arg-type]

    @property
    def modalities(self) -> frozenset[str]:
        """Spaces that the query and at least one example share, those that are kept out included."""
        return frozenset(
            space for space in self._vectors if any(space in spaces for spaces in self._units.values())
        )

    def ids(self, label: str | None = None) -> Sequence[str]:
        """Eligible ids, of one label or of all, ascending."""
        return [id for id in self._ids if label is None or label in self._contents[id].labels]

    def draw(self, limit: int, seed: int, scope: str, label: str | None = None) -> Sequence[str]:
        """The first eligible ids of the keyed shuffle."""
        return shuffled(self.ids(label), seed, scope)[: max(limit, 0)]

    def label_of(self, id: str) -> str | None:
        """Balancing label of an eligible example."""
        return self._contents[id].label

    def labels(self) -> Mapping[str, int]:
        """Eligible examples by label."""
        counts = Counter(label for id in self._ids for label in set(self._contents[id].labels))
        return dict(sorted(counts.items()))

    def examples(self, ids: Sequence[str]) -> Mapping[str, Example]:
        """The eligible examples of these ids."""
        known = set(self._ids)
        return {id: self._contents[id] for id in ids if id in known}

    def nearest(self, space: str, limit: int, vector: Vector | None = None) -> list[Hit]:
        """The nearest eligible examples that have the space, in rank order."""
        found = self.scores(space, self._ids, vector)
        return [Hit(id, score) for id, score in islice(ranked(found), max(limit, 0))]

    def nearest_per_label(self, space: str, labels: Sequence[str], limit: int) -> dict[str, list[Hit]]:
        """The nearest eligible examples that carry each label."""
        hits = self.nearest(space, len(self._ids))
        return {
            label: [hit for hit in hits if label in self._contents[hit.id].labels][:limit] for label in labels
        }

    def scores(self, space: str, ids: Sequence[str], vector: Vector | None = None) -> dict[str, float]:
        """Similarities of given eligible examples; those without the space are absent."""
        wanted = self._vectors.get(space) if vector is None else vector
        rows = self.vectors(space, ids)
        if wanted is None or not rows.ids:
            return {}
        return dict(zip(rows.ids, cosine(rows.matrix, wanted), strict=True))

    def moments(self, space: str) -> tuple[float, float]:
        """Mean and population standard deviation of the similarities; (0, 0) without any."""
        known = list(self.scores(space, self._ids).values())
        return (float(np.mean(known)), float(np.std(known))) if known else (0.0, 0.0)

    def matching(self, limit: int) -> list[Hit]:
        """BM25 by its formula, one text at a time; statistics over all examples, those that are kept out included."""
        texts = {id: _words(one.text) for id, one in self._contents.items() if id not in self._hidden}
        texts = {id: words for id, words in texts.items() if words}
        average = sum(map(len, texts.values())) / len(texts) if texts else 1.0
        scores = {}
        for id in set(texts) & set(self._ids):
            counts, length = Counter(texts[id]), len(texts[id])
            score = 0.0
            for word in sorted(_words(self.query.text)):
                having = sum(word in words for words in texts.values())
                idf = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
                tf = counts[word]
                score += idf * tf * (_K1 + 1) / (tf + _K1 * (1 - _B + _B * length / average))
            if quantise(score) > 0:
                scores[id] = quantise(score)
        return [Hit(id, score) for id, score in ranked(scores)[: max(limit, 0)]]

    def vector(self, space: str) -> Vector | None:
        """The query's own unit vector."""
        return self._vectors.get(space)

    def encoded(self, text: str) -> Vector | None:
        """What the parts of the query hold under the text's name, in the joint space."""
        found = [part for part in self.query_parts(PartsSpec()) if part.name == text]
        return found[0].vectors.get("joint") if found else None

    def vectors(self, space: str, ids: Sequence[str]) -> Rows:
        """Unit vectors of given eligible examples, in the given order."""
        eligible = set(self._ids)
        held = [id for id in dict.fromkeys(ids) if id in eligible and space in self._units[id]]
        matrix = np.array([self._units[id][space] for id in held], dtype=np.float32)
        return Rows(held, matrix)

    def parts(self, ids: Sequence[str], spec: PartsSpec) -> Mapping[str, Sequence[Part]]:
        """The parts of given eligible examples."""
        eligible = set(self._ids)
        return {id: self._parts_of(id) for id in ids if id in eligible}

    def query_parts(self, spec: PartsSpec) -> Sequence[Part]:
        """The parts of the query."""
        return self._parts_of("")

    def _parts_of(self, id: str) -> Sequence[Part]:
        if self._parts is not None:
            return self._parts.get(id, ())
        held = self._units[id] if id else self._vectors
        picture = {space: held[space] for space in ("image",) if space in held}
        text = {space: held[space] for space in ("text",) if space in held}
        found = [Part("image", "image 1", picture), Part("text", "text", text)]
        return [part for part in found if part.vectors]

    def neighbours(self, name: str) -> Sequence[str]:
        """Eligible ids of the list under a name."""
        if self._lists is None or name not in self._lists:
            raise NotFound("no neighbour lists of that name", field="name", value=name)
        eligible = set(self._ids)
        return [id for id in dict.fromkeys(self._lists[name]) if id in eligible]

    def within(self, filter: Filter) -> CandidateSource:
        """The same source, restricted further."""
        passing = {id for id, one in self._contents.items() if filter.matches(id, one.facts())}
        return self._with(
            examples={id: spaces for id, spaces in self._given.items() if id in passing},
            contents={id: one for id, one in self._contents.items() if id in passing},
        )

    def without(self, ids: Sequence[str]) -> CandidateSource:
        """The same source without these examples."""
        return self._with(hidden=self._hidden.union(ids))

    def everything(self, space: str, splits: Sequence[str] | None = None) -> Rows:
        """All vectors of one space, those that are kept out included."""
        ids = [
            id
            for id, example in self._contents.items()
            if space in self._units[id] and (splits is None or (example.split or "") in splits)
        ]
        return Rows(ids, np.array([self._units[id][space] for id in ids], dtype=np.float32))

    def planned(
        self, key: str, size: int, make: Callable[[CandidateSource, int], Plan], *, nested: bool = True
    ) -> list[Candidate]:
        """The first eligible examples of a plan that is made anew each time."""
        if size <= 0:
            return []
        everyone = self._with(removed=(), hidden=(), query={}, asked=Query())
        room = size + len(self._removed) + len(self._hidden) if nested else size
        plan = make(everyone, room)
        eligible = self.examples([id for slot in plan.slots for id in slot])
        return chosen(plan, size, eligible, self._hidden)

    def judge(self, model: str | None = None) -> Judge:
        """The model that was given."""
        if self._judge is None:
            raise InvalidParameter("no model to ask", field="model", value=model)
        return self._judge


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", normal_text(text))
