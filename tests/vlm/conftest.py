import io
import warnings
from collections.abc import Callable, Iterator

import pytest
from openai_server import OpenAIServer
from PIL import Image

from shotsmith.domain.messages import ImagePart


@pytest.fixture(autouse=True)
def fetches_nothing(loopback_only) -> Iterator[None]:
    """litellm swallows failed downloads, so count what the guard refused instead of waiting for an error."""
    before = loopback_only.copy()
    yield
    assert loopback_only - before == {}


@pytest.fixture(scope="session")
def litellm():
    """litellm as the client sets it up; importing it takes seconds."""
    with warnings.catch_warnings():
        # A dependency of litellm's, at import time only.
        warnings.simplefilter("ignore", DeprecationWarning)
        from shotsmith.clients.vlm.litellm import _litellm

        return _litellm()


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def picture() -> Callable[..., ImagePart]:
    """A plain picture of one colour, or one of two halves."""

    def make(*colours: str | tuple[int, int, int]) -> ImagePart:
        image = Image.new("RGB", (16, 16), colours[0])
        if len(colours) > 1:
            image.paste(colours[1], (8, 0, 16, 16))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return ImagePart(buffer.getvalue(), "image/png", 16, 16)

    return make
