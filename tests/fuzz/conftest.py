"""A store of its own for the fuzzing of the API: what is made up there must not get into other tests' way."""

from tests.app.conftest import database, environ, folder, gateway, owner, servers, settings, web

__all__ = ["database", "environ", "folder", "gateway", "owner", "servers", "settings", "web"]
