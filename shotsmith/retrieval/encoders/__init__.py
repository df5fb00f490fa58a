"""Encoders: pictures and texts as unit vectors. `open_encoder` is the front door.

A spec is `name` or `name:argument`. The name is an alias or a registered encoder (entry points
`shotsmith.encoders`, each a `load(argument: str) -> Encoder`); what the argument means is the encoder's own business.

    embedded                                ships with the package: no download, no torch
    colour-hog                              no weights at all
    clip                                    alias of open_clip:ViT-B-32/laion2b_s34b_b79k
    open_clip:ViT-L-14/path/to/weights.pt   see `open_clip`
    sentence-transformers:all-MiniLM-L6-v2  see `sentence_transformers`
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from ... import registry
from ...domain.errors import InvalidParameter, UnknownName
from ...domain.names import hint
from ...domain.protocols import Encoder

ALIASES = {"clip": "open_clip:ViT-B-32/laion2b_s34b_b79k"}


def canonical(spec: str) -> str:
    """The spec with its alias resolved; equal results load the same encoder.

    Raises:
        UnknownName: No encoder has that name; the mend suggests the nearest one.
        InvalidParameter: An alias is followed by an argument.
    """
    name, _, argument = spec.strip().partition(":")
    if name in ALIASES:
        if argument:
            raise InvalidParameter(
                "an alias takes no argument",
                field="encoder",
                value=spec,
                mend=f"Write it out, as in {ALIASES[name]}",
            )
        return ALIASES[name]
    known = registry.names("encoders")
    if name not in known:
        offered = sorted([*ALIASES, *known])
        raise UnknownName(
            "unknown encoder",
            field="encoder",
            value=name,
            mend=f"{hint(name.lower(), offered)}Known: {', '.join(offered)}",
        )
    return f"{name}:{argument}" if argument else name


def open_encoder(spec: str) -> Encoder:
    """The encoder for a spec, loaded once per process. Thread-safe; a failed load is tried again next time.

    Raises:
        UnknownName: No encoder, model or pretrained tag has that name.
        InvalidParameter: The argument makes no sense, or what it points to cannot be loaded.
        MissingExtra: The encoder needs an optional dependency.
        Unavailable: Its weights must be downloaded and cannot be.
    """
    key = canonical(spec)
    with _guard:
        slot = _slots.setdefault(key, _Slot())
    # One lock a spec: a long download must not hold up an encoder that is ready.
    with slot.lock:
        if slot.encoder is None:
            name, _, argument = key.partition(":")
            slot.encoder = registry.load("encoders", name)(argument)
        return slot.encoder


@dataclass(slots=True)
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    encoder: Encoder | None = None


_guard = threading.Lock()
_slots: dict[str, _Slot] = {}
