"""`Engine`: pools in, demonstrations, prompts and answers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..clients.vlm import ANSWERERS, Pace
from ..domain.errors import InvalidInput
from ..domain.examples import ImageFile, MediaFile, Pool, Query
from ..domain.media import Media
from ..domain.messages import ImagePart, Reply
from ..domain.names import check_fact, check_key, check_text
from ..domain.parsed import Parsed
from ..domain.protocols import VLM, Encoder
from ..domain.recipes import Recipe
from ..domain.scoring import Matrix, Vector
from ..domain.selections import Prompt, Selection
from ..prompts.build import build
from ..prompts.dialects import Dialect, open_dialect
from ..prompts.parsing import Embed
from ..prompts.target import Target
from ..prompts.tokens import Calibrations
from ..retrieval.embedding import Item
from ..settings import Settings
from ..storage import Runs
from .answers import Answer
from .asking import Asking
from .batch_answers import BatchReport
from .batching import ask_many
from .doctor import Checkup, visit
from .intake import NOTHING
from .judging import ModelJudge
from .keeping import Keeping
from .reading import read, task_for
from .selecting import Selecting
from .summaries import Summariser


class Engine(Keeping):
    """Everything Shotsmith does, in this process: it keeps pools, chooses demonstrations and asks. Thread-safe.

    Args:
        settings: Where things are kept; by default from the environment and `shotsmith.toml`.
        serving: Whether this is a long-lived service that owns the embedded index for other processes.
    """

    def __init__(self, settings: Settings | None = None, *, serving: bool = False) -> None:
        super().__init__(settings, serving=serving)
        self._selecting = Selecting(self._stores.index, self._views, self._judge)
        calibrations = Calibrations(self._stores.calibrations)
        self._asking = Asking(self.settings, self._stores.calls, self._encoders.baseline, calibrations)

    # Queries and selections

    def query(
        self,
        images: Sequence[ImageFile] = (),
        text: str = "",
        *,
        id: str | None = None,
        group: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        media: Sequence[MediaFile] = (),
    ) -> Query:
        """A query from image files and text.

        Args:
            images: What is shown, in order.
            text: What is asked.
            id: An example of the pool that this is.
            group: Its group.
            metadata: What is known of it beside content, for `matched`.
            media: Sounds, videos and images that follow.

        Raises:
            InvalidImage: An image cannot be used.
            InvalidMedia: A sound or a video cannot.
            InvalidInput: There is neither a file nor a text, or a metadata value is not JSON.
        """
        check_text("query.text", text)
        for name, key in (("id", id), ("group", group)):
            if key is not None:
                check_key(f"query.{name}", f"the {name}", key)
        files = (*images, *media)
        if not files and not text.strip():
            raise InvalidInput(NOTHING, field="query", mend="Give at least one of them")
        parts = tuple(self._intake.open(file)[0] for file in files)
        facts = dict(metadata or {})
        for name, value in facts.items():
            check_fact("query.metadata", name, value)
        return Query(media=parts, text=text, id=id, group=group, metadata=facts)

    def query_of(
        self,
        pool: str | Pool,
        id: str,
        *,
        group: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Query:
        """A stored example, asked as a query: without its answer, and never shown to itself.

        A group and metadata that are told win over those that are stored. Raises NotFound.
        """
        example = self.example(pool, id)
        media = tuple(replace(part, data=self._pictures.bytes_of(part)) for part in example.media)
        facts = {**example.metadata, **(metadata or {})}
        return Query(media, example.text, example.id, group or example.group, facts)

    def pinned(self, pool_name: str) -> Pool:
        """A pool with its index brought up to date.

        Passed instead of its name, it spares every selection the look whether something changed: for loops over many
        queries, during which the pool should be left alone.
        """
        pool = self.pool(pool_name)
        self._indexer.sync(pool, self._encoders.embedder(pool))
        return pool

    def select(self, pool: str | Pool, query: Query, recipe: Recipe | None = None) -> Selection:
        """Choose and order demonstrations for a query.

        Args:
            pool: Its name, or the pool itself as `pinned` gave it.
            query: What to answer.
            recipe: How to choose.

        Raises:
            NotFound: No such pool.
            UnknownName: No selector of that name.
            InvalidParameter: A parameter it does not have.
            EncoderMismatch: The pool was built with another encoder than the configured one.
        """
        recipe = recipe or Recipe()
        open_dialect(recipe.dialect)
        chosen = self.pinned(pool) if isinstance(pool, str) else pool
        selection = self._selecting.select(chosen, self._encoders.embedder(chosen), query, recipe)
        if isinstance(pool, str) and self.pool(pool).version != chosen.version:
            # Somebody wrote meanwhile; what was read may be of two versions.
            chosen = self.pinned(pool)
            selection = self._selecting.select(chosen, self._encoders.embedder(chosen), query, recipe)
        return selection

    def vectors(self, pool: Pool, space: str, ids: Sequence[str]) -> dict[str, Vector]:
        """Stored unit vectors by example id; those without the space are absent."""
        return self._stores.index.vectors(pool.uid, space, ids)

    def query_vectors(self, pool: Pool, query: Query) -> dict[str, Vector]:
        """A query's unit vectors by space, as `select` compares them."""
        return self._encoders.embedder(pool).query(Item(query.media, query.text))

    # Prompts and answers

    def prepared(self, part: Media, max_side: int, quality: int) -> ImagePart:
        """A picture as prompts carry it."""
        return self._pictures.prepared(part, max_side, quality)

    def prompt(
        self, selection: Selection, *, model: str | None = None, dialect: Dialect | None = None
    ) -> Prompt:
        """Render a selection into the messages a model receives, with their manifest.

        Args:
            selection: What it shows.
            model: Whose limits are kept and whose tokens are counted; by default the configured one's. An offline
                baseline has no limits.
            dialect: Instead of the recipe's.

        Raises:
            InvalidParameter: The limits do not even hold the query.
            InvalidInput: The dialect wants images put into words, and no model can.
        """
        name = self.settings.summary_model or model or self.settings.model
        pictures = self._pictures.shown(selection.recipe)
        return build(
            selection,
            labels=self.labels(selection.pool),
            picture=pictures,
            dialect=dialect,
            target=self._asking.target(model),
            summarise=Summariser(name, self._asking.reply, pictures, selection.recipe),
        )

    def ask(
        self,
        pool: str | Pool,
        query: Query,
        recipe: Recipe | None = None,
        *,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Select, build the prompt, ask a model and read its answer.

        Args:
            pool: Where the demonstrations come from, as for `select`.
            query: What to answer.
            recipe: How to choose and show them.
            model: By default the configured one; "offline/knn-vote" is a baseline, not a language model.
            parameters: Sampling parameters, passed on.

        Raises:
            ModelError: The model did not answer.
            As `select`.
        """
        return self.answer(self.select(pool, query, recipe), model=model, parameters=parameters)

    def answer(
        self,
        selection: Selection,
        *,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        remember: bool = True,
        prompt: Prompt | None = None,
    ) -> Answer:
        """What `ask` does once the demonstrations are chosen.

        Without `remember` the ledger is left out: for thousands of answers that cost nothing to make again. A prompt
        that `prompt` made of the selection for the model need not be made again.
        """
        pool = selection.pool
        return self._asking.answer(
            selection,
            prompt or self.prompt(selection, model=model),
            self._closed(pool),
            model,
            parameters or {},
            embed=self._embed(pool),
            remember=remember,
        )

    def ask_many(
        self,
        pool: str | Pool,
        queries: Sequence[Query],
        recipe: Recipe | None = None,
        *,
        batch_size: int,
        model: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        **options: int,
    ) -> BatchReport:
        """Ask many queries, several in a call (ManyICL, Jiang et al. 2024, arXiv 2405.09798).

        The queries of a call share their demonstrations and know of each other: report it as an arm of its own. Every
        query ends answered, in its batch or alone, or failed, and never with another's answer.

        Args:
            pool: As for `ask`, like `recipe`, `model` and `parameters`.
            queries: What is asked.
            recipe: How demonstrations are chosen and shown; its seed mixes the batches.
            batch_size: Queries in a call, 1 to 50.
            model: Which one; offline and simulated models answer each query alone.
            parameters: Sampling parameters.
            options: `retries`, `tokens_per_query` and `workers`, as `batching.ask_many` explains them.

        Raises:
            As `ask` and `batching.BatchAsking.answer`.
        """
        name = model or self.settings.model
        size = 1 if name.startswith(ANSWERERS) else batch_size
        return ask_many(
            self, pool, queries, recipe, batch_size=size, model=model, parameters=parameters, **options
        )

    def send(
        self, prompt: Prompt, *, model: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Reply:
        """What a model says to a prompt, unread. Raises ModelError."""
        return self._asking.send(prompt, model, parameters or {})

    def read(self, selection: Selection, prompt: Prompt, reply: Reply) -> Parsed:
        """The answer in a reply to a prompt of that selection."""
        pool = selection.pool
        return read(reply, task_for(pool, self._closed(pool), prompt), prompt, self._embed(pool))

    def target(self, model: str | None = None) -> Target:
        """A model as prompts see it: its limits, how it counts and what it costs."""
        return self._asking.target(model)

    def latency_ms(self, model: str) -> float | None:
        """What a call of a model took lately, on average; None where none was made."""
        return self._stores.calls.latency_ms(model)

    def model(self, name: str) -> VLM:
        """The model behind a name, with the call ledger in front of it."""
        return self._asking.model(name)

    def pace(self, model: str | None = None) -> Pace | None:
        """How many calls go at once to a provider's model, by default the configured one.

        Shared by all who call it through this engine. None for models that run in this process.
        """
        return self._asking.pace(model)

    # Upkeep

    @property
    def runs(self) -> Runs:
        """Runs of experiments and their outcomes, as they are kept."""
        return self._stores.runs

    def ping(self) -> None:
        """Ask every store for something small. Raises Unavailable or Busy."""
        self._stores.ping()

    def doctor(self, *, repair: bool = False) -> list[Checkup]:
        """Compare SQL, blobs and index of every pool; with `repair`, mend the index."""
        embedder = self._encoders.embedder
        return [visit(pool, self._stores, self._indexer, embedder, repair=repair) for pool in self.pools()]

    def encoder(self, pool: Pool) -> Encoder:
        """The encoder whose vectors a pool holds. Raises EncoderMismatch."""
        return self._encoders.of(pool)

    def _embed(self, pool: Pool) -> Embed:
        def embed(texts: Sequence[str]) -> Matrix:
            found = self._encoders.of(pool).encode_texts(texts)
            nothing = np.zeros((len(texts), 1), dtype=np.float32)
            return found.get("text", found.get("joint", nothing))

        return embed

    def _closed(self, pool: Pool) -> Sequence[str]:
        """The labels that answers must come from; none where any answer will do."""
        return self.labels(pool) if pool.kind == "classification" else ()

    def _judge(self, pool: Pool, recipe: Recipe, model: str | None) -> ModelJudge:
        name = model or self.settings.model
        return ModelJudge(
            name, self._asking.reply, pool, self.labels(pool), self._pictures.shown(recipe), recipe
        )
