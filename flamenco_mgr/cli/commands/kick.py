"""``flamenco-manager kick``: the Server is asked for tasks now."""

from typing import Final

import click

from flamenco_mgr.cli.following import LOOK_EVERY, followed
from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.manager import Manager
from flamenco_mgr.cli.outcome import CannotDo
from flamenco_mgr.cli.output import Record
from flamenco_mgr.cli.records import count, text
from flamenco_mgr.cli.shape import FarmCommand

_PATIENCE: Final = 600
"""Seconds; a download of a large farm takes some of them."""

_ENDED = {"kind": "download"}


@click.command(cls=FarmCommand)
@click.option("--wait", is_flag=True, help="Wait until the download has ended, and tell what came.")
@click.pass_obj
def kick(invocation: Invocation, *, wait: bool) -> None:
    """Let the Manager ask the Server for tasks now."""
    manager = invocation.manager()
    told = manager.act("POST", "/api/v1/kick")
    if wait and told.get("linked") is False:
        raise CannotDo("The Manager is linked to no Server, which could be asked for tasks")
    if not wait:
        _say(invocation, told, "The Manager was told to fetch tasks now")
        return
    if "after" not in told:
        raise CannotDo("The Manager fetches tasks now, and is too old to tell what came: leave out --wait")
    outcome = _outcome(invocation, manager, count(told, "after"))
    if text(outcome, "after") == "failed":
        raise CannotDo(f"No tasks could be fetched: {text(outcome, 'text')}")
    _say(invocation, outcome, text(outcome, "text"))


def _outcome(invocation: Invocation, manager: Manager, after: int) -> Record:
    left: float = _PATIENCE
    for found in followed(invocation, manager, _ENDED, after):
        if found:
            return found[0]
        left -= LOOK_EVERY
        if left < 0:
            break
    raise CannotDo(f"The download has not ended within {_PATIENCE} s; flamenco-manager events tells when it has")


def _say(invocation: Invocation, document: Record, said: str) -> None:
    if invocation.as_json:
        invocation.output.document(document)
    else:
        invocation.output.say(said)
