"""The outer faces behind one question: what is asked goes in, and JSON or a refusal comes out."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
import typer.main
from pydantic import BaseModel

from shotsmith import AsyncClient, Client, cli
from shotsmith.domain.errors import ShotsmithError

#: Quick settings without a file of the index, so that several engines may share one data directory.
SETTINGS = {
    "SHOTSMITH_ENCODER": "fake",
    "SHOTSMITH_INDEX_URL": "memory:",
    "SHOTSMITH_MODEL": "fake/3 > 1 > 2",  # says the same to everything: a ranking, a rating and a description
    "COLUMNS": "200",
}
CLIENTS = ("sdk in process", "sdk over http", "async in process", "async over http")
WAYS = ("command line", "rest", *CLIENTS)
JSON = {"content-type": "application/json"}
_PATHS = {"select": "/v1/selections", "prompt": "/v1/prompts"}
_built = cache(typer.main.get_command)  # building the commands takes longer than most of them


class Refusal(Exception):
    """What a face answered instead: a problem, and what its kind says of the outcome."""

    def __init__(self, problem: Mapping[str, Any], outcome: object) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.outcome = outcome


class Done(NamedTuple):
    code: int
    out: str
    err: str


def compact(text: str) -> str:
    """JSON without spaces between its parts, as the service sends it; the order of names stays."""
    return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Shell:
    """Command lines in this process, on one data directory."""

    data: Path
    scratch: Path

    def __call__(self, *arguments: object) -> Done:
        # Encoded as a real standard output is: half a surrogate pair cannot be printed.
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
        command = ["shotsmith", "--data-dir", str(self.data), *map(str, arguments)]
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            settle(patch)
            patch.chdir(self.scratch)
            patch.setattr(sys, "argv", command)
            patch.setattr(typer.main, "get_command", _built)
            try:
                cli.main()
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
        return Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))

    def file(self, name: str, content: str) -> Path:
        """A file in the directory the commands run in."""
        path = self.scratch / name
        path.write_text(content, encoding="utf-8")
        return path

    def json(self, *arguments: object) -> str:
        """What a command printed, compact. Raises Refusal."""
        done = self(*arguments)
        if done.code:
            assert not done.out
            raise Refusal(json.loads(done.err), done.code)
        return compact(done.out)


def settle(patch: pytest.MonkeyPatch) -> None:
    """The settings above, for as long as the patch lasts."""
    for name, value in SETTINGS.items():
        patch.setenv(name, value)


Way = Callable[..., str]


def by_command_line(shell: Shell) -> Way:
    """`shotsmith select` and `prompt`; a recipe that is no text goes by file, fields go by options."""
    options = {"selector": "-s", "k": "-k", "order": "--order", "seed": "--seed", "dialect": "--dialect"}

    def ask(step: str, question: Mapping[str, Any], recipe: Any = None, **fields: Any) -> str:
        given: list[object] = [step, "--pool", "p", "--json"]
        for name, value in question.items():
            if name == "image":
                shell.scratch.joinpath("query.png").write_bytes(value)
                given += ["--image", "query.png"]
            elif name == "metadata":
                for key, fact in value.items():
                    given += ["--meta", f"{key}={fact if isinstance(fact, str) else json.dumps(fact)}"]
            else:
                given += [f"--{name}", value]
        if recipe is not None:
            text = isinstance(recipe, str)
            given += ["--recipe", recipe if text else shell.file("recipe.json", json.dumps(recipe))]
        for name, value in fields.items():
            given += [options[name], value]
        return shell.json(*given)

    return ask


def by_rest(url: str) -> Way:
    """POST /v1/selections and /v1/prompts, word for word what the service sends."""

    def ask(step: str, question: Mapping[str, Any], recipe: Any = None, **fields: Any) -> str:
        query = dict(question)
        if "image" in query:
            query["images"] = [base64.b64encode(query.pop("image")).decode()]
        body: dict[str, Any] = {"pool": "p", "query": query}
        if recipe is not None or fields:
            body["recipe"] = {**recipe, **fields} if fields else recipe
        response = httpx2.post(url + _PATHS[step], content=json.dumps(body), headers=JSON, timeout=60)
        if response.is_success:
            return response.text
        raise Refusal(response.json(), response.status_code)

    return ask


def by_client(client: Client) -> Way:
    """Methods of `Client`."""

    def ask(step: str, question: Mapping[str, Any], recipe: Any = None, **fields: Any) -> str:
        try:
            found: BaseModel = getattr(client, step)("p", **question, recipe=recipe, **fields)
        except ShotsmithError as error:
            raise Refusal(error.problem(), error.status) from None
        return found.model_dump_json()

    return ask


def by_async_client(**where: Any) -> Way:
    """Methods of `AsyncClient`, which is opened for each call."""

    def ask(step: str, question: Mapping[str, Any], recipe: Any = None, **fields: Any) -> str:
        async def asked() -> BaseModel:
            async with AsyncClient(**where) as client:
                found: BaseModel = await getattr(client, step)("p", **question, recipe=recipe, **fields)
                return found

        with pytest.MonkeyPatch.context() as patch:
            settle(patch)
            try:
                return asyncio.run(asked()).model_dump_json()
            except ShotsmithError as error:
                raise Refusal(error.problem(), error.status) from None

    return ask
