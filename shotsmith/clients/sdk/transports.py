"""How a call is made: in this process or over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import httpx2
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from tenacity import (
    AsyncRetrying,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from ...domain import errors
from ...domain.errors import Busy, InvalidInput, ShotsmithError, Unavailable
from .calls import Call

T = TypeVar("T")
_TRIES = 4


class _Retryable(Exception):
    """Carries an error that is worth another try."""

    def __init__(self, error: ShotsmithError) -> None:
        super().__init__(str(error))
        self.error = error


class Local:
    """Calls an engine in this process.

    Args:
        path: Its data directory.
    """

    def __init__(self, path: str | Path) -> None:
        from ...api import Api
        from ...engine import Engine
        from ...settings import Settings

        self._engine = Engine(Settings.read(data_dir=Path(path)))
        self._api = Api(self._engine)

    def send(self, call: Call[T]) -> T:
        """Make a call."""
        result: T = getattr(self._api, call.operation)(*call.arguments)
        return result

    def close(self) -> None:
        """Release the stores."""
        self._engine.close()


class Http:
    """Calls a server.

    Args:
        url: Its address, e.g. http://127.0.0.1:8080.
        timeout: Seconds a call may take.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._client = httpx2.Client(base_url=url, timeout=timeout)
        self._url = url

    def send(self, call: Call[T]) -> T:
        """Make a call; reads are retried, and so is whatever the server was too busy to begin."""
        try:
            for attempt in Retrying(**_policy()):
                with attempt:
                    return _once(call, self._url, lambda: self._client.request(**_request(call)))
        except _Retryable as last:
            raise last.error from None
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class AsyncHttp:
    """Calls a server without blocking. Arguments as `Http`."""

    def __init__(self, url: str, timeout: float) -> None:
        self._client = httpx2.AsyncClient(base_url=url, timeout=timeout)
        self._url = url

    async def send(self, call: Call[T]) -> T:
        """Make a call; reads are retried, and so is whatever the server was too busy to begin."""
        try:
            async for attempt in AsyncRetrying(**_policy()):
                with attempt:
                    try:
                        response = await self._client.request(**_request(call))
                    except httpx2.TransportError as error:
                        raise _unreachable(call, self._url, error) from None
                    return _read(call, response)
        except _Retryable as last:
            raise last.error from None
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _policy() -> dict[str, Any]:
    return {
        "stop": stop_after_attempt(_TRIES),
        "wait": wait_random_exponential(multiplier=0.1, max=2),
        "retry": retry_if_exception_type(_Retryable),
        "reraise": True,
    }


def _request(call: Call[Any]) -> dict[str, Any]:
    try:
        content = None if call.body is None else call.body.model_dump_json().encode()
    except PydanticSerializationError:  # half of a surrogate pair
        raise InvalidInput("a text of the request is not Unicode", field="body") from None
    headers = {} if content is None else {"content-type": "application/json"}
    return {
        "method": call.method,
        "url": call.path,
        "params": dict(call.params),
        "content": content,
        "headers": headers,
    }


def _once(call: Call[T], url: str, request: Any) -> T:
    try:
        response = request()
    except httpx2.TransportError as error:
        raise _unreachable(call, url, error) from None
    return _read(call, response)


def _unreachable(call: Call[Any], url: str, error: httpx2.TransportError) -> Exception:
    failure = Unavailable(
        f"the server cannot be reached: {error or type(error).__name__}",
        field="url",
        value=url,
        mend="Check the address, and that `shotsmith serve` runs there",
    )
    # Whether a write arrived is unknown once its connection broke; a connection that never stood carried nothing.
    harmless = call.method == "GET" or isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
    return _Retryable(failure) if harmless else failure


def _read(call: Call[T], response: httpx2.Response) -> T:
    if response.is_success:
        if call.returns is None:
            return None  # type: ignore[return-value]
        if isinstance(call.returns, TypeAdapter):
            try:
                return call.returns.validate_json(response.content)
            except ValidationError:
                raise Unavailable(
                    "the answer is not Shotsmith's",
                    field="url",
                    value=str(response.url),
                    mend="Check the address",
                ) from None
        return response.content  # type: ignore[return-value]
    error = _error(response)
    raise _Retryable(error) if isinstance(error, Busy) else error


def _error(response: httpx2.Response) -> ShotsmithError:
    try:
        problem = response.json()
        slug = str(problem["type"]).removeprefix("urn:shotsmith:")
    except (ValueError, KeyError, TypeError):
        return Unavailable(
            f"the server answered {response.status_code}", field="url", value=str(response.url)
        )
    kind = _by_slug().get(slug, ShotsmithError)
    message = str(problem.get("message") or problem.get("detail") or problem.get("title"))
    return kind(message, field=problem.get("field"), value=problem.get("value"), mend=problem.get("mend"))


def _by_slug() -> dict[str, type[ShotsmithError]]:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ShotsmithError)
    ]
    return {kind.slug: kind for kind in kinds}
