"""`shotsmith ask` against an OpenAI-compatible server: what arrives, and what comes back."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from openai_server import completion

KEY = "sk-planted-4242"


def test_the_provider_gets_what_the_manifest_says(
    shell, provider, folder: Path, query: Path, tmp_path: Path
) -> None:
    shell("import", "imagefolder", folder, "--pool", "p", "--instruction", "Which class is it?")
    provider.enqueue(
        completion("class 1.", usage={"prompt_tokens": 900, "completion_tokens": 4, "total_tokens": 904})
    )
    arguments = ["ask", "--pool", "p", "--image", query, "-k", "4", "--model", "openai/gpt-4o-mini"]
    arguments += ["--api-base", provider.url, "--set", "temperature=0", "--json"]
    done = shell(*arguments, OPENAI_API_KEY=KEY)
    answer = json.loads(done.stdout)
    assert (answer["answer"], answer["text"]) == ("class 1", "class 1.")
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (900, 4)
    assert answer["cost_usd"] > 0

    (received,) = provider.requests
    assert received.headers["authorization"] == f"Bearer {KEY}"
    sent = received.json
    assert sent["temperature"] == 0
    manifest = answer["manifest"]
    roles = [message["role"] for message in sent["messages"]]
    assert roles == ["system"] + ["user", "assistant"] * 4 + ["user"]
    users = [message for message in sent["messages"] if message["role"] == "user"]
    expected = [shot["images"][0]["sha256"] for shot in manifest["demonstrations"]]
    expected.append(manifest["query"]["images"][0]["sha256"])
    arrived = []
    for message in users:
        (part,) = [part for part in message["content"] if part["type"] == "image_url"]
        head, _, data = part["image_url"]["url"].partition(",")
        assert head == "data:image/png;base64"
        arrived.append(hashlib.sha256(base64.b64decode(data)).hexdigest())
    assert arrived == expected
    # Clean and small, so every picture travels exactly as it was imported.
    by_id = {shot["id"]: shot["images"][0]["sha256"] for shot in manifest["demonstrations"]}
    for id, sha256 in by_id.items():
        assert hashlib.sha256((folder / id).read_bytes()).hexdigest() == sha256
    said = [message["content"] for message in sent["messages"] if message["role"] == "assistant"]
    assert said == [shot["answer"] for shot in manifest["demonstrations"]]
    assert "Which class is it?" in json.dumps(sent["messages"][0])

    again = json.loads(shell(*arguments, OPENAI_API_KEY=KEY).stdout)
    assert again["from_ledger"]
    assert again["cost_usd"] == 0
    assert again["answer"] == "class 1"
    assert len(provider.requests) == 1

    for path in (tmp_path / ".shotsmith").rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()
    assert KEY not in done.stdout + done.stderr


def test_a_refused_call_is_one_line_without_secrets(shell, provider, folder: Path, query: Path) -> None:
    from openai_server import failure

    shell("import", "imagefolder", folder, "--pool", "p")
    provider.enqueue(failure(401, f"Incorrect API key provided: {KEY}"))
    arguments = ["ask", "--pool", "p", "--image", query, "--model", "openai/x", "--api-base", provider.url]
    done = shell(*arguments, check=False, OPENAI_API_KEY=KEY)
    assert done.returncode == 7
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    warned, failed = done.stderr.strip().splitlines()
    assert warned.startswith("warning: nothing is known about the model openai/x")
    assert failed.startswith("error")


def test_without_a_model_the_baseline_answers_and_says_so(shell, folder: Path, query: Path) -> None:
    shell("import", "imagefolder", folder, "--pool", "p")
    answer = json.loads(shell("ask", "--pool", "p", "--image", query, "--json").stdout)
    assert answer["answer"] == "class 1"
    assert answer["model"].startswith("offline/knn-vote")
    assert any("not a language model" in note for note in answer["notes"])
    again = json.loads(shell("ask", "--pool", "p", "--image", query, "--json").stdout)
    assert again["from_ledger"]
