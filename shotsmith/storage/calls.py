"""The call ledger: one row a canonical request. A repeat is free, and a crash loses no answer that was paid for.

Answers that come together share a transaction (group commit): whoever gets to write writes for all who wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import bindparam, func, select

from ..domain.messages import Reply, Request, Usage
from .database import Database, now
from .tables import calls

_RECENT = 100


_BY_KEY = select(calls).where(calls.c.key == bindparam("wanted"))


@dataclass
class _Waiting:
    """A row on its way into the ledger."""

    row: dict[str, Any]
    done: bool = False
    error: Exception | None = None


class CallLedger:
    """Remembers what models answered. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = database.insert(calls).on_conflict_do_nothing()
        self._waiting: list[_Waiting] = []
        self._joining = Lock()
        self._writing = Lock()

    def get(self, key: str) -> Reply | None:
        """The stored answer to a request, if there is one."""
        with self._database.read() as connection:
            row = connection.execute(_BY_KEY, {"wanted": key}).one_or_none()
        if row is None:
            return None
        return Reply(
            text=row.text,
            model=row.answered_by,
            usage=Usage(row.input_tokens, row.output_tokens, row.cached_tokens, row.cache_write_tokens),
            cost_usd=row.cost_usd,
            latency_ms=row.latency_ms,
            finish_reason=row.finish_reason,
            notes=tuple(row.notes),
            alternatives=tuple((text, probability) for text, probability in row.alternatives),
            saved_usd=row.saved_usd,
        )

    def put(self, request: Request, reply: Reply) -> None:
        """Store an answer; the first one stored for a request stays."""
        row = {
            "key": request.key,
            "model": request.model,
            "answered_by": reply.model,
            "text": reply.text,
            "input_tokens": reply.usage.input_tokens,
            "output_tokens": reply.usage.output_tokens,
            "cached_tokens": reply.usage.cached_tokens,
            "cache_write_tokens": reply.usage.cache_write_tokens,
            "cost_usd": reply.cost_usd,
            "saved_usd": reply.saved_usd,
            "latency_ms": reply.latency_ms,
            "finish_reason": reply.finish_reason,
            "notes": list(reply.notes),
            "alternatives": [list(pair) for pair in reply.alternatives],
            "created_at": now(),
        }
        mine = _Waiting(row)
        with self._joining:
            self._waiting.append(mine)
        with self._writing:
            if not mine.done:
                with self._joining:
                    together, self._waiting = self._waiting, []
                self._store(together)
        if mine.error is not None:
            raise mine.error

    def latency_ms(self, model: str) -> float | None:
        """Mean latency of the last 100 calls of a model; None when there was none."""
        last = select(calls.c.latency_ms).where(calls.c.model == model)
        recent = last.order_by(calls.c.created_at.desc()).limit(_RECENT).subquery()
        with self._database.read() as connection:
            found: float | None = connection.execute(select(func.avg(recent.c.latency_ms))).scalar_one()
        return found

    def _store(self, together: list[_Waiting]) -> None:
        try:
            self._write(together)
        except Exception as error:
            if len(together) == 1:
                together[0].error = error
            else:  # one of them may be at fault, which the others must not suffer for
                for one in together:
                    self._store([one])
        finally:
            for one in together:
                one.done = True

    def _write(self, together: list[_Waiting]) -> None:
        with self._database.write() as connection:
            connection.execute(self._insert, [one.row for one in together])
