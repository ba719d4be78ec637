"""The configuration of the Manager: ``manager.yaml`` becomes `Settings`, or a list of all its mistakes."""

from flamenco_mgr.settings.addresses import Address
from flamenco_mgr.settings.loading import Loaded, find_config, load
from flamenco_mgr.settings.problems import ConfigErrors, NoConfigFile, Problem
from flamenco_mgr.settings.schema import Settings
from flamenco_mgr.settings.variables import document as variables_document
from flamenco_mgr.settings.writing import dump, write

__all__ = [
    "Address",
    "ConfigErrors",
    "Loaded",
    "NoConfigFile",
    "Problem",
    "Settings",
    "dump",
    "find_config",
    "load",
    "variables_document",
    "write",
]
