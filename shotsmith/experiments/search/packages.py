"""The packages that only the search for the best arm needs."""

from __future__ import annotations

from functools import partial

from ...extras import optional

needed = partial(
    optional, what="the search for the best arm needs", field="search", mend="pip install 'shotsmith[search]'"
)
