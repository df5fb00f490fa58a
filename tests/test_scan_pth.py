"""The scan for `.pth` files that run code at every start of Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "scan_pth.py"
SETUPTOOLS = (
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
    "enabled and __import__('_distutils_hack').add_shim(); "
)


def scan(root: Path, text: str) -> subprocess.CompletedProcess[str]:
    site = root / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (site / "some.pth").write_text(text, "utf-8")
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "text",
    ["", "/somewhere/src\n", "# import os\n", SETUPTOOLS, "import _virtualenv\n", "importlib_path\n"],
)
def test_paths_and_known_lines_pass(tmp_path: Path, text: str) -> None:
    assert scan(tmp_path, text).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "import base64; exec(base64.b64decode('...'))\n",
        "/somewhere/src\nimport\tsubprocess\n",
        "\ufeffimport subprocess\n",
        f"{SETUPTOOLS}import subprocess\n",
    ],
)
def test_unknown_code_fails_and_is_named(tmp_path: Path, text: str) -> None:
    result = scan(tmp_path, text)
    assert result.returncode == 1
    assert "some.pth: runs unknown code" in result.stderr
