"""``flamenco-manager kick``: the Server is asked for tasks now."""

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.shape import FarmCommand


@click.command(cls=FarmCommand)
@click.pass_obj
def kick(invocation: Invocation) -> None:
    """Let the Manager ask the Server for tasks now."""
    invocation.manager().act("POST", "/api/v1/kick")
    if invocation.as_json:
        invocation.output.document({})
    else:
        invocation.output.say("The Manager was told to fetch tasks now")
