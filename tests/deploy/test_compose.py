"""The compose file and the Dockerfile as data: what would fail only on a machine with Docker."""

from __future__ import annotations

import http.server
import re
import shutil
import subprocess
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from shotsmith.retrieval.encoders import canonical
from shotsmith.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE)
SERVICES: dict[str, Any] = DOCUMENT["services"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def substituted(value: str) -> str:
    """A value as compose would fill it in: defaults, and "secret" for what is required."""
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "secret", value)


def pinned(image: str) -> bool:
    """Whether an image names a version."""
    _, _, tag = image.partition(":")
    return bool(re.search(r"\d", tag))


@pytest.mark.parametrize("text", [COMPOSE, DOCKERFILE], ids=["compose", "dockerfile"])
def test_every_variable_is_a_setting(text: str) -> None:
    names = set(re.findall(r"SHOTSMITH_[A-Z_]+", text))
    assert names
    assert names <= {f"SHOTSMITH_{field.upper()}" for field in Settings.model_fields}


def test_the_environment_makes_valid_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["api"]["environment"].items():
        if name.startswith("SHOTSMITH_"):
            monkeypatch.setenv(name, substituted(value))
    settings = Settings()
    database = make_url(settings.database_url or "")
    server = SERVICES["database"]["environment"]
    assert (database.host, database.password) == ("database", "secret")
    assert (database.username, database.database) == (server["POSTGRES_USER"], server["POSTGRES_DB"])
    assert settings.index_url == "http://index:6333"
    assert canonical(settings.encoder or "").startswith("open_clip:")


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_pinned_healthy_and_restarts(name: str) -> None:
    service = SERVICES[name]
    assert pinned(service["image"])
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_volumes_are_declared_and_used() -> None:
    used = {
        volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])
    }
    assert used == set(DOCUMENT["volumes"])


def test_the_api_waits_for_healthy_services() -> None:
    waits = SERVICES["api"]["depends_on"]
    assert waits == {name: {"condition": "service_healthy"} for name in SERVICES if name != "api"}


def test_secrets_come_from_the_environment() -> None:
    secrets = {
        name: value
        for service in SERVICES.values()
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|KEY|TOKEN|SECRET", name)
    }
    assert secrets
    assert all(value is None or re.fullmatch(r"\$\{\w+:\?.+\}", value) for value in secrets.values()), secrets


def test_build_arguments_exist() -> None:
    arguments = SERVICES["api"]["build"]["args"]
    assert set(arguments) <= set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.M))
    assert set(arguments["EXTRAS"].split(",")) <= set(PROJECT["optional-dependencies"])
    # The encoder and the database URL above need these.
    assert {"clip", "postgres"} <= set(arguments["EXTRAS"].split(","))


def test_the_index_server_fits_its_pinned_client() -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    (client,) = re.findall(r"^qdrant-client==1\.(\d+)", constraints, re.M)
    (server,) = re.findall(r":v1\.(\d+)", SERVICES["index"]["image"])
    assert abs(int(client) - int(server)) <= 1


def test_base_images_are_pinned_and_supported() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert len(images) == 2
    assert all(pinned(image) for image in images)
    (version,) = {re.search(r"python:3\.(\d+)", image)[1] for image in images}  # type: ignore[index]
    oldest = int(PROJECT["requires-python"].removeprefix(">=3."))
    assert int(version) >= oldest


def test_copied_files_exist_and_reach_the_build() -> None:
    copied = [
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M) for name in line.split()
    ]
    mounted = re.findall(r"--mount=type=bind,source=([^,]+)", DOCKERFILE)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied
    assert mounted
    assert all((ROOT / name).exists() for name in copied + mounted)
    assert {*copied, *mounted} == allowed


def test_the_image_runs_as_a_user_with_a_health_check() -> None:
    assert re.search(r"^USER shotsmith$", DOCKERFILE, re.M)
    assert re.search(r"^VOLUME /data$", DOCKERFILE, re.M)
    (port,) = re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.M)
    url = f"http://127.0.0.1:{port}/healthz"
    assert re.search(rf'^HEALTHCHECK .*\\\n\s+CMD \["python", .*{url}', DOCKERFILE, re.M)
    assert url in SERVICES["api"]["healthcheck"]["test"][-1]
    assert f'"--port", "{port}"' in DOCKERFILE
    assert SERVICES["api"]["command"][-1] == port
    assert SERVICES["api"]["ports"][0].endswith(f":{port}")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_index_health_check_reads_the_status(status: int, code: int) -> None:
    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Ready) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        _, *command = SERVICES["index"]["healthcheck"]["test"]
        command[-1] = command[-1].replace("6333", str(server.server_port))
        assert subprocess.run(command, check=False, timeout=20).returncode == code
        thread.join()
