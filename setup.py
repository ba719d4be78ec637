"""Packaging; the build system and the tools' settings are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# Each range begins with the oldest version that the tests pass with, and ends before the first one that may break it.
NEEDED = [
    "twisted[tls] >= 25.5, < 27",  # the reactor, twistd, HTTP and HTTPS on both sides
    "klein >= 24.8, < 27",  # routes of the HTTP side towards Workers
    "treq >= 24.9, < 27",  # the HTTP client towards the Server
    "txmongo >= 25.0, < 27",  # MongoDB's driver
    "pymongo >= 4.9, < 5",  # its BSON and ids that are unique in the world; --check-config looks with it
    "pyOpenSSL >= 24.3, < 27",  # TLS towards MongoDB; from here on it takes cryptography's certificates
    "cryptography >= 42, < 51",  # the certificates and keys that a MongoDB's URL names, read
    "zope.interface >= 7, < 10",  # the interfaces between the layers
    "attrs >= 23.1, < 27",  # frozen values
    "PyYAML >= 6.0.1, < 7",  # the configuration file
    "bcrypt >= 4.1.1, < 6",  # Workers' secrets are stored as hashes, the same that Manager 2.x stores
    "PyJWT >= 2.11, < 3",  # the token with which a Worker may register, if there is a registration secret
    # The progress of the demonstration and of work on stores, and tables of the command line on narrow terminals.
    "rich >= 13.7, < 16",
    "cattrs >= 24.1, < 27",  # records of a neutral backup as JSON, and back, strictly
    "click >= 8.2, < 9",  # the command line flamenco-manager: groups, help, completion
    # That command line's HTTP client: needs nothing else and no reactor, pins certificates, and takes no proxy from the
    # environment. (treq would start a reactor for each command, requests stands on this one, httpx is not kept up.)
    "urllib3 >= 2.2, < 3",
    "prometheus-client >= 0.20, < 1",  # /metrics
]

DEVELOPMENT = [
    "build >= 1.2, < 2",
    "coverage >= 7.5, < 8",
    "hypothesis >= 6.100, < 7",
    "mypy >= 1.11, < 3",
    "mypy-zope >= 1.0.5, < 2",
    "psutil >= 5.9, < 8",
    "ruff >= 0.6, < 1",
    "setuptools >= 77, < 90",  # so that the wheel can be built and tested without a network
    "types-PyYAML >= 6.0.12, < 7",
]


def version() -> str:
    """Return the version that the package states of itself."""
    stated = re.search(r'^__version__ = "(.+)"$', (HERE / "flamenco_mgr/__init__.py").read_text(), re.MULTILINE)
    if stated is None:
        raise SystemExit("flamenco_mgr/__init__.py states no version")
    return stated[1]


setup(
    name="flamenco-manager",
    version=version(),
    description="The Manager of a Flamenco 2 render farm, as a Twisted application",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">= 3.10",
    # Twisted looks for plugins in "twisted.plugins"; a wheel that does not name it is installed without ours.
    packages=[*find_packages(include=["flamenco_mgr", "flamenco_mgr.*"]), "twisted.plugins"],
    package_data={
        "flamenco_mgr": ["py.typed"],
        "flamenco_mgr.demo": ["examples/*.json"],
        "flamenco_mgr.scenes": ["*.blend"],
        "flamenco_mgr.store.sqlite": ["schema/*.sql"],
    },
    # What an administrator starts from: found in share/flamenco-manager of the environment.
    data_files=[
        (
            "share/flamenco-manager",
            [
                "manager.yaml",
                "docs/api.md",
                "docs/backup-format.md",
                "docs/mongodb.md",
                "docs/security.md",
                "docs/steering.md",
                "systemd/flamenco-manager.service",
                "contrib/grafana/flamenco-manager.json",
                "contrib/prometheus/alerts.yaml",
            ],
        )
    ],
    install_requires=NEEDED,
    entry_points={"console_scripts": ["flamenco-manager = flamenco_mgr.cli.program:main"]},
    extras_require={"dev": DEVELOPMENT},
    classifiers=[
        "Environment :: No Input/Output (Daemon)",
        "Framework :: Twisted",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Graphics :: 3D Rendering",
        "Typing :: Typed",
    ],
)
