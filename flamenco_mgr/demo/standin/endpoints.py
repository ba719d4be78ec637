"""The Server's endpoints that a Manager uses (server-api.md 1)."""

from enum import Enum


class Endpoint(str, Enum):
    """What misbehaviour is told for, and what requests are counted by."""

    DEPSGRAPH = "depsgraph"
    TASK = "task"
    PUSH = "push"
    STARTUP = "startup"
    UPDATE = "update"
    LOG = "log"
    MANAGER = "manager"
    CHUNK = "chunk"

    __str__ = str.__str__
