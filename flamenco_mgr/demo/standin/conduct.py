"""Which misbehaviour the Server was told, for which requests."""

from attrs import define, field

from flamenco_mgr.demo.standin.behaviour import Behaviour
from flamenco_mgr.demo.standin.endpoints import Endpoint

Behaviours = tuple[Behaviour, ...]


@define(eq=False, kw_only=True)
class _Told:
    behaviours: Behaviours
    endpoint: Endpoint | None
    left: int


@define(eq=False)
class Conduct:
    """
    What was told for the next few requests comes first, in the order of telling, then what was told for good.

    Of what was told for good for an endpoint the latest counts.
    """

    _next: list[_Told] = field(init=False, factory=list)
    _for_good: dict[Endpoint, Behaviours] = field(init=False, factory=dict)

    def tell(self, behaviours: Behaviours, endpoint: Endpoint | None, times: int | None) -> None:
        """Behave like this on an endpoint, or on all of them, so many times or until told otherwise."""
        if times is None:
            self._for_good.update((each, behaviours) for each in (Endpoint if endpoint is None else (endpoint,)))
        elif times > 0:
            self._next.append(_Told(behaviours=behaviours, endpoint=endpoint, left=times))

    def forget(self, endpoint: Endpoint | None) -> None:
        """Behave well on an endpoint, or on all of them; what was told for all stays in force for the others."""
        if endpoint is None:
            self._next.clear()
            self._for_good.clear()
        else:
            self._next = [told for told in self._next if told.endpoint is not endpoint]
            self._for_good.pop(endpoint, None)

    def for_request(self, endpoint: Endpoint) -> Behaviours:
        """Return how to behave to a request that has just come in, and count it."""
        for told in self._next:
            if told.endpoint in (None, endpoint):
                told.left -= 1
                if not told.left:
                    self._next.remove(told)
                return told.behaviours
        return self._for_good.get(endpoint, ())
