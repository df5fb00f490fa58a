"""Media folders: a directory a class, as image folders are, of sounds and videos as well as images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..domain.examples import MediaFile
from ..media.kinds import EXTENSIONS, REFUSED
from .image_folder import ImageFolder


class MediaFolder(ImageFolder):
    """Reads `DIR/<class>/**/<clip>` or `DIR/<split>/<class>/**/<clip>`, where a clip is a sound, a video or an image.

    The layout, labels, ids and splits are those of image folders. A file is a sound or a video by its extension; a
    file of another kind than its extension tells is refused when it is stored.

    Args:
        source: The directory.
        splits: True if DIR holds splits, False if it holds classes, None to detect it.

    Raises:
        InvalidInput: The source is not a directory.
        InvalidParameter: `splits` is neither true nor false.
    """

    what = "image, sound or video"

    def _file(self, name: str, data: bytes) -> dict[str, Any]:
        return {"media": (MediaFile(name, data),)}

    def _wanted(self, path: Path) -> bool:
        suffix = path.suffix.lower()
        return suffix in EXTENSIONS or suffix in REFUSED or super()._wanted(path)
