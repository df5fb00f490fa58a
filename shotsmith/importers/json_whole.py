"""A JSON file that is read at once: the small ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..domain.errors import InvalidInput


def json_whole(path: Path) -> Any:
    """What the file holds.

    Raises:
        InvalidInput: It is not UTF-8 or not JSON.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"byte {error.start + 1} is not UTF-8", field=path.name, mend="Save the file as UTF-8"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"not JSON: {error}", field=path.name, mend="Save the file again as JSON"
        ) from None
