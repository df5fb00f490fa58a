"""Reports: one HTML file that needs nothing else, on paper, on a phone and without a network."""

from .account import Account
from .comparing import render
from .telling import render_findings

__all__ = ["Account", "render", "render_findings"]
