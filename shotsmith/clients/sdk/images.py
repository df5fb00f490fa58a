"""Images, sounds and videos as people have them: paths, bytes, Pillow pictures, numpy arrays."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...domain.errors import InvalidInput
from ...media import sniff
from ...schemas import data_url

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture

    ImageLike = str | PathLike[str] | bytes | Picture | NDArray[np.uint8]
else:
    ImageLike = Any
#: A sound or a video: a path, bytes or a data URL.
MediaLike = ImageLike


def encoded(image: ImageLike) -> str:
    """Any image, sound or video as a data URL; a data URL stays as it is.

    Raises:
        InvalidInput: A missing file, or something that is no image.
    """
    if isinstance(image, str) and image.startswith("data:"):
        return image
    data = _bytes(image)
    return data_url(data, sniff(data))


def _bytes(image: ImageLike) -> bytes:
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if isinstance(image, str | PathLike):
        path = Path(image)
        try:
            return path.read_bytes()
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"the file cannot be read: {getattr(error, 'strerror', None) or error}",
                field="image",
                value=str(path),
                mend="Check the path",
            ) from None
    return _png(image)


def _png(image: Any) -> bytes:
    from PIL import Image

    if not isinstance(image, Image.Image):
        try:
            image = Image.fromarray(image)
        except (TypeError, AttributeError, ValueError):
            raise InvalidInput(
                "not an image",
                field="image",
                value=type(image).__name__,
                mend="Pass a path, bytes, a Pillow image or a uint8 array [height, width, 3]",
            ) from None
    buffer = io.BytesIO()
    try:
        image.save(buffer, "PNG")
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"the picture cannot be sent: {error}", field="image", value=image.mode, mend="Convert it to RGB"
        ) from None
    return buffer.getvalue()
