"""The settings: each key of ``manager.yaml``, what it can be, and its default (configuration.md 3)."""

# ruff: noqa: RUF009 setting() and section() return the attributes themselves

from pathlib import Path

import attrs
from attrs import frozen

from flamenco_mgr.domain.variables import Variable
from flamenco_mgr.settings import kinds
from flamenco_mgr.settings.addresses import Address
from flamenco_mgr.settings.problems import ConfigErrors, Notes, Place, without_user
from flamenco_mgr.settings.sections import OldName, Setting, entries, section, setting
from flamenco_mgr.settings.variables import EXAMPLES, VARIABLES, by_name

_HOUR = 3600.0
_DAY = 24 * 3600

_OPTIONAL_SIGN = kinds.duration(least=None)
_SOME_TIME = kinds.duration(zero=False)


def hidden(secret: str) -> str:
    """Return what is shown of a secret: whether there is one."""
    return "***" if secret else ""


@frozen(kw_only=True)
class TestBlenderRender:
    """Where the test job of a Worker finds and puts its files, as texts with variables."""

    job_storage: str = setting(kinds.TEXT, "{job_storage}/test-jobs")
    render_output: str = setting(kinds.TEXT, "{render}/test-renders")


@frozen(kw_only=True)
class TestTasks:
    """What test jobs are made of."""

    test_blender_render: TestBlenderRender = section(TestBlenderRender)


@frozen(kw_only=True)
class GarbageCollect:
    """When the file store forgets files that nobody uses: a ``period`` of 0 means never."""

    period: float = setting(kinds.DURATION, 24 * _HOUR)
    max_age: float = setting(kinds.DURATION, 744 * _HOUR, key="maxAge")
    extra_checkout_paths: tuple[Path, ...] = setting(kinds.PATHS, (), key="extraCheckoutPaths")


@frozen(kw_only=True)
class Shaman:
    """The store for jobs' files."""

    enabled: bool = setting(kinds.FLAG, default=True)
    file_store_path: Path = setting(kinds.PATH, Path("/shared/flamenco/file-store"), key="fileStorePath")
    checkout_path: Path = setting(kinds.PATH, Path("/shared/flamenco/jobs"), key="checkoutPath")
    garbage_collect: GarbageCollect = section(GarbageCollect, key="garbageCollect")


@frozen(kw_only=True)
class UserAuthentication:
    """How users are known; ``disable_security`` means that everybody may do everything."""

    disable_security: bool = setting(kinds.FLAG, default=False, key="disableSecurity", left_out=True)
    public_keys_download_interval: float = setting(kinds.DURATION, _HOUR, key="publicKeysDownloadInterval")


@frozen(kw_only=True)
class Azure:
    """A batch account whose pools are Workers."""

    location: str = setting(kinds.TEXT, "")
    batch_account_name: str = setting(kinds.TEXT, "")
    fake: bool = setting(kinds.FLAG, default=False)


@frozen(kw_only=True)
class DynamicPoolPlatforms:
    """Where Workers can be rented."""

    azure: Azure = section(Azure)


@frozen(kw_only=True)
class WebSetup:
    """What the set-up in the browser shows."""

    hide_infra_settings: bool = setting(kinds.FLAG, default=False)


