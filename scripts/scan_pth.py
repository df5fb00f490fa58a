"""Fails when site-packages holds a `.pth` file that would run unknown code at every start of Python.

litellm 1.82.8 stole credentials that way. Run it with `-I -S`, so that it does not execute what it looks for:
`python -I -S scripts/scan_pth.py .venv`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

# Whole lines, because a name proves nothing.
KNOWN = (
    # setuptools
    r"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os\.environ\.get\(var, '(local|stdlib)'\) == 'local'; "
    r"enabled and __import__\('_distutils_hack'\)\.add_shim\(\);?",
    # virtualenv
    r"import _virtualenv",
    # editable installs by setuptools
    r"import (__editable___\w+_finder); \1\.install\(\)",
)


def unknown_lines(text: str) -> list[str]:
    """The lines of a `.pth` file that `site` would execute and that are not known."""
    executed = (line.strip() for line in text.splitlines() if line.startswith(("import ", "import\t")))
    return [line for line in executed if not any(re.fullmatch(known, line) for known in KNOWN)]


def main(root: str = ".venv") -> int:
    """Scan every site-packages folder below `root`; 1 when something unknown would be executed."""
    files = sorted(Path(root).glob("**/site-packages/*.pth"))
    bad = {file: unknown_lines(file.read_text("utf-8-sig", errors="replace")) for file in files}
    for file, lines in bad.items():
        for line in lines:
            print(f"{file}: runs unknown code at every start of Python: {line[:200]}", file=sys.stderr)
    if any(bad.values()):
        return 1
    print(f"Start-up files: {len(files)} .pth files in {root}, none runs unknown code")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
