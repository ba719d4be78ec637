"""``python -m flamenco_mgr.cli``: the same as ``flamenco-manager``."""

from flamenco_mgr.cli.program import main

main()
