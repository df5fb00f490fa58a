"""Images, sounds and videos on the wire: data URLs in, never addresses or paths."""

from __future__ import annotations

import base64
import binascii

from ..domain.errors import InvalidInput
from ..domain.examples import ImageFile, MediaFile

EXAMPLE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGM4"
    "EaABAAMkAUEdGZ/EAAAAAElFTkSuQmCC"
)


def image_files(images: tuple[str, ...], where: str) -> tuple[ImageFile, ...]:
    """Decode data URLs or base64.

    Raises:
        InvalidInput: For anything else, addresses and paths included.
    """
    return tuple(
        ImageFile(f"{where}: images[{position}]", _decoded(image, f"{where}: images[{position}]"))
        for position, image in enumerate(images)
    )


def media_files(media: tuple[str, ...], where: str) -> tuple[MediaFile, ...]:
    """The same for images, sounds and videos: whatever the bytes are."""
    return tuple(
        MediaFile(f"{where}: media[{position}]", _decoded(one, f"{where}: media[{position}]"))
        for position, one in enumerate(media)
    )


def data_url(data: bytes, mime: str) -> str:
    """Bytes as a data URL."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _decoded(image: str, field: str) -> bytes:
    encoded = image
    if image.startswith("data:"):
        head, _, encoded = image.partition(",")
        if not head.endswith(";base64"):
            raise InvalidInput(
                "the data URL is not base64", field=field, value=head, mend="Use data:TYPE;base64,DATA"
            )
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(
            "not a data URL or base64",
            field=field,
            value=image[:40],
            mend="Send the image's bytes, not where it is",
        ) from None
