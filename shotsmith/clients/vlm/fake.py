"""A model for tests and dry runs: it says what it is told to say and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from pydantic import SecretStr

from ...domain.errors import ModelUnavailable
from ...domain.messages import Reply, Request
from ...domain.protocols import Encoder

Answer = str | Reply | Exception
"""A text, a whole reply, or an error to raise."""


def load(
    model: str,
    *,
    api_base: str | None = None,
    api_key: SecretStr | None = None,
    encoder: Callable[[], Encoder] | None = None,
) -> FakeVLM:
    """The factory of `fake/<answer>`: a model that always answers what stands behind the slash."""
    answer = model.partition("/")[2]
    return FakeVLM(lambda request: answer, model=model)


class FakeVLM:
    """Scripted answers. Safe to share between threads.

    Args:
        answers: Given one after the other, or computed from each request.
        model: What replies name as their model.

    Attributes:
        requests: Everything it was asked, in order.
    """

    def __init__(
        self, answers: Iterable[Answer] | Callable[[Request], Answer], *, model: str = "fake/scripted"
    ) -> None:
        self.model = model
        self.requests: list[Request] = []
        self._compute = answers if callable(answers) else None
        self._script: Iterator[Answer] = iter(()) if callable(answers) else iter(answers)
        self._lock = threading.Lock()

    def complete(self, request: Request) -> Reply:
        """The next answer of the script.

        Raises:
            ModelUnavailable: The script is used up.
            Exception: One that the script holds.
        """
        with self._lock:
            self.requests.append(request)
            answer = None if self._compute else next(self._script, None)
        if self._compute:
            answer = self._compute(request)
        match answer:
            case None:
                raise ModelUnavailable(
                    f"the script is used up after {len(self.requests) - 1} answers",
                    field="model",
                    value=self.model,
                )
            case Exception():
                raise answer
            case Reply():
                return answer
        return Reply(text=answer, model=self.model, cost_usd=0.0)
