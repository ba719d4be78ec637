"""What holds for a whole command line, wherever in it it is said."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

from flamenco_mgr.cli.address import ManagerAddress, configured, told
from flamenco_mgr.cli.manager import Manager
from flamenco_mgr.cli.outcome import WrongUsage
from flamenco_mgr.cli.output import Output
from flamenco_mgr.settings import ConfigErrors, Loaded, NoConfigFile, find_config, load


@define(eq=False)
class Invocation:
    """What the options that all commands have in common say, and where the command was typed."""

    url: str | None = None
    config: Path | None = None
    as_json: bool = False
    rundir: Path = field(factory=Path.cwd)
    environment: Mapping[str, str] = field(factory=lambda: os.environ)

    @property
    def output(self) -> Output:
        """Where the command writes."""
        return Output(stdout=sys.stdout, stderr=sys.stderr, as_json=self.as_json)

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
        return Manager.at(self._address())

    def _address(self) -> ManagerAddress:
        return configured(self.loaded().settings) if self.url is None else told(self.url)
