"""Where the Manager is, as its configuration says."""

from pathlib import Path
from typing import Final

from attrs import frozen

from flamenco_mgr.cli.outcome import WrongUsage
from flamenco_mgr.cli.texts import shortened
from flamenco_mgr.settings import Settings
from flamenco_mgr.settings.addresses import parse_web_url
from flamenco_mgr.settings.problems import Unfit, shown

# What a Manager listens on that listens everywhere, and where it is found from this machine.
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 compared with, not listened on

_LONGEST_HINT: Final = 120


@frozen(kw_only=True)
class ManagerAddress:
    """The URL of a Manager, without a slash at its end; ``certificate`` is the file with the one that it must show."""

    url: str
    certificate: Path | None = None


def told(url: str) -> ManagerAddress:
    """Return the address that somebody typed; raises `WrongUsage` if it is none."""
    try:
        return ManagerAddress(url=parse_web_url(url).rstrip("/"))
    except Unfit as e:
        hint = f"; {shortened(e.suggestion, _LONGEST_HINT)}" if e.suggestion else ""
        raise WrongUsage(f"--url {shown(url)} {e}{hint}") from e


def configured(settings: Settings) -> ManagerAddress:
    """Return the address at which a Manager with these settings serves this machine."""
    listen = settings.listen_https if settings.tls else settings.listen
    if not listen.port:
        raise WrongUsage("The configuration leaves the Manager's port to chance: say where it is (--url)")
    host = _EVERYWHERE.get(listen.host) or (f"[{listen.host}]" if ":" in listen.host else listen.host)
    scheme = "https" if settings.tls else "http"
    return ManagerAddress(
        url=f"{scheme}://{host}:{listen.port}", certificate=settings.tlscert if settings.tls else None
    )
