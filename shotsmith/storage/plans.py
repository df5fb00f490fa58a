"""Query-independent choices: made once for a version of a pool, then read by every query and process."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from ..domain.plans import Plan
from .database import Database, now
from .tables import plans

_KEPT = 256  # filters that change with every query would fill the table with plans that nobody asks for again


class Plans:
    """Keeps the plans of the version of a pool that was planned last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, pool_uid: str, version: str, key: str) -> Plan | None:
        """The plan of that key, if there is one."""
        query = select(plans.c.size, plans.c.body).where(
            plans.c.pool_uid == pool_uid, plans.c.version == version, plans.c.key == key
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        body = row.body
        slots = tuple(tuple(slot) for slot in body["slots"])
        return Plan(slots, row.size, tuple(body["remarks"]), body["notes"], body["scores"], body["flags"])

    def put(self, pool_uid: str, version: str, key: str, plan: Plan) -> None:
        """Keep a plan instead of a smaller one; plans of other versions of the pool go, and the oldest of too many."""
        row = {
            "pool_uid": pool_uid,
            "version": version,
            "key": key,
            "size": plan.size,
            "body": {
                "slots": [list(slot) for slot in plan.slots],
                "remarks": list(plan.remarks),
                "notes": dict(plan.notes),
                "scores": dict(plan.scores),
                "flags": dict(plan.flags),
            },
            "created_at": now(),
        }
        statement = self._database.insert(plans).values(row)
        statement = statement.on_conflict_do_update(
            index_elements=["pool_uid", "version", "key"],
            set_={name: statement.excluded[name] for name in ("size", "body", "created_at")},
            where=plans.c.size < statement.excluded.size,
        )
        with suppress(IntegrityError), self._database.write() as connection:  # raised when the pool is gone
            connection.execute(delete(plans).where(plans.c.pool_uid == pool_uid, plans.c.version != version))
            connection.execute(statement)
            oldest = (
                select(plans.c.key).where(plans.c.pool_uid == pool_uid).order_by(plans.c.created_at.desc())
            )
            gone = connection.scalars(oldest.offset(_KEPT)).all()
            connection.execute(delete(plans).where(plans.c.pool_uid == pool_uid, plans.c.key.in_(gone)))
