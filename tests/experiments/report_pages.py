"""Reports in a real browser without a network."""

from __future__ import annotations

import re
import shutil
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def without_scripts(page: str) -> str:
    return re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def loads_nothing(page: str) -> None:
    markup = without_scripts(page)
    sources = re.findall(r"""(?:src|href|srcset|action)\s*=\s*["']([^"']*)""", markup)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert not re.search(r"@import|url\(|<link|<iframe|<object|<embed", markup)
    assert "default-src 'none'" in page


@contextmanager
def opened(page: str, folder: Path, width: int, scheme: str) -> Iterator:
    """A tab that shows the page; in the end nothing was asked of a network and nothing was complained about."""
    from playwright.sync_api import sync_playwright

    file = folder / "report.html"
    file.write_text(page, "utf-8")
    complaints, requests = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
        )
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(f"file://{urllib.parse.quote(str(file))}")
        tab.wait_for_selector("#chart svg")
        yield tab
        browser.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


def fits(tab, width: int) -> None:
    """Nothing is wider than the screen, and every picture is there."""
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


def unfold(tab) -> None:
    """Open what is folded, and wait until its charts are drawn."""
    tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    tab.wait_for_function("[...document.querySelectorAll('.chart')].every(one => one.querySelector('svg'))")
