"""Sounds and videos from end to end: every way in, every database, and what a provider is sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx2
import pytest
from clips import clip, film
from openai_server import OpenAIServer, completion
from pictures import encoded, picture
from serving import served

from shotsmith import Client
from shotsmith.engine import Engine
from shotsmith.service import create_app
from shotsmith.settings import Settings

Shell = Callable[..., CompletedProcess[str]]
MODEL = "openai/gpt-4o-audio-preview"


@pytest.fixture
def clips_folder(tmp_path: Path) -> Path:
    """A folder of six clips in two classes, a video and a note."""
    root = tmp_path / "clips"
    for number in range(6):
        place = root / f"word {number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.wav").write_bytes(clip(number))
    (root / "word 0" / "6.mp4").write_bytes(film(6, frames=10))
    (root / "word 1" / "notes.txt").write_text("not a clip")
    return root


@pytest.fixture
def asked_clip(tmp_path: Path) -> Path:
    path = tmp_path / "query.wav"
    path.write_bytes(clip(50))
    return path


def arrived(body: Any) -> tuple[list[bytes], int]:
    """The sounds of a request in order, and how many images it has."""
    parts = [
        part
        for message in body["messages"]
        if not isinstance(message["content"], str)
        for part in message["content"]
    ]
    heard = [part["input_audio"] for part in parts if part["type"] == "input_audio"]
    assert {one["format"] for one in heard} <= {"wav"}
    images = sum(part["type"] == "image_url" for part in parts)
    return [base64.b64decode(one["data"]) for one in heard], images


def test_a_folder_of_clips_is_asked_about(
    shell: Shell, provider: OpenAIServer, clips_folder: Path, asked_clip: Path
) -> None:
    done = shell("import", "mediafolder", clips_folder, "--pool", "p", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["added"] == 7
    provider.enqueue(completion("word 1"))
    options = ["ask", "--pool", "p", "--media", asked_clip, "-s", "random", "-k", "7", "--model", MODEL]
    answer = json.loads(
        shell(*options, "--api-base", provider.url, "--json", OPENAI_API_KEY="sk-test").stdout
    )
    assert answer["answer"] == "word 1"
    (request,) = provider.requests
    heard, images = arrived(request.json)
    shown = [shot["id"] for shot in answer["manifest"]["demonstrations"]]
    expected = [(clips_folder / id).read_bytes() for id in shown if id.endswith(".wav")]
    assert heard == [*expected, clip(50)]
    assert len(expected) == 6
    # A model that hears and does not see: the video is left out, and the manifest says why.
    assert images == 0
    (dropped,) = answer["manifest"]["dropped"]
    assert dropped["id"] == "word 0/6.mp4"
    assert "images per request" in dropped["reason"]


def test_images_alone_pass_over_clips(shell: Shell, clips_folder: Path) -> None:
    done = shell("import", "imagefolder", clips_folder, "--pool", "q", check=False)
    assert "holds no image" in done.stderr


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_way_in_gives_the_same_pool_on_every_database(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres").fresh_url() if database == "postgresql" else None
    lines = tmp_path / "clips.jsonl"
    for number in range(4):
        (tmp_path / f"{number}.wav").write_bytes(clip(number))
    (tmp_path / "film.mp4").write_bytes(film(9, frames=10))
    rows = [
        {"id": f"e{number}", "audio": f"{number}.wav", "text": "Who?", "label": f"s{number % 2}"}
        for number in range(4)
    ]
    rows.append({"id": "film", "video": "film.mp4", "text": "Who?", "label": "s1"})
    lines.write_text("\n".join(map(json.dumps, rows)))

    settings = Settings.read(
        data_dir=tmp_path / "data", encoder="fake", database_url=url, index_url="memory:"
    )
    with Engine(settings) as engine, served(create_app(engine=engine)) as address:
        from shotsmith.importers import open_importer

        engine.create_pool("imported")
        engine.add_all("imported", open_importer("jsonl", lines).read())
        with Client(url=address) as client, httpx2.Client(base_url=address, timeout=30) as http:
            client.create_pool("sdk")
            files = [tmp_path / f"{number}.wav" for number in range(4)] + [tmp_path / "film.mp4"]
            client.add(
                "sdk",
                [
                    {"id": row["id"], "media": [file], "text": row["text"], "label": row["label"]}
                    for row, file in zip(rows, files, strict=True)
                ],
            )
            client.create_pool("uploaded")
            for row, file in zip(rows, files, strict=True):
                fields = {name: row[name] for name in ("id", "text", "label")}
                sent = http.post(
                    "/v1/pools/uploaded/uploads",
                    files=[("media", (file.name, file.read_bytes()))],
                    data={"example": json.dumps(fields)},
                )
                assert sent.status_code == 201, sent.text
            pools = [client.pool(name) for name in ("imported", "sdk", "uploaded")]
            assert len({pool.version for pool in pools}) == 1
            for name in ("imported", "sdk", "uploaded"):
                found = {one.id: one.media[0] for one in client.examples(name)}
                assert (found["e2"].kind, found["e2"].seconds, found["e2"].mime) == (
                    "audio",
                    0.25,
                    "audio/wav",
                )
                assert (found["film"].kind, found["film"].seconds) == ("video", 1.0)
            stored = http.get(f"/v1/images/{found['e2'].sha256}")
            assert stored.content == clip(2)
            assert stored.headers["content-type"] == "audio/wav"

            asked = {"media": [clip(60)], "text": "Who?", "selector": "rices(modality=text)", "k": 5}
            prompts = [client.prompt(name, **asked) for name in ("imported", "sdk", "uploaded")]
            assert prompts[0].messages == prompts[1].messages == prompts[2].messages
            heard, images = arrived({"messages": prompts[0].messages})
            assert sorted(heard[:-1]) == sorted(clip(number) for number in range(4))
            assert heard[-1] == clip(60)
            assert images == 8
            guarded = client.select("sdk", media=[clip(2)], text="Who?", selector="all", k=9)
            assert [one.id for one in guarded.removed] == ["e2"]
        assert all(checkup.sound for checkup in engine.doctor())


def test_bad_files_are_one_clear_problem(tmp_path: Path) -> None:
    settings = Settings.read(data_dir=tmp_path / "data", encoder="fake", index_url="memory:")
    with Engine(settings) as engine, served(create_app(engine=engine)) as address:
        engine.create_pool("p")
        with httpx2.Client(base_url=address, timeout=30) as http:

            def upload(name: str, data: bytes, field: str = "media") -> dict[str, Any]:
                given = {"example": json.dumps({"label": "x"})}
                answer = http.post("/v1/pools/p/uploads", files=[(field, (name, data))], data=given)
                assert answer.status_code == 422
                return answer.json()

            assert "truncated" in upload("a.wav", clip(1)[:-9])["detail"]
            assert upload("a.wav", clip(1), "images")["type"] == "urn:shotsmith:invalid-media"
            assert "the content is image/png" in upload("a.mp3", encoded(picture(1)))["detail"]
            nothing = http.post("/v1/pools/p/uploads", data={"example": json.dumps({"label": "x"})})
            assert nothing.json()["field"] == "images"
            body = {"examples": [{"label": "x", "media": ["/etc/passwd"]}]}
            assert "not where it is" in http.post("/v1/pools/p/examples", json=body).json()["detail"]
        assert engine.pool("p").size == 0


def test_csv_names_sounds_in_a_column(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(clip(1))
    (tmp_path / "b.wav").write_bytes(clip(2))
    table = tmp_path / "clips.csv"
    table.write_text("audio,media,text,label\na.wav,,Who?,ann\n,a.wav;b.wav,Who?,both\n")
    shell("import", "csv", table, "--pool", "p")
    with Client(path=tmp_path / ".shotsmith") as client:
        counts = {one.labels[0]: len(one.media) for one in client.examples("p")}
    assert counts == {"ann": 1, "both": 2}
    table.write_text("video,text,label\na.wav,Who?,ann\n")
    done = shell("import", "csv", table, "--pool", "q", check=False)
    assert "a sound, not a video" in done.stderr
    assert "Traceback" not in done.stderr
