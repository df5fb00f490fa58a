"""The encoders of pools, opened once and checked against what the pools were built with."""

from __future__ import annotations

from threading import Lock

from ..domain.errors import EncoderMismatch
from ..domain.examples import Pool
from ..domain.protocols import Encoder
from ..retrieval.cached import CachedEncoder
from ..retrieval.embedding import Embedder, LoadPicture
from ..retrieval.encoders import canonical, open_encoder
from ..settings import Settings
from ..storage import EmbeddingCache

DEFAULT = "embedded"


class Encoders:
    """Opens encoders.

    Args:
        settings: Which encoder is configured, if one is.
        cache: Vectors by content.
        load: Decodes a picture.
    """

    def __init__(self, settings: Settings, cache: EmbeddingCache, load: LoadPicture) -> None:
        self._settings = settings
        self._cache = cache
        self._load = load
        self._embedders: dict[str, Embedder] = {}
        self._lock = Lock()

    def spec(self, wanted: str | None) -> str:
        """How a new pool's encoder is loaded: as wanted, as configured, or the default."""
        return canonical(wanted or self._settings.encoder or DEFAULT)

    def of(self, pool: Pool) -> Encoder:
        """The encoder whose vectors a pool holds.

        Raises:
            EncoderMismatch: Another one is configured, or its weights changed since the pool was built.
        """
        configured = self._settings.encoder
        if configured is not None and canonical(configured) != pool.encoder:
            raise EncoderMismatch(
                f"pool {pool.name!r} holds vectors of {pool.encoder!r}",
                field="encoder",
                value=configured,
                mend=f"Leave the encoder unset, set it to {pool.encoder!r}, or import into a new pool",
            )
        encoder = open_encoder(pool.encoder)
        if encoder.id != pool.encoder_id:
            raise EncoderMismatch(
                f"pool {pool.name!r} was built with {pool.encoder_id!r}",
                field="encoder",
                value=encoder.id,
                mend="Restore that version of the encoder, or import into a new pool",
            )
        return encoder

    def embedder(self, pool: Pool) -> Embedder:
        """What embeds a pool's examples and queries. Raises EncoderMismatch."""
        encoder = self.of(pool)
        with self._lock:
            if encoder.id not in self._embedders:
                self._embedders[encoder.id] = Embedder(encoder, self._cache, self._load)
            return self._embedders[encoder.id]

    def baseline(self) -> Encoder:
        """What offline baselines compare with."""
        return CachedEncoder(open_encoder(DEFAULT), self._cache)
