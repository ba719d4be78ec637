"""What ``twistd`` knows of the Manager before it is run (this folder never has an ``__init__.py``)."""

from twisted.application.service import ServiceMaker

flamenco_manager = ServiceMaker(
    "Flamenco Manager", "flamenco_mgr.tap", "Run a render farm's Manager.", "flamenco-manager"
)
