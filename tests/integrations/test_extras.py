from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


def child(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_package_itself_loads_no_framework() -> None:
    loaded = child("import sys, shotsmith.integrations; print(*sys.modules)").split()
    assert "shotsmith.integrations" in loaded
    assert {"langchain_core", "dspy"}.isdisjoint(loaded)


@pytest.mark.parametrize(("module", "package"), [("langchain", "langchain_core"), ("dspy", "dspy")])
def test_a_missing_extra_says_how_to_install_it(module: str, package: str) -> None:
    said = child(
        f"""
        import sys
        from shotsmith.domain.errors import MissingExtra

        sys.modules[{package!r}] = None
        try:
            import shotsmith.integrations.{module}
        except MissingExtra as error:
            print(error)
        """
    )
    assert said.startswith(f"shotsmith.integrations.{module}: the adapter needs the package {package}")
    assert said.endswith(f"pip install 'shotsmith[{module}]'")
