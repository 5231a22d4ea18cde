# Everything is one of these; `make` alone lists them. Python 3.10-3.12 and make are all that is needed.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

VENV := .venv
PY := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)
ARGS ?=

# A Python that answers this one is good: the version fits, and it can make an environment (Debian packs that apart).
GOOD := import ensurepip, sys, venv; assert (3, 10) <= sys.version_info[:2] < (3, 13)
PYTHONS := python3.12 python3.11 python3.10 python3

.PHONY: help demo test check bench latency feed-bench replay-bench chaos feed-chaos docs lint types lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  ARGS="..." is passed on, as in: make demo ARGS="--seconds 30"'

demo: $(VENV)/.demo  ## order books become metrics on this machine, nothing installed but Python
	@$(VENV)/bin/obi demo $(ARGS)

test: $(VENV)/.dev  ## all tests; those on a real Kafka too where Java 17+ and Maven are at hand
	@$(PY) -m pytest $(ARGS)

check: lint types test  ## what the continuous integration runs

bench: $(VENV)/.dev  ## speed, on a real Kafka (Java 17+ and Maven)
	@$(PY) -m benchmarks $(ARGS)

latency: $(VENV)/.dev  ## from raw message to record, in milliseconds, on a real Kafka
	@$(PY) -m benchmarks.latency $(ARGS)

feed-bench: $(VENV)/.dev  ## a live feed of 500 symbols: lost, memory, processor, latency, on a real Kafka
	@$(PY) -m benchmarks.feed $(ARGS)

replay-bench: $(VENV)/.dev  ## the end of a partition of 2 000 000 messages again, on a real Kafka
	@$(PY) -m benchmarks.replay $(ARGS)

chaos: $(VENV)/.dev  ## kill -9, dying brokers, two writers: the output stays the same bytes (Java 17+ and Maven, half an hour)
	@$(PY) -m tests.chaos $(ARGS)

feed-chaos: $(VENV)/.dev  ## a live feed beside an exchange that errs fifty times on each venue (Java 17+ and Maven, 12 minutes)
	@$(PY) -m tests.live $(ARGS)

docs: $(VENV)/.dev  ## write the generated parts of the documents anew
	@$(PY) -m docs.generate

lint: $(VENV)/.dev  ## style and formatting
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check

types: $(VENV)/.dev  ## static types, strict
	@$(VENV)/bin/mypy

# --universal and the lowest Python: one file that holds for 3.10-3.12. No header, no annotations, no index: nothing of the machine.
LOCK = uv pip compile pyproject.toml --quiet --universal --python-version 3.10 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate
lock:  ## write the lock files anew (ARGS="--upgrade" for newer versions)
	@PATH="$$PATH:$(CURDIR)/$(VENV)/bin"; \
	command -v uv >/dev/null || { echo 'make lock needs uv: pip install uv'; exit 1; }; \
	$(LOCK) $(ARGS) -o requirements.lock && \
	$(LOCK) $(ARGS) --extra dashboard -c requirements.lock -o requirements-demo.lock && \
	$(LOCK) $(ARGS) --all-extras -c requirements-demo.lock -o requirements-dev.lock

clean:  ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist kernels/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. The stamps hang on the locks and the kernels: a changed one is installed, or compiled, before anything runs.
KERNELS := $(wildcard kernels/*.pyx kernels/*.pxd) hatch_build.py
# requirements.lock is what the job needs, the image's; the demo has a web page as well; who develops has all.
$(VENV)/.demo: requirements-demo.lock pyproject.toml $(KERNELS) | $(PY)
	@$(call install,requirements-demo.lock)
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements-demo.lock requirements.lock pyproject.toml $(KERNELS) | $(PY)
	@$(call install,requirements-dev.lock)
	@touch $(VENV)/.demo $@

# The project itself comes last, editable and without its dependencies: those are the lock's, checked by hash.
ifneq ($(UV),)
define install
echo "installing $(1) into $(VENV)"; \
uv pip install --quiet --python $(PY) --require-hashes -r $(1) && \
uv pip install --quiet --python $(PY) --no-deps --editable .
endef
else
define install
echo "installing $(1) into $(VENV)"; \
{ $(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null; } && \
$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) && \
$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
endef
endif

$(PY):
ifneq ($(UV),)
	@uv venv --quiet --python '>=3.10,<3.13' $(VENV)
else
	@for python in $(PYTHONS); do \
		if $$python -c '$(GOOD)' >/dev/null 2>&1; then \
			echo "making $(VENV) with $$(command -v $$python)"; exec $$python -m venv $(VENV); \
		fi; \
	done; \
	echo 'No usable Python found. This needs Python 3.10, 3.11 or 3.12 with its venv module (Bytewax has no wheels for others):'; \
	echo '  Debian, Ubuntu   apt-get install python3 python3-venv'; \
	echo '  Fedora           dnf install python3.12'; \
	echo '  macOS            brew install python@3.12'; \
	echo '  anywhere         install uv, which brings its own Python, and run make again'; \
	exit 1
endif
