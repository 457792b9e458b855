"""Fixtures that every test may ask for."""

from tests.projects import delivered, fresh, project, ready
from tests.servers import postgres_server, postgres_url

__all__ = ["delivered", "fresh", "postgres_server", "postgres_url", "project", "ready"]
