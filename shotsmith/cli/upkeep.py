"""`shotsmith serve`, `doctor` and `demo`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .output import EncoderOption, Json, console, engine, progress_console, settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default="8080")] = None,
    encoder: EncoderOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Log JSON lines even in a terminal.")] = False,
) -> None:
    """Serve the REST API; its documentation is at /docs."""
    from ..service import serve as run

    chosen = settings(host=host, port=port, encoder=encoder, log_format="json" if as_json else None)
    out = progress_console()
    if not as_json:
        out.print(f"Shotsmith on http://{chosen.host}:{chosen.port} (documentation at /docs)")
    if chosen.host not in ("127.0.0.1", "::1", "localhost"):
        out.print(
            "There are no API keys yet: whoever reaches this address can read and change every pool",
            style="bold red",
        )
    run(chosen)


def doctor(
    repair: Annotated[bool, typer.Option(help="Mend the index, which can always be rebuilt.")] = False,
    as_json: Json = False,
) -> None:
    """Compare database, images and vector index; exit 1 when they differ."""
    with engine() as opened:
        found = opened.doctor(repair=repair)
    if as_json:
        typer.echo(
            json.dumps([{**asdict(one), "sound": one.sound} for one in found], indent=2, ensure_ascii=False)
        )
    else:
        from rich.markup import escape

        out = console()
        for one in found:
            if one.sound:
                out.print(
                    f"[green]sound[/] {one.pool}: {one.examples:,} examples, all indexed, all images intact"
                )
                continue
            for what in ("missing", "stale", "ghosts", "lost_blobs"):
                if ids := getattr(one, what):
                    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
                    out.print(f"[red]{what}[/] {one.pool}: {escape(', '.join(ids[:3]))}{more}")
            if one.unreadable:
                out.print(f"[red]unreadable[/] {one.pool}: {escape(one.unreadable)}")
            if one.pending:
                out.print(f"[red]pending[/] {one.pool}: {one.pending:,} changes wait for the index")
            if one.lost_blobs:
                out.print("import the originals of lost images again; nothing else brings them back")
            if one.repaired:
                out.print(f"[yellow]repaired[/] the index of {one.pool}")
            elif one.pending or one.missing or one.stale or one.ghosts or one.unreadable:
                out.print("run `shotsmith doctor --repair`")
        if not found:
            out.print("no pools yet")
    if any(not one.sound and not (one.repaired and not one.lost_blobs) for one in found):
        raise typer.Exit(1)


def demo(
    out: Annotated[Path, typer.Option(help="Where the report and the demo's own data go.")] = Path("demo"),
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Ask this model instead of the offline baseline.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Do the whole job on a shipped image set: import, select, prompt, answer, compare, report."""
    from rich.console import Console

    from ..demo import run

    found = run(out=out, model=model, console=Console(quiet=True) if as_json else console())
    if as_json:
        body = {"report": str((out / "report.html").resolve()), **found.as_dict()}
        typer.echo(json.dumps(body, ensure_ascii=False))
