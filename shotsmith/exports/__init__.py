"""Exports: ordered demonstrations as Parquet and safetensors, for methods that look into a model, and back.

What was chosen is written with its texts, images and vectors, and read again query by query:

    export(engine, "parts", split_ids(engine, "parts", "test"), Recipe.read("rices(k=16)"), "shots")
    for query in read_export("shots"):
        query.matrix("image")
"""

from .parts import ImageForm
from .reading import Export, read_export
from .records import ExportedDemonstration, ExportedImage, ExportedQuery
from .writing import Exported, export, split_ids

__all__ = [
    "Export",
    "Exported",
    "ExportedDemonstration",
    "ExportedImage",
    "ExportedQuery",
    "ImageForm",
    "export",
    "read_export",
    "split_ids",
]
