from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from shotsmith.cli import app
from shotsmith.domain.errors import InvalidParameter


@pytest.fixture
def run(engine, hired):
    engine.close()
    settings = {"SHOTSMITH_INDEX_URL": "memory:", "SHOTSMITH_ENCODER": "fake", "COLUMNS": "100"}

    def run_(*arguments: str):
        command = ["--data-dir", str(hired.folder), "compare", "--pool", "p", "-k", "2", *arguments]
        return CliRunner().invoke(app, command, env=settings, catch_exceptions=True)

    return run_


def test_people_get_a_table_and_a_report(run, tmp_path):
    report = tmp_path / "report.html"
    done = run("-s", "rices", "-s", "rices(modality=text)", "--report", str(report))
    assert done.exit_code == 0, done.output
    for shown in ("RICES by text", "kNN vote", "majority class", "zero-shot", "not a vision-language model"):
        assert shown in done.stdout
    assert "RICES by text" in report.read_text("utf-8")


def test_machines_get_json_alone(run):
    done = run("--json", "--limit", "2", "--model", "fake/class 1")
    assert done.exit_code == 0, done.output
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["model"] == "fake/class 1"
    assert len(found["items"]) == 2
    assert [arm["name"] for arm in found["arms"]][-1] == "rices, k=2"


def test_a_report_that_cannot_be_written_is_known_before_anything_is_asked(run, tmp_path):
    done = run("--report", str(tmp_path / "no" / "report.html"))
    assert isinstance(done.exception, InvalidParameter)
    assert done.exception.field == "--report"
