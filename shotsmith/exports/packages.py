"""The packages that only exports need."""

from __future__ import annotations

from functools import partial

from ..extras import optional

needed = partial(optional, what="exports need", field="export", mend="pip install 'shotsmith[export]'")
