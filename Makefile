# Everything a developer or a newcomer types. Each target sets up .venv when it is needed.

PYTHON ?= python3
TESTS ?= tests
JOBS ?= 2
DATABASE :=
REAL :=
FIGURES :=
CUTS := 1000
SEED := 1
KILLS :=
MATPLOTLIB := matplotlib >= 3.8, < 4
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.DEFAULT_GOAL := help
.PHONY: help demo run test check bench plots simulate torture powercut mutations mutate-domain fuzz lock clean

help:
	@echo 'make demo    a whole farm on this machine, in a minute (DATABASE=mongodb: two Managers on a stand-in for MongoDB;'
	@echo '             DATABASE=mongodb://...: on a new database of yours;'
	@echo '             REAL=1: with Workers that render and encode, if blender and ffmpeg are installed)'
	@echo 'make run     the Manager in the foreground, with ./manager.yaml'
	@echo 'make test    the tests (TESTS=tests.domain: some of them; JOBS=2: so many at once)'
	@echo 'make check   ruff and mypy'
	@echo 'make bench   the benchmarks (FIGURES=claims,mix: some of them;'
	@echo '             DATABASE=mongodb://...: those of a store, on new databases of yours)'
	@echo 'make plots   the tables and plots of docs/performance.md, of what was measured last'
	@echo 'make simulate SECONDS=600      farms on a clock of their own, each from a seed, with all that can go wrong'
	@echo 'make torture                   a farm of real processes, really killed'
	@echo 'make powercut CUTS=1000        what a power cut may leave of the embedded store'
	@echo 'make mutations                 planted mistakes, each of which a test must notice'
	@echo 'make mutate-domain             mistakes planted by a tool in flamenco_mgr/domain'
	@echo 'make fuzz SECONDS=10           nonsense, so long for every parser that reads what strangers send'
	@echo 'make lock    renew requirements.lock'
	@echo 'make clean   remove what the others have made, but not a store'

demo: $(READY)
ifeq ($(DATABASE),mongodb)
	@tests/mongo/mongo-server --setup || exit 1
	@echo 'The database is a stand-in for MongoDB, in memory: tests/mongo/mongo-server'
	@$(BIN)/python -m tests.mongo $(BIN)/python -m flamenco_mgr.demo --database {} $(if $(REAL),--real)
else
	@$(BIN)/python -m flamenco_mgr.demo $(if $(DATABASE),--database '$(DATABASE)') $(if $(REAL),--real)
endif

run: $(READY)
	@$(BIN)/twistd -n flamenco-manager

# Warnings are errors by the environment, as -W would not reach the processes in which the tests run.
test: $(READY)
	@PYTHONWARNINGS=error $(BIN)/python -m twisted.trial --jobs=$(JOBS) $(TESTS)

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

# The plots alone need matplotlib.
bench: $(READY)
	@$(BIN)/python -c 'import matplotlib' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check '$(MATPLOTLIB)'
	@$(BIN)/python -m bench $(if $(DATABASE),--database '$(DATABASE)') $(if $(FIGURES),--only '$(FIGURES)')

plots: $(READY)
	@$(BIN)/python -c 'import matplotlib' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check '$(MATPLOTLIB)'
	@$(BIN)/python -m bench.document
	@$(BIN)/python -m bench.plots

simulate: SECONDS := 600
simulate: $(READY)
	@$(BIN)/python -m tests.simulation --seconds $(SECONDS)

torture: $(READY)
	@$(BIN)/python -m tests.torture $(if $(SECONDS),--seconds $(SECONDS)) $(if $(KILLS),--kills $(KILLS)) --log

powercut: $(READY)
	@$(BIN)/python -m tests.powercut --seed $(SEED) --cuts $(CUTS)

mutations: $(READY)
	@$(BIN)/python -m tests.mutations

mutate-domain: $(READY)
	@$(BIN)/python -c 'import cosmic_ray' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'cosmic-ray >= 8.7, < 9'
	@$(BIN)/python -m tests.mutations.domain

fuzz: SECONDS := 10
fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --jobs $(JOBS)

lock: $(READY)
	@$(BIN)/python .ci/lock > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:
	@rm -rf $(VENV) build dist *.egg-info _trial_temp* .hypothesis .mypy_cache .ruff_cache .coverage* demo-run bench-run fuzz-run
	@find . -name __pycache__ -prune -exec rm -rf {} + -o -name dropin.cache -exec rm -f {} +

# The package is installed in editable mode in its older form, a path to this directory: in the newer one Twisted does
# not find the plugin. Bytecode of the installed packages is left to the first import.
$(READY): requirements.lock setup.py pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo 'There is no $(PYTHON): install Python 3.10 or later (Debian, Ubuntu: apt install python3), or say make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or later is needed, and $(PYTHON) is `$(PYTHON) -V 2>&1`; say make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@echo 'Setting up $(VENV) (once)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@touch $(READY)
