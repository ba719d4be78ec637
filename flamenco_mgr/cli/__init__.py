"""
The command line ``flamenco-manager``: the farm, watched and steered from a terminal.

A command is a function with click's decorators and ``cls=FarmCommand``, in a module of its own; it is named in
`program.COMMANDS`, and imported only when it is called. It gets an `Invocation` (``@click.pass_obj``), writes with
`Invocation.output`, returns None or an `ExitStatus`, and raises `CannotDo` for what is not done. All commands take
``--url``, ``--config`` and ``--json``.
"""