@frozen(kw_only=True)
class Settings:
    """
    A whole configuration; attributes are named like the keys, below sections in snake case.

    Durations are seconds. Paths that come from a file are absolute. ``own_url`` and ``manager_id`` may be empty, and
    ``database_url`` is for the embedded store. The secrets are not in its ``repr``.
    """

    mode: str = setting(kinds.choice("production", "develop"), "production")
    manager_name: str = setting(kinds.TEXT, "Flamenco Manager")
    database_url: str = setting(kinds.DATABASE_URL, "", mask=without_user)
    database_path: Path = setting(kinds.PATH, Path("./db"))
    task_logs_path: Path = setting(kinds.PATH, Path("./task-logs"))
    listen: Address = setting(kinds.ADDRESS, Address("", 8080))
    listen_https: Address = setting(kinds.ADDRESS, Address("", 8443))
    own_url: str = setting(kinds.URL, "")
    flamenco: str = setting(kinds.SERVER_URL, "https://cloud.blender.org/")
    manager_id: str = setting(kinds.ID, "")
    manager_secret: str = setting(kinds.TEXT, "", mask=hidden, left_out=True)
    tlskey: Path | None = setting(kinds.OPTIONAL_PATH, None)
    tlscert: Path | None = setting(kinds.OPTIONAL_PATH, None)
    acme_domain_name: str = setting(kinds.NO_ACME, "")
    download_task_sleep: float = setting(_SOME_TIME, 600.0, old_name=OldName(key="download_task_sleep_seconds"))
    download_mode: str = setting(kinds.choice("auto", "depsgraph", "chunk"), "auto")
    download_task_recheck_throttle: float = setting(
        _OPTIONAL_SIGN, 10.0, old_name=OldName(key="download_task_recheck_throttle_seconds")
    )
    task_update_push_max_interval: float = setting(
        kinds.DURATION, 5.0, old_name=OldName(key="task_update_push_max_interval_seconds")
    )
    task_update_push_max_count: int = setting(kinds.COUNT, 3000)
    cancel_task_fetch_max_interval: float = setting(
        kinds.DURATION, 10.0, old_name=OldName(key="cancel_task_fetch_max_interval_seconds")
    )
    active_task_timeout_interval: float = setting(
        _SOME_TIME, 600.0, old_name=OldName(key="active_task_timeout_interval_seconds")
    )
    active_worker_timeout_interval: float = setting(_SOME_TIME, 60.0)
    task_cleanup_max_age: float = setting(
        kinds.DURATION, 336 * _HOUR, old_name=OldName(key="task_cleanup_max_age_days", seconds=_DAY)
    )
    worker_cleanup_max_age: float = setting(kinds.DURATION, 0.0)
    worker_cleanup_status: tuple[str, ...] = setting(kinds.STATUSES, ("offline",))
    task_log_max_age: float = setting(kinds.DURATION, 0.0)
    task_log_max_files: int = setting(kinds.COUNT, 0)
    event_log_max_age: float = setting(kinds.DURATION, 720 * _HOUR)
    blacklist_threshold: int = setting(kinds.COUNT, 3)
    task_fail_after_softfail_count: int = setting(kinds.COUNT, 3)
    sick_worker_threshold: int = setting(kinds.COUNT, 5)
    watch_for_latest_image: Path | None = setting(kinds.OPTIONAL_PATH, None)
    ssdp_discovery: bool = setting(kinds.FLAG, default=True)
    ssdp_device_uuid: str = setting(kinds.TEXT, "7401c189-ef69-434b-b4d8-56d00075faf5")
    test_tasks: TestTasks = section(TestTasks)
    shaman: Shaman = section(Shaman)
    user_authentication: UserAuthentication = section(UserAuthentication)
    worker_registration_secret: str = setting(kinds.TRIMMED, "", mask=hidden)
    max_connections: int = setting(kinds.COUNT, 10_000)
    max_connections_per_address: int = setting(kinds.COUNT, 5_000)
    request_head_timeout: float = setting(_SOME_TIME, 10.0)
    request_timeout: float = setting(_SOME_TIME, 60.0)
    dynamic_pool_platforms: DynamicPoolPlatforms = section(DynamicPoolPlatforms, left_out=True)
    websetup: WebSetup = section(WebSetup, left_out=True)
    variables: tuple[Variable, ...] = setting(VARIABLES, EXAMPLES, converter=by_name)

    @property
    def tls(self) -> bool:
        """Whether Workers are served by HTTPS, at ``listen_https`` alone."""
        return self.tlskey is not None and self.tlscert is not None

    def overridden(
        self,
        *,
        mode: str | None = None,
        database_url: str | None = None,
        listen: str | None = None,
        own_url: str | None = None,
    ) -> "Settings":
        """Return the settings with these texts instead of the file's; raise `ConfigErrors` if they do not fit."""
        texts = {"mode": mode, "database_url": database_url, "listen": listen, "own_url": own_url}
        place = Place(Notes())
        read = {
            name: about.read(texts[name], place.key(key))
            for name, key, about in entries(Settings)
            if isinstance(about, Setting) and texts.get(name) is not None
        }
        if place.notes.problems:
            raise ConfigErrors(place.notes.problems, "The command line")
        return attrs.evolve(self, **read)
