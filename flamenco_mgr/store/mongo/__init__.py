"""The store on MongoDB."""

from flamenco_mgr.store.mongo.store import MongoStore

__all__ = ["MongoStore"]
