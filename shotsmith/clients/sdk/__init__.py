"""The Python SDK: the same methods in this process and over HTTP, sync and async."""

from .client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
