"""
A process in which one target is fuzzed by atheris, which ends it.

``python -m tests.fuzz.covered TARGET OPTIONS... DIRECTORY``; what the Manager's modules do is traced from their import.
"""

import sys
from importlib import import_module


def main(name: str, options: list[str]) -> None:
    """Fuzz a target with libFuzzer's options."""
    # By name: neither the tests nor the types need a fuzzer that is not everywhere.
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["flamenco_mgr"]):
        from tests.fuzz.targets import ALL  # noqa: PLC0415 what is imported here is traced
    target = ALL[name]

    def look(data: bytes) -> None:
        target.look_at(data)

    atheris.Setup([sys.argv[0], *options], look)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
