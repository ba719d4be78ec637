"""What all rules have in common: their values, and how their functions are called."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import attrs
from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

import flamenco_mgr.domain
from flamenco_mgr.domain.reporting import Report
from flamenco_mgr.domain.tasks import Command, FailedBy, Progress, ServerTask
from flamenco_mgr.domain.updates import Transition
from tests.builders import a_task, a_worker, an_update


def rules() -> Iterator[ModuleType]:
    """Yield the modules of the rules."""
    for module in pkgutil.iter_modules(flamenco_mgr.domain.__path__, "flamenco_mgr.domain."):
        yield importlib.import_module(module.name)


def classes() -> Iterator[type[Any]]:
    """Yield all classes of the rules."""
    for module in rules():
        yield from (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)


def functions() -> Iterator[Callable[..., Any]]:
    """Yield all functions of the rules, and the methods that their classes define."""
    places = [*((one, one.__name__) for one in rules()), *((one, one.__module__) for one in classes())]
    for place, module in places:
        yield from (one for one in vars(place).values() if inspect.isfunction(one) and one.__module__ == module)


class ValueTests(SynchronousTestCase):
    def test_frozen(self) -> None:
        """A class of the rules, if no enumeration or error, is a frozen value; several fields are given by name."""
        values = [one for one in classes() if not hasattr(one, "__members__") and not issubclass(one, Exception)]
        self.assertGreater(len(values), 15)
        for one in values:
            self.assertTrue(attrs.has(one), one)
            self.assertRaises(FrozenInstanceError, setattr, object.__new__(one), "anything", 1)
            fields = [field for field in attrs.fields(one) if field.init]
            if len(fields) > 1 and one.__name__ != "_Place":  # which nobody but its module makes
                self.assertTrue(all(field.kw_only for field in fields), one)

    def test_in_sets(self) -> None:
        """Values can be in sets, also those that hold a mapping."""
        task = a_task(timing={"total": 1.0}, failed_by=(FailedBy(id="9" * 24),), progress=Progress())
        update = an_update(timing={"total": 1.0})
        command = Command(name="sleep", settings={"time_in_seconds": 3})
        report, transition = Report(timing={"total": 1.0}), Transition(before=task, after=task, update=update)
        values = {task, update, command, report, transition, a_worker(), ServerTask(task=task, commands=(command,))}
        self.assertEqual(len(values), 7)


class SignatureTests(SynchronousTestCase):
    def test_names(self) -> None:
        """Every argument of a rule may be given by its name."""
        found = list(functions())
        self.assertGreater(len(found), 100)
        for one in found:
            if one.__name__.startswith("__"):
                continue
            kinds = {parameter.kind for parameter in inspect.signature(one).parameters.values()}
            self.assertNotIn(inspect.Parameter.POSITIONAL_ONLY, kinds, one)
