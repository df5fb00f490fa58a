"""The packages that people wait for at every command import without the heavy ones, and quickly."""

import subprocess
import sys

import pytest

MODULES = ["shotsmith", "shotsmith.cli", "shotsmith.service"]
HEAVY = {"litellm", "torch", "open_clip", "sentence_transformers", "onnxruntime", "qdrant_client", "ray"}
CPU_SECONDS = {"shotsmith": 0.5, "shotsmith.cli": 0.5, "shotsmith.service": 3.0}


def child(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("module", MODULES)
def test_heavy_packages_stay_out(module):
    loaded = child(f"import sys, {module}; print(*sys.modules)").split()
    assert module in loaded
    assert HEAVY.isdisjoint(loaded)


@pytest.mark.parametrize("module", MODULES)
def test_import_is_quick(module):
    # CPU time, the best of three: what other processes do meanwhile should not count.
    code = f"import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
    assert min(float(child(code)) for _ in range(3)) < CPU_SECONDS[module]
