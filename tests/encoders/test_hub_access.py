"""Downloads, against a hub on the loopback, in a process whose environment names it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMES = ["tag", "native", "st", "short"]


@pytest.fixture(scope="module")
def story():
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "SENTENCE_"))
    }
    environment |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}
    environment |= {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent.parent)])}
    told = subprocess.run(
        [sys.executable, str(HERE / "hub_story.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout.splitlines()[-1])


def test_weights_are_downloaded_once(story):
    assert all(story[f"first {name}"]["asked"] > 0 for name in NAMES)
    assert {name: story[f"again {name}"]["asked"] for name in ("tag", "st")} == {"tag": 0, "st": 0}


def test_a_cached_model_needs_no_hub(story):
    for name in NAMES:
        assert story[f"gone {name}"]["id"] == story[f"first {name}"]["id"]


def test_ids_tell_model_revision_and_preprocessing(story):
    prep = story["local"]["id"].partition(":prep-")[2]
    assert story["first tag"]["id"] == f"open_clip/tiny-tagged/v1_x:prep-{prep}"
    assert story["first native"]["id"] == f"open_clip/hf-hub:org/native@0123456789ab:prep-{prep}"
    assert (
        story["first st"]["id"]
        == "sentence-transformers/org/st@0123456789ab:77-tokens:" + prep.partition(":")[2]
    )
    assert story["first short"]["id"].startswith(
        "sentence-transformers/sentence-transformers/short@0123456789ab"
    )


@pytest.mark.parametrize("name", ["missing tag", "missing native", "missing st"])
def test_what_the_hub_does_not_have_is_an_unknown_name(story, name):
    assert story[f"first {name}"]["error"] == "UnknownName"
    assert "HF_TOKEN" in story[f"first {name}"]["message"]


@pytest.mark.parametrize("name", ["missing tag", "missing native", "missing st"])
def test_an_unreachable_hub_is_one_clear_error_within_seconds(story, name):
    told = story[f"gone {name}"]
    assert told["error"] == "Unavailable"
    assert "Connection refused" in told["message"]
    assert "Run once with network access, or pass a local path: open_clip:ViT-B-32//path" in told["message"]
    assert "'embedded'" in told["message"]
    assert told["seconds"] < 10  # the hub's own client would retry for 25
