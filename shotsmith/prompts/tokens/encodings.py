"""OpenAI's tokenisers, from the vocabularies that litellm ships: nothing is downloaded."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from ..facts.price_map import litellm_folder

Tokenise = Callable[[str], list[int]]


class _Vocabulary(NamedTuple):
    """A vocabulary file, named as tiktoken caches it, by the sha1 of its address; the pattern splits text."""

    file: str
    sha256: str
    pattern: str


_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_VOCABULARIES = {
    "cl100k_base": _Vocabulary(
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
        r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    ),
    "o200k_base": _Vocabulary(
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + _ENDING + "|"
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + _ENDING + "|"
        r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
}


@cache
def encoding(name: str) -> Tokenise | None:
    """The tokeniser of that name; None where tiktoken or the vocabulary is not installed, or is another file.

    The first call of a process takes about a second.
    """
    known, folder = _VOCABULARIES[name], litellm_folder()
    if folder is None:
        return None
    try:
        import tiktoken

        data = (folder / "litellm_core_utils" / "tokenizers" / known.file).read_bytes()
    except (ImportError, OSError):
        return None
    if hashlib.sha256(data).hexdigest() != known.sha256:
        return None
    ranks = {
        base64.b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines())
    }
    tokeniser = tiktoken.Encoding(name=name, pat_str=known.pattern, mergeable_ranks=ranks, special_tokens={})
    return tokeniser.encode_ordinary
