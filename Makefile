# What a newcomer runs: `make demo` (needs Python 3.11 or newer, and make) and `make test` (also Go, Java and Maven, or Docker; Chromium).
.DELETE_ON_ERROR:
.PHONY: demo check policy test soak bench schema lock clean
MAKEFLAGS += --no-print-directory

# PYTHON=/path/to/python chooses another interpreter; ONCE=1 ends the demo after its printing.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)
BIN := .venv/bin
UV := UV_HTTP_TIMEOUT=300 $(BIN)/uv
INSTALL := $(UV) pip install --python $(BIN)/python
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header $(if $(UPGRADE),--upgrade)
PYTEST := COPILOT_TEST_STRICT=1 $(BIN)/python -m pytest $(PYTEST_ARGS)
# Files in their order, by which units, the quickest, come last.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
HEAVY := tests/acceptance tests/integration/test_replay_of_case_file.py \
	$(wildcard tests/integration/test_interference*.py tests/integration/test_bench_*.py)
SUITES := policy retrieval generation injection
RESULTS := build/eval
SIZE := The first time this downloads 3 GB (torch and its libraries, 6 GB on disk), which can take minutes.
# Without their bytecode kept, some hundred processes would each compile everything anew.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

# One suite's figures as JSON, shown and kept; its gates decide whether it fails.
define evaluate
@mkdir -p $(RESULTS)
@echo 'eval: $(1)'
@$(BIN)/python -m eval $(1) --json --junit $(RESULTS)/$(1).xml > $(RESULTS)/$(1).json; \
	status=$$?; cat $(RESULTS)/$(1).json; exit $$status

endef

demo: .venv/.runtime .venv/.project
	@$(BIN)/copilot demo eval/casefile $(if $(filter 1 true yes,$(ONCE)),--once)

check: .venv/.dev .venv/.project
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@mkdir -p build
	$(BIN)/copilot schema > build/schema.graphql
	@diff -u graphql/schema.graphql build/schema.graphql || \
		{ echo 'graphql/schema.graphql is not what the code says: run `make schema`.' >&2; exit 1; }
	$(BIN)/python -m pytest -q tests/unit/test_layers.py
	@opa=$$($(BIN)/python -m tests.servers.opa) && \
		"$$opa" check --strict policy/rego && \
		"$$opa" fmt --fail --diff policy/rego && \
		"$$opa" test policy/rego && \
		"$$opa" test --coverage --threshold 100 policy/rego > build/rego-coverage.json && \
		$(BIN)/python -m policy.build --opa "$$opa" --check

# The gate of every pull request: the policy's own tests, all its branches, and the leak suite.
policy: .venv/.dev .venv/.project
	$(PYTEST) --cov=policy --cov-report= tests/unit/policy tests/contract tests/integration/test_policy_command.py
	$(BIN)/coverage report --include='policy/*' --fail-under=100
	$(call evaluate,policy)

# Nothing may be skipped: a server that is missing is a failure that says what to install.
# Two processes, since most tests wait for a server; the tests of one file share its servers. What takes
# minutes is not counted into the coverage: counting lines makes it half as long again. What promises a time
# runs alone, where nothing of ours makes it slow, and the best of three counts: machines only delay.
test: .venv/.dev .venv/.project
	$(PYTEST) -m 'not timed' $(PARALLEL) --cov --cov-report= $(addprefix --ignore=,$(HEAVY))
	$(BIN)/coverage report --fail-under=85
	$(BIN)/coverage report --include='policy/*' --fail-under=100
	$(PYTEST) -m 'not timed' $(PARALLEL) $(HEAVY)
	$(PYTEST) -m timed --reruns 2
	$(foreach suite,$(SUITES),$(call evaluate,$(suite)))

# At length: 10,000 comparisons and 5,000 timed pairs of the policy suite; of the ledger, 500 kills and ten
# classes of tampering a thousand times each.
soak: .venv/.dev .venv/.project
	@mkdir -p $(RESULTS)
	@$(BIN)/python -m eval policy --soak --json --junit $(RESULTS)/soak.xml > $(RESULTS)/soak.json; \
		status=$$?; cat $(RESULTS)/soak.json; exit $$status
	COPILOT_TAMPERINGS=1000 COPILOT_KILLS=500 $(PYTEST) tests/unit/proofs/test_tampering.py \
		tests/acceptance/test_killed_ledger.py

# make bench NAME=ask; make bench NAME=retrieval PEERS=1 also installs and measures other systems.
bench: .venv/.runtime .venv/.project $(if $(PEERS),build/peers/.installed)
	@test -n "$(NAME)" || { echo 'Say which: make bench NAME=…' >&2; exit 2; }
	@$(if $(PEERS),PYTHONPATH=build/peers )$(BIN)/copilot bench $(NAME) $(if $(JSON),--json)

schema: .venv/.runtime .venv/.project
	@mkdir -p build
	$(BIN)/copilot schema > build/schema.graphql
	@cp build/schema.graphql graphql/schema.graphql

# Keeps the pins that still fit; `make lock UPGRADE=1` takes the newest.
lock: .venv/.setup
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@mkdir -p build
	grep -oE '^[a-z0-9-]+==[^\\]+' requirements.lock | grep -v '^fsspec==' > build/shared-pins.txt
	$(COMPILE) -c build/shared-pins.txt --group pyproject.toml:bench -o requirements-bench.lock
	printf 'editables\nhatchling\nuv\n' | $(COMPILE) -c requirements-dev.lock - -o requirements-setup.lock
	@! grep -nE '://|--(index|extra-index|find-links)|@ file' requirements*.lock

clean:
	rm -rf .venv .copilot build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is as new as the lock it was installed from; the two locks agree, so any order of them serves.
$(BIN)/python:
	@$(or $(PYTHON),false) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Python 3.11 or newer with its venv module is needed (Debian: apt-get install python3 python3-venv);' >&2; \
		echo 'where it has another name: make PYTHON=/path/to/python …' >&2; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version)." >&2
	@$(PYTHON) -m venv .venv

.venv/.setup: requirements-setup.lock | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.runtime: requirements.lock .venv/.setup
	@echo 'Installing what the copilot needs. $(SIZE)' >&2
	@$(INSTALL) --require-hashes -r $<
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.setup
	@echo 'Installing what the copilot and its tests need. $(SIZE)' >&2
	@$(INSTALL) --require-hashes -r $<
	@touch $@

# Beside the environment and not in it: one of them wants an older fsspec than torch pins.
build/peers/.installed: requirements-bench.lock .venv/.setup
	@$(UV) pip install --python $(BIN)/python --target build/peers --require-hashes -r $<
	@touch $@

.venv/.project: pyproject.toml .venv/.setup
	@$(INSTALL) --quiet --no-deps --no-build-isolation --editable .
	@touch $@
