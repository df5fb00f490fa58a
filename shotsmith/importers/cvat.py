"""CVAT's XML for images 1.1 (docs.cvat.ai, XML annotation format)."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from xml.etree import ElementTree

from ..domain.errors import InvalidInput
from ..domain.examples import Draft
from .base import FileImporter, wrong
from .records import draft

_SHAPES = ("box", "polygon", "polyline", "points", "cuboid", "mask", "ellipse", "skeleton")


class Cvat(FileImporter):
    """Reads `annotations.xml` of "CVAT for images": the tags of a picture are its labels, else its shapes' labels are.

    A `subset`, which exports of projects have, is the split, in lower case; "default" is none. Pictures without tags
    and shapes are passed over and counted in `skipped`. Ids are the names.

    Args:
        source: The file.
        root: Directory that holds the pictures; by default `images` beside the file, where there is one.

    Raises:
        InvalidInput: The source is not a file.
        InvalidParameter: The root is not a directory.
    """

    def __init__(self, source: str | PathLike[str], *, root: str | PathLike[str] | None = None) -> None:
        super().__init__(source, root=root)
        if root is None and (self.source.parent / "images").is_dir():
            self.root = self.source.parent / "images"

    def _drafts(self) -> Iterator[Draft]:
        name = self.source.name
        try:
            # Entities are no part of the format; expat bounds what they may grow to.
            top: ElementTree.Element | None = None
            for event, element in ElementTree.iterparse(self.source, ("start", "end")):  # noqa: S314
                if top is None:
                    top = element
                    if top.tag != "annotations":
                        wrong("not a CVAT export", name, top.tag, "Export as CVAT for images 1.1")
                if event == "start":
                    continue
                if element.tag == "track":
                    wrong("the export is of a video", name, "track", "Export as CVAT for images 1.1")
                if element.tag == "image":
                    made = self._draft(element, name)
                    top.clear()
                    if made is None:
                        self._skipped += 1
                    else:
                        yield made
        except ElementTree.ParseError as error:
            raise InvalidInput(f"not XML: {error}", field=name, mend="Export it again") from None

    def _draft(self, image: ElementTree.Element, name: str) -> Draft | None:
        path = image.get("name")
        if not path:
            wrong("the picture has no name", f"{name}: image {image.get('id')}", None, "Export it again")
        where = f"{name}: {path}"
        tags = [part.get("label") for part in image if part.tag == "tag"]
        labels = tags or [part.get("label") for part in image if part.tag in _SHAPES]
        if not labels:
            return None
        if None in labels:
            wrong("an annotation has no label", where, None, "Export it again")
        subset = (image.get("subset") or "default").lower()
        record = {
            "id": path,
            "image": path,
            "labels": list(dict.fromkeys(labels)),
            "split": None if subset == "default" else subset,
        }
        return draft(record, where=where, root=self.root)
