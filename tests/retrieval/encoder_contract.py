"""What every `Encoder` must keep, as functions: call `check_encoder(encoder)`, or single checks.

Each check looks only at the spaces the encoder offers, so image-only and text-only encoders pass as well.
"""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from shotsmith.domain.protocols import Encoder

SPACES = {"image", "text", "joint"}
TEXTS = (
    "a red bus on a wet street",
    "Two dogs play in the snow.",
    "naïve café, 12 €",
    "x",
    "a picture of a bus " * 60,
    "two dogs play in the snow",
)


def pictures() -> list[Image.Image]:
    """Six generated RGB pictures: photo-like noise, shapes and plain colour; wide, tall, tiny and square."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:240, 0:320] / 240
    waves = np.stack([np.sin(9 * x), np.cos(7 * y), np.sin(5 * (x + y))], axis=2) * 100 + 127
    disc = np.where(((x - 0.6) ** 2 + (y - 0.5) ** 2 < 0.1)[..., None], (220, 30, 30), (240, 240, 240))
    arrays = [
        waves + rng.normal(0, 10, waves.shape),
        disc,
        rng.integers(0, 256, (300, 100, 3)),
        np.full((64, 64, 3), 200),
        rng.integers(0, 256, (9, 5, 3)),
        waves.transpose(1, 0, 2)[:, ::-1],
    ]
    return [Image.fromarray(np.clip(array, 0, 255).astype(np.uint8)) for array in arrays]


def check_encoder(encoder: Encoder, *, trained: bool = True) -> None:
    """Every check below; `trained=False` leaves out what random weights cannot keep."""
    check_identity(encoder)
    check_rows(encoder)
    check_empty_batches(encoder)
    check_batch_independence(encoder)
    check_thread_safety(encoder)
    check_lossless_formats(encoder)
    check_inputs_untouched(encoder)
    check_blank_texts(encoder)
    if trained:
        check_equal_content(encoder)


def check_identity(encoder: Encoder) -> None:
    """It satisfies the protocol, has a stable printable id and offers known spaces."""
    assert isinstance(encoder, Encoder)
    assert encoder.id == encoder.id
    assert encoder.id.isprintable()
    assert encoder.id.strip()
    assert set(encoder.dims) <= SPACES
    assert encoder.dims
    assert all(isinstance(dim, int) and dim > 0 for dim in encoder.dims.values())


def check_rows(encoder: Encoder) -> None:
    """Both calls answer in exactly the spaces their input lives in, with finite float32 unit rows."""
    images, texts = encode(encoder)
    assert set(images) | set(texts) == set(encoder.dims)
    assert set(images) <= {"image", "joint"}
    assert set(texts) <= {"text", "joint"}
    if "joint" in encoder.dims:
        assert "joint" in images
        assert "joint" in texts
    for count, answer in ((len(pictures()), images), (len(TEXTS), texts)):
        for space, matrix in answer.items():
            assert matrix.dtype == np.float32
            assert matrix.shape == (count, encoder.dims[space])
            assert np.isfinite(matrix).all()
            np.testing.assert_allclose(np.linalg.norm(matrix.astype(np.float64), axis=1), 1, atol=1e-5)


def check_empty_batches(encoder: Encoder) -> None:
    """No input gives [0, d] in the same spaces."""
    images, texts = encode(encoder)
    for full, empty in ((images, encoder.encode_images([])), (texts, encoder.encode_texts([]))):
        assert set(empty) == set(full)
        for space, matrix in empty.items():
            assert matrix.shape == (0, encoder.dims[space])
            assert matrix.dtype == np.float32


def check_batch_independence(encoder: Encoder) -> None:
    """A vector is the same to the bit alone, in a batch and at another place of it."""
    images, texts = encode(encoder)
    for index, picture in enumerate(pictures()):
        _same(encoder.encode_images([picture]), images, [index])
    for index, text in enumerate(TEXTS):
        _same(encoder.encode_texts([text]), texts, [index])
    backwards = list(range(len(TEXTS)))[::-1]
    _same(encoder.encode_images(pictures()[::-1]), images, list(range(len(pictures())))[::-1])
    _same(encoder.encode_texts(TEXTS[::-1]), texts, backwards)


def check_thread_safety(encoder: Encoder) -> None:
    """Calls from several threads at once give the same bits as one call."""
    images, texts = encode(encoder)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: encode(encoder), range(8)))
    for got_images, got_texts in answers:
        _same(got_images, images, list(range(len(pictures()))))
        _same(got_texts, texts, list(range(len(TEXTS))))


def check_lossless_formats(encoder: Encoder) -> None:
    """Equal pixels give equal vectors, whether they were stored as PNG, BMP or lossless WebP."""
    images, _ = encode(encoder)
    for format, options in (("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True, "exact": True})):
        _same(
            encoder.encode_images([reopened(p, format, **options) for p in pictures()]),
            images,
            list(range(len(pictures()))),
        )


def check_inputs_untouched(encoder: Encoder) -> None:
    """Encoding changes no picture."""
    given = pictures()
    encoder.encode_images(given)
    assert [picture.tobytes() for picture in given] == [picture.tobytes() for picture in pictures()]


def check_equal_content(encoder: Encoder) -> None:
    """Different pictures have different vectors, and nearly equal texts are near."""
    images, texts = encode(encoder)
    if "image" in images:
        scores = images["image"].astype(np.float64) @ images["image"].astype(np.float64).T
        assert (scores - 2 * np.eye(len(scores)) < 0.9999).all()
    if "text" in texts:
        vectors = texts["text"].astype(np.float64)
        assert vectors[1] @ vectors[5] > 0.9  # the same sentence but for its case and full stop
        assert vectors[1] @ vectors[5] > vectors[1] @ vectors[0]


def check_blank_texts(encoder: Encoder) -> None:
    """Empty and blank texts are accepted, all treated alike: a zero row ("no score") or one unit row."""
    for matrix in encoder.encode_texts(["", " ", "\n\t "]).values():
        norms = np.linalg.norm(matrix, axis=1)
        assert np.allclose(norms, 0) or np.allclose(norms, 1, atol=1e-5)
        assert (matrix == matrix[0]).all()


def encode(encoder: Encoder) -> tuple[dict, dict]:
    """All sample pictures and texts."""
    return dict(encoder.encode_images(pictures())), dict(encoder.encode_texts(TEXTS))


def reopened(picture: Image.Image, format: str, **options) -> Image.Image:
    """The picture after a round trip through a file format."""
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return Image.open(buffer).convert("RGB")


def _same(part, whole, rows: list[int]) -> None:
    assert set(part) == set(whole)
    for space, matrix in part.items():
        np.testing.assert_array_equal(matrix, whole[space][rows])
