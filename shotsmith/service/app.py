"""The FastAPI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute

from .. import __version__
from ..api import Api
from ..engine import Engine
from ..settings import Settings
from . import problems
from .limits import BodyLimit
from .routes import examples, health, neighbours, pools, selections, selectors


def create_app(settings: Settings | None = None, *, engine: Engine | None = None) -> FastAPI:
    """The application.

    Args:
        settings: Where things are kept; by default from the environment.
        engine: An engine to drive instead of opening one; its owner closes it.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if engine is not None:
            app.state.api = Api(engine)
            yield
            return
        opened = await to_thread.run_sync(lambda: Engine(settings, serving=True))
        app.state.api = Api(opened)
        try:
            yield
        finally:
            await to_thread.run_sync(opened.close)

    limit = (settings or (engine.settings if engine else Settings.read())).max_body_bytes
    app = FastAPI(
        title="Shotsmith",
        version=__version__,
        summary="Chooses, orders and renders the demonstrations that a vision-language model should see.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
    )
    problems.install(app)
    app.add_middleware(BodyLimit, limit=limit)
    routers = (
        pools.router,
        examples.router,
        neighbours.router,
        selections.router,
        selectors.router,
        health.router,
    )
    for router in routers:
        app.include_router(router)
    app.state.routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            problems.document(plain())
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def serve(settings: Settings | None = None) -> None:
    """Serve until interrupted."""
    import uvicorn

    from .logs import configure

    settings = settings or Settings.read()
    configure(settings.log_format)
    # Opened here, so that what is wrong with the stores is one clear error and no failed start-up.
    with Engine(settings, serving=True) as engine:
        uvicorn.run(
            create_app(engine=engine),
            host=settings.host,
            port=settings.port,
            log_config=None,
            server_header=False,
        )


def _operation_id(route: APIRoute) -> str:
    return route.name
