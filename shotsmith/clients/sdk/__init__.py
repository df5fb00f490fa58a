"""The Python SDK: the same methods in this process and over HTTP, sync and async."""

from .async_client import AsyncClient
from .client import Client

__all__ = ["AsyncClient", "Client"]
