"""/v1/pools/{pool}/examples and the images, sounds and videos behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Response, UploadFile, status
from pydantic import ValidationError

from ...domain.errors import InvalidInput
from ...domain.examples import ImageFile, MediaFile, OnConflict
from ...media import sniff
from ...schemas import AddedOut, ExampleIn, ExampleOut, ExamplePage, ExamplesIn
from ..dependencies import ApiDep

router = APIRouter(tags=["examples"])


@router.post("/v1/pools/{pool}/examples", status_code=status.HTTP_201_CREATED)
def add_examples(pool: str, body: ExamplesIn, api: ApiDep) -> AddedOut:
    """Store examples: all of them or, if one is bad, none. The answer means they are durable and selectable."""
    return api.add_examples(pool, body)


@router.post("/v1/pools/{pool}/uploads", status_code=status.HTTP_201_CREATED)
def upload_example(
    pool: str,
    api: ApiDep,
    images: Annotated[list[UploadFile] | None, File(description="Image files of one example.")] = None,
    media: Annotated[
        list[UploadFile] | None, File(description="Its sounds, videos and images that follow.")
    ] = None,
    example: Annotated[str, Form(description="The other fields as JSON, as in `ExampleIn`.")] = "{}",
    on_conflict: Annotated[OnConflict, Form()] = "error",
) -> AddedOut:
    """Store one example whose images, sounds and videos are uploaded as files."""
    if not images and not media:
        raise InvalidInput("no file is uploaded", field="images", mend="Send images or media as files")
    try:
        fields = ExampleIn.model_validate_json(example)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(["example", *(str(step) for step in first["loc"])])
        raise InvalidInput(first["msg"], field=field, mend="Send the fields of ExampleIn as JSON") from None
    for name in ("images", "media"):
        if getattr(fields, name):
            raise InvalidInput(f"{name} come as files here", field=f"example.{name}", mend="Leave it out")
    draft = fields.draft("example")
    pictures = tuple(ImageFile(one.filename or "upload", one.file.read()) for one in images or ())
    others = tuple(MediaFile(one.filename or "upload", one.file.read()) for one in media or ())
    return api.add_drafts(pool, [replace(draft, images=pictures, media=others)], on_conflict)


@router.get("/v1/pools/{pool}/examples")
def list_examples(
    pool: str,
    api: ApiDep,
    after: Annotated[str | None, Query(description="The last id of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    split: str | None = None,
    label: str | None = None,
) -> ExamplePage:
    """Examples by ascending id."""
    return api.list_examples(pool, after, limit, split, label)


# Ids may hold slashes, as those of imported folders do.
@router.get("/v1/pools/{pool}/examples/{id:path}")
def get_example(pool: str, id: str, api: ApiDep) -> ExampleOut:
    """One example."""
    return api.get_example(pool, id)


@router.delete("/v1/pools/{pool}/examples/{id:path}", status_code=status.HTTP_204_NO_CONTENT)
def delete_example(pool: str, id: str, api: ApiDep) -> None:
    """Remove one example; it is never selected again."""
    api.delete_example(pool, id)


@router.get(
    "/v1/images/{sha256}",
    response_class=Response,
    responses={
        200: {
            "content": {"image/*": {}, "audio/*": {}, "video/*": {}},
            "description": "The stored bytes.",
        }
    },
)
def get_image(sha256: str, api: ApiDep) -> Response:
    """The original bytes of a stored image, sound or video."""
    data = api.get_image(sha256)
    headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
    return Response(data, media_type=sniff(data), headers=headers)
