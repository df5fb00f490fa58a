"""From a model's name to the facts about it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from .model import CacheFacts, ModelFacts, Provenance, RoleFacts
from .price_map import entry
from .sheet import File, Sheet, read, read_file

_ANY = "*"
# Who serves a model may allow less than who made it, and what the user writes stands.
_DEFAULT, _MODEL, _SERVER, _USER = range(4)
_OPTIONAL: dict[str, Any] = {"crowded": None, "price": None}


@cache
def built_in() -> dict[str, File]:
    """The files of the package, by name.

    Raises:
        InvalidParameter: One is not of the schema.
    """
    folder = resources.files(__package__)
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return {name: read((folder / name).read_text(encoding="utf-8"), name, override=False) for name in names}


def facts_of(model: str, overrides: Path | None = None) -> ModelFacts:
    """What is known about a model. Of several families that match its name, the most specific says most.

    Facts are taken one by one: from the user's file, then from who serves the model, then from the family whose
    pattern has the most literal characters, and so on to the conservative defaults. A window that no family gives is
    read from litellm's map.

    Args:
        model: A name that litellm knows, or any other.
        overrides: A TOML file of the user's, of the same schema; read again when it changes.

    Raises:
        InvalidParameter: The user's file cannot be read or is not of the schema.
    """
    if overrides is None:
        return _facts(model, None, ())
    return _facts(model, overrides, _stamp(overrides))


@lru_cache(maxsize=256)
def _facts(model: str, overrides: Path | None, stamp: tuple[int, ...]) -> ModelFacts:
    files = list(built_in().values())
    found = [match for file in files for match in _matches(file, model)]
    if overrides is not None:
        given = _user_file(overrides, stamp)
        found += [(_USER, *match[1:]) for match in _matches(given, model)]
    values: dict[str, Any] = dict(_OPTIONAL)
    provenance: dict[str, Provenance] = {}
    known = False
    # Patterns as specific as each other in two files would be told apart by the files' names only; a test forbids it.
    for _, _, sheet, file in sorted(found, key=lambda match: match[:2]):
        known = known or not (sheet.server or _ANY in sheet.match)
        for name, fact in sheet.facts.items():
            source = file.sources.get(fact.source)
            title = fact.source if source is None else f"{source.title} {source.url}".strip()
            values[name] = fact.value
            provenance[name] = Provenance(title, fact.date, fact.note)
    return _assembled(model, known, values, provenance)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()  # reading it tells what is wrong
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=4)
def _user_file(path: Path, stamp: tuple[int, ...]) -> File:
    return read_file(path)


def _matches(file: File, model: str) -> list[tuple[int, int, Sheet, File]]:
    name = model.lower()
    matches = []
    for sheet in file.models:
        lengths = [_literals(pattern) for pattern in sheet.match if fnmatchcase(name, pattern)]
        if lengths:
            layer = _DEFAULT if _ANY in sheet.match else _SERVER if sheet.server else _MODEL
            matches.append((layer, max(lengths), sheet, file))
    return matches


def _literals(pattern: str) -> int:
    """How specific a pattern is: its characters but wildcards; a set in brackets counts as one."""
    return len(re.sub(r"\[[^\]]*\]", "x", pattern).replace("*", "").replace("?", ""))


def _assembled(
    model: str, known: bool, values: dict[str, Any], provenance: dict[str, Provenance]
) -> ModelFacts:
    mapped = (entry(model) or {}).get("max_input_tokens")
    if provenance["context_window"].source == "conservative" and isinstance(mapped, int) and mapped > 0:
        values["context_window"] = mapped
        provenance["context_window"] = Provenance("litellm's map of models", None, "")
    warnings: tuple[str, ...] = ()
    if not known:
        warnings = (
            f"nothing is known about the model {model}: its limits and token counts are careful guesses; "
            "name a file that knows them in SHOTSMITH_FACTS",
        )
    flat = {name: value for name, value in values.items() if "." not in name}
    return ModelFacts(
        model=model,
        known=known,
        cache=CacheFacts(**_group(values, "cache.")),
        roles=RoleFacts(**_group(values, "roles.")),
        provenance=dict(sorted(provenance.items())),
        warnings=warnings,
        **flat,
    )


def _group(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
