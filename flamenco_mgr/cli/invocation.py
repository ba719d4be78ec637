"""What holds for a whole command line, wherever in it it is said."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from attrs import define, field

from flamenco_mgr.cli.address import ManagerAddress, configured, told
from flamenco_mgr.cli.manager import Manager
from flamenco_mgr.cli.outcome import WrongUsage
from flamenco_mgr.cli.output import Output
from flamenco_mgr.settings import ConfigErrors, Loaded, NoConfigFile, find_config, load


@define(eq=False)
class Invocation:
    """
    What the options that all commands have in common say, and where the command was typed.

    ``is_alone``: nothing else goes on in this process. ``pause`` lets seconds pass. `close` lets go of the Managers
    that were asked.
    """

    url: str | None = None
    config: Path | None = None
    as_json: bool = False
    rundir: Path = field(factory=Path.cwd)
    environment: Mapping[str, str] = field(factory=lambda: os.environ)
    stdout: TextIO = field(factory=lambda: sys.stdout)
    stderr: TextIO = field(factory=lambda: sys.stderr)
    is_alone: bool = True
    pause: Callable[[float], None] = time.sleep
    _asked: list[Manager] = field(init=False, factory=list)

    @property
    def output(self) -> Output:
        """Where the command writes."""
        return Output(stdout=self.stdout, stderr=self.stderr, as_json=self.as_json)

    def loaded(self) -> Loaded:
        """
        Return the configuration of the Manager that is meant.

        Raises `WrongUsage`, with all mistakes, if there is none that can be used.
        """
        try:
            path = find_config(self.config, self.environment, self.rundir)
            return load(path, self.rundir)
        except NoConfigFile as e:
            raise WrongUsage(f"{e} Go to the Manager's run directory, or name the file (--config).") from e
        except ConfigErrors as e:
            raise WrongUsage(str(e)) from e
        except OSError as e:
            raise WrongUsage(f"The configuration file {e.filename} cannot be read: {e.strerror}") from e

    def manager(self) -> Manager:
        """Return the Manager that is meant; nothing is sent yet. Raises `WrongUsage` if it is not clear which."""
        manager = Manager.at(self._address())
        self._asked.append(manager)
        return manager

    def close(self) -> None:
        """Let go of what was opened."""
        while self._asked:
            self._asked.pop().close()

    def _address(self) -> ManagerAddress:
        return configured(self.loaded().settings) if self.url is None else told(self.url)
