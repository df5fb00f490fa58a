"""The VQA v2 family: VQA v2, OK-VQA, VizWiz and TextVQA as OpenFlamingo and others read them (Goyal et al. 2017)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import PurePosixPath
from typing import Any

from ..domain.errors import InvalidParameter
from ..domain.examples import Draft
from ..domain.references import REFERENCES, packed
from .base import FileImporter, facts, fields, list_of, text_of, wrong
from .json_items import json_items
from .records import draft, existing_file


class Vqa(FileImporter):
    """Reads `questions[]` and, from a file of their own, `annotations[]`.

    The two are joined by `question_id`, whatever their order; what waits for its other half is held in memory, so
    files in step, as published, need none. The ten annotators' answers are kept as references (`domain.references`),
    in their order and with repeats, as VQA accuracy counts them; the answer is `multiple_choice_answer`, where it is
    given, else the most frequent, ties to the earlier. Questions about one picture are a group. Ids are the question
    ids.

    Args:
        source: The file of questions.
        annotations: The file of annotations.
        root: Directory that image paths start from; by default the file's own.
        image: Template of the picture's path, such as "val2014/COCO_val2014_{:012}.jpg"; by default what the
            picture's id says where it is a file name, `<id>.jpg` for other texts. Numbers need a template: they
            differ by data set.
        split: Of all examples.

    Raises:
        InvalidInput: A file is not there.
        InvalidParameter: The root is not a directory, or the template cannot be used.
    """

    def __init__(
        self,
        source: str | PathLike[str],
        *,
        annotations: str | PathLike[str] | None = None,
        root: str | PathLike[str] | None = None,
        image: str | None = None,
        split: str | None = None,
    ) -> None:
        super().__init__(source, root=root)
        if annotations is None:
            raise InvalidParameter(
                "questions have no answers without their annotations",
                field="annotations",
                mend="Name the file of annotations",
            )
        self.annotations = existing_file(annotations)
        self.image, self.split = image, split

    def _drafts(self) -> Iterator[Draft]:
        questions: dict[str, tuple[Mapping[str, Any], str]] = {}
        answers: dict[str, tuple[Mapping[str, Any], str]] = {}
        asked = self._halves(self.source, "questions", "question")
        answered = self._halves(self.annotations, "annotations", "answers")
        sides = [(asked, questions, answers), (answered, answers, questions)]
        while sides:
            for side in list(sides):
                half, own, others = side
                found = next(half, None)
                if found is None:
                    sides.remove(side)
                    continue
                id, item, where = found
                if id in own:
                    wrong("the question is there twice", f"{where}: question_id", id, "Remove one of them")
                own[id] = item, where
                if id in others:
                    yield self._draft(id, questions.pop(id), answers.pop(id))
        if answers:
            where = next(iter(answers.values()))[1]
            wrong(
                "the answer has no question",
                f"{where}: question_id",
                next(iter(answers)),
                "Name its questions",
            )
        self._skipped += len(questions)

    def _halves(self, path: Any, key: str, field: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
        for number, given in json_items(path, key):
            where = f"{path.name}: {key}[{number}]"
            item = fields(given, where, "question_id", "image_id", field)
            yield text_of(item["question_id"], f"{where}: question_id"), item, where

    def _draft(
        self, id: str, question: tuple[Mapping[str, Any], str], answer: tuple[Mapping[str, Any], str]
    ) -> Draft:
        (asked, where), (answered, place) = question, answer
        if asked["image_id"] != answered["image_id"]:
            wrong(
                "question and answer name two pictures",
                f"{place}: image_id",
                answered["image_id"],
                "Correct it",
            )
        said = [
            text_of(fields(one, f"{place}: answers", "answer")["answer"], f"{place}: answer")
            for one in list_of(answered["answers"], f"{place}: answers")
        ]
        if not said:
            wrong("nobody answered", f"{place}: answers", said, "Remove the question")
        best = answered.get("multiple_choice_answer") or Counter(said).most_common(1)[0][0]
        types = facts(answered, "question_type", "answer_type")
        record = {
            "id": id,
            "image": self._path(asked["image_id"], f"{where}: image_id"),
            "text": asked["question"],
            "answer": text_of(best, f"{place}: multiple_choice_answer"),
            "group": text_of(asked["image_id"], f"{where}: image_id"),
            "split": self.split,
            "metadata": {**types, REFERENCES: packed(said)},
        }
        return draft(record, where=where, root=self.root)

    def _path(self, id: Any, field: str) -> str:
        if self.image is not None:
            try:
                return self.image.format(id)
            except (ValueError, IndexError, KeyError) as error:
                raise InvalidParameter(
                    f"the template cannot hold {id!r}: {error}",
                    field="image",
                    value=self.image,
                    mend="Write, e.g., val2014/COCO_val2014_{:012}.jpg",
                ) from None
        if not isinstance(id, str):
            raise InvalidParameter(
                "pictures are numbered, and their names differ by data set",
                field="image",
                mend="Give a template, e.g. val2014/COCO_val2014_{:012}.jpg",
            )
        return id if PurePosixPath(id).suffix else f"{id}.jpg"
