"""All routes of the Manager (worker-api.md 2, dashboard.md 1)."""

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.web.auth import WorkerAuth
from flamenco_mgr.web.log_pages import LogPages
from flamenco_mgr.web.operator_access import OperatorAccess
from flamenco_mgr.web.routes import Desk, Routes
from flamenco_mgr.web.worker_api import WorkerAPI


def routing_table(
    api: WorkerAPI, pages: LogPages, access: OperatorAccess, clock: IReactorTime, desks: Sequence[Desk] = ()
) -> Routes:
    """Return the routes of a Manager: those for Workers and logs, and those of the ``desks``."""
    routes = Routes(WorkerAuth(api.registry), clock, access)

    routes.open("POST", "/register-worker", api.register)
    routes.worker("POST", "/sign-on", api.sign_on)
    routes.worker("POST", "/ack-status-change/<status>", api.acknowledge, seen=False)
    routes.worker("POST", "/task", api.task)
    routes.worker("POST", "/tasks/<task_id>/update", api.update)
    routes.worker("POST", "/tasks/<task_id>/return", api.give_back)
    routes.worker("GET", "/may-i-run/<task_id>", api.may_i_run)
    routes.worker("GET", "/status-change", api.status_change)
    routes.worker("POST", "/output-produced", api.output_produced, seen=False)
    routes.worker("POST", "/sign-off", api.sign_off, seen=False)

    for method in ("GET", "HEAD"):
        routes.open(method, "/logfile/<job>/<task>", pages.log_file)
        routes.open(method, "/tasks/<task>/redir-to-server", pages.to_server)
    for desk in desks:
        desk.add_to(routes)
    return routes
