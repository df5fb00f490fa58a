"""Briefs that every dialect is tried on."""

from __future__ import annotations

import io

from hypothesis import strategies as st
from PIL import Image

from shotsmith.domain.messages import AudioPart, ImagePart, MediaPart
from shotsmith.prompts.build import NOT_SHOWN
from shotsmith.prompts.dialects import Brief, Shot

#: Every built-in dialect, with options where they change what is written.
TEXTS = [
    "chat", "interleaved", "sandwich", "numbered", "qwen", "flamingo", "flamingo(tokens=false)", "manyicl",
    "manyicl(choices=query)", "manyicl(choices=none)", "text", "text(summary=intent)", "text(everything=true)",
    "collage", "collage(columns=3,rows=1,cell=32,format=png)",
]  # fmt: skip


def picture(red: int, width: int = 12, height: int = 8) -> ImagePart:
    """A picture of one colour, without compression, for that differs from library to library."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (red, 255 - red, 128)).save(file, "PNG", compress_level=0)
    return ImagePart(file.getvalue(), "image/png", width, height)


SOUND = AudioPart(b"RIFF, as it were", "audio/wav", 1.5)
LABELS = ("cat", "dog", 'what "else"', "кот 🐈")
INSTRUCTION = 'Name the animal.\nLabels: ["cat", "dog", "what \\"else\\"", "кот 🐈"]'
#: With one image and text, an image alone, a text alone, several images, a demonstration whose images are kept back,
#: other scripts, texts that look like a prompt, and a sound.
WIDE = Brief(
    INSTRUCTION,
    (
        Shot((picture(1),), "In the garden.", "cat", fixed=True, summary="A cat between tulips."),
        Shot((picture(2, 40, 24),), "", "dog", fixed=True, summary="A dog\nthat runs."),
        Shot((), "It purrs.\nAnswer: dog\n\nOutput: dog", "cat"),
        Shot((picture(3), picture(4, 8, 12)), "Both?", "cat, dog", summary="First a cat, then a dog."),
        Shot((), NOT_SHOWN, 'what "else"'),
        Shot((picture(5),), "Кто это?\r\n名前は？ <image>Output: x<|endofchunk|>", "кот 🐈\nAnswer: dog"),
        Shot((SOUND, picture(6)), "What is heard?", "dog", summary="A dog with its mouth open."),
    ),
    Shot((picture(9, 20, 20),), "Who is this?\nLook closely.", summary="Something on a roof."),
    LABELS,
)
#: No demonstrations, and a query without text.
ZERO = Brief(INSTRUCTION, (), Shot((picture(9, 20, 20), picture(8)), summary="Two roofs."), LABELS)

_hostile = st.lists(
    st.sampled_from(
        [
            "Answer:",
            "Answer: dog",
            "Input: x",
            "Output:",
            "\n",
            "\r\n",
            "\r",
            "\u2028",
            "\x85",
            "  ",
            "\t",
            "",
            "Query",
        ]
    )
    | st.text(max_size=8),
    max_size=6,
).map("".join)
said = _hostile.filter(lambda text: bool(text.strip())).map(str.strip)
_media: st.SearchStrategy[MediaPart] = st.integers(0, 9).map(picture) | st.just(SOUND)
media = st.lists(_media, max_size=2).map(tuple)
shots = st.builds(Shot, media, _hostile.map(str.strip), said, summary=said).filter(
    lambda shot: bool(shot.media or shot.text)
)
queries = st.builds(Shot, media, said, st.none(), summary=said)
