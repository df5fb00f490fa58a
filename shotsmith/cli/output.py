"""What every command shares: the engine, the console, errors."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..domain.errors import InvalidParameter, ShotsmithError

if TYPE_CHECKING:
    from rich.console import Console

    from ..engine import Engine
    from ..settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder", help='"embedded", "clip", "open_clip:MODEL/PRETRAINED", "sentence-transformers:NAME".'
    ),
]


@dataclass
class Session:
    """Options given before the command."""

    data_dir: Path | None = None


session = Session()


def settings(**given: Any) -> Settings:
    """The settings, with what the command line gave on top."""
    from ..settings import Settings

    chosen = {name: value for name, value in given.items() if value is not None}
    if session.data_dir is not None:
        chosen["data_dir"] = session.data_dir
    return Settings.read(**chosen)


def engine(**given: Any) -> Engine:
    """An engine for one command."""
    from ..engine import Engine

    return Engine(settings(**given))


def console() -> Console:
    """Standard output for people."""
    from rich.console import Console

    return Console(highlight=False)


def progress_console() -> Console:
    """Standard error, where progress goes so that output can be piped."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def fail(error: ShotsmithError, *, as_json: bool) -> None:
    """Show an error."""
    if as_json:
        typer.echo(json.dumps(error.problem(), ensure_ascii=False), err=True)
        return
    from rich.markup import escape

    progress_console().print(f"[bold red]error[/] {escape(str(error))}", soft_wrap=True)


def emit(line: dict[str, Any]) -> None:
    """One JSON line, at once."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def keyed(pairs: list[str], option: str) -> dict[str, Any]:
    """NAME=VALUE options; values are JSON where they parse as JSON, else text.

    Raises:
        InvalidParameter: Something without an equals sign.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise InvalidParameter(
                "not NAME=VALUE", field=option, value=pair, mend="Write, e.g., modality=text"
            )
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def writable(option: str, path: Path | None) -> None:
    """Refuse a file that cannot be written, before anything is done for it. Raises InvalidParameter."""
    if path is None:
        return
    there = path.exists()
    try:
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise InvalidParameter(
            f"the file cannot be written: {error.strerror}",
            field=option,
            value=str(path),
            mend="Name another",
        ) from None
