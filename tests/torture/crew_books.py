"""What the Workers of a process leave behind."""

from collections.abc import Mapping

from attrs import frozen

from flamenco_mgr.demo.worker.journal import Journal


@frozen(kw_only=True)
class CrewBooks:
    """What the Workers of a process have on record, by their names: see `FarmBooks`."""

    journals: Mapping[str, Journal]
    names: Mapping[str, str]
    unsent: Mapping[str, int]
