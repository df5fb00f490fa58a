import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


def png(shade: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 10, 200)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def picture() -> Callable[[int], bytes]:
    """Bytes of a small PNG, another one for each shade."""
    return png


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Writes files below a fresh directory: names, or names with their content; a PNG by default."""

    def build(*names: str, **contents: bytes) -> Path:
        root = tmp_path / "data"
        root.mkdir(exist_ok=True)
        for shade, name in enumerate(names):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(contents.get(name, png(shade)))
        return root

    return build
