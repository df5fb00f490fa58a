"""Routers, one a noun."""
