"""Everything that is fuzzed, by name."""

from collections.abc import Mapping

from tests.fuzz.target import Target
from tests.fuzz.targets import backups, command_line, configuration, logs, mongo, pages, requests, server, workers

ALL: Mapping[str, Target] = {
    target.name: target
    for module in (workers, pages, server, configuration, mongo, logs, command_line, backups, requests)
    for target in module.TARGETS
}
