"""Opens the stores that the settings name, and closes them together."""

from __future__ import annotations

from ..domain.errors import Unavailable
from ..media import limits_of
from ..retrieval.index import open_index
from ..settings import Settings
from ..storage import (
    Blobs,
    CalibrationStates,
    CallLedger,
    Database,
    EmbeddingCache,
    Examples,
    Neighbours,
    Outbox,
    Plans,
    Pools,
    Renders,
    Runs,
)


class Stores:
    """Everything that is kept: SQL, blobs and the vector index.

    Args:
        settings: Where they are.
        serving: Whether a long-lived service opens them, so that other processes may attach to its index.
    """

    def __init__(self, settings: Settings, *, serving: bool) -> None:
        root = settings.data_dir.expanduser().resolve()
        if settings.database_url is None or settings.blob_url is None or settings.index_url is None:
            try:
                root.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise Unavailable(
                    f"the data directory cannot be made: {error.strerror}",
                    field="data_dir",
                    value=str(root),
                    mend="Name a directory that can be written",
                ) from None
        self.database = Database(settings.database_url or root / "shotsmith.db")
        self.pools = Pools(self.database)
        self.examples = Examples(self.database)
        self.outbox = Outbox(self.database)
        self.embeddings = EmbeddingCache(self.database)
        self.renders = Renders(self.database)
        self.plans = Plans(self.database)
        self.neighbours = Neighbours(self.database)
        self.calls = CallLedger(self.database)
        self.runs = Runs(self.database)
        self.calibrations = CalibrationStates(self.database)
        self.blobs = Blobs(settings.blob_url or f"file://{root / 'blobs'}")
        self.limits = limits_of(settings)
        self.index = open_index(settings.index_url, root / "index", settings.index_api_key, serving=serving)

    def ping(self) -> None:
        """Ask SQL and the index for something small.

        Raises:
            Unavailable: One does not answer.
        """
        self.pools.all()
        self.index.exists("ping")

    def close(self) -> None:
        """Release everything."""
        self.index.close()
        self.database.close()
