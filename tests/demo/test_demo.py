from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from pictures import encoded, picture
from PIL import Image
from rich.console import Console

from shotsmith import demo
from shotsmith.domain.errors import Unavailable


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty drawings instead of a thousand."""
    folder = tmp_path / "clipart"
    folder.mkdir()
    lines = []
    for number in range(50):
        (folder / f"{number}.png").write_bytes(encoded(picture(number, hue=number % 4)))
        record = {"id": f"e{number:02d}", "image": f"{number}.png", "label": f"kind {number % 4}"}
        lines.append(
            json.dumps({**record, "text": f"thing {number}", "split": "train" if number < 18 else "test"})
        )
    (folder / "examples.jsonl").write_text("\n".join(lines), "utf-8")
    monkeypatch.setattr(demo, "DATA", folder / "examples.jsonl")
    monkeypatch.setattr(demo, "SHOTS", (1, 2))


def told(out: Path, **options) -> str:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    demo.run(out=out, console=console, **options)
    return console.file.getvalue()


def test_the_demo_does_the_whole_job_twice(few, tmp_path):
    out = tmp_path / "out"
    first = told(out)
    assert "50 new" in first
    assert "not a vision-language model" in first
    for step in ("1. Import", "2. Select", "3. Prompt", "4. Answer and compare", "5. Advise"):
        assert step in first
    last = first.splitlines()[-3:]
    assert [line.split()[0] for line in last] == ["Report:", "Found:", "Next:"]
    with Image.open(out / "contact-sheet.png") as sheet:
        assert sheet.format == "PNG"
    report = (out / "report.html").read_text("utf-8")
    assert "RICES by text" in report
    advice = (out / "advice.html").read_text("utf-8")
    assert "Read this first" in advice
    assert "baseline from the literature" in advice
    again = told(out)
    assert "nothing new" in again
    assert again.splitlines()[-2] == last[1]


def test_the_demo_asks_a_named_model(few, tmp_path):
    shown = told(tmp_path / "out", model="fake/kind 1")
    assert "fake/kind 1" in shown
    assert "offline/knn-vote" not in shown


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="folder"):
        told(tmp_path / "file" / "out")


def test_the_shipped_set_is_complete():
    records = [json.loads(line) for line in demo.DATA.read_text("utf-8").splitlines()]
    assert len(records) > 1000
    assert {record["split"] for record in records} == {"train", "test"}
    assert all((demo.DATA.parent / record["image"]).is_file() for record in records)
    train, test = (
        {r["group"] for r in records if r["split"] == s and r.get("group")} for s in ("train", "test")
    )
    assert not train & test
