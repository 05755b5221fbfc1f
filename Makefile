# `make demo` shows the program, `make test` checks it. Both set up .venv first, once.

VENV := .venv
BIN := $(VENV)/bin
# All that we need is on the package index in ready-made form for these versions of Python.
PREFERRED := import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
SUPPORTED := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.12 python3.11; do \
	$$name -c '$(PREFERRED)' 2>/dev/null && echo $$name && exit; done; echo python3)
CHECKED := ballgan viewer train assets
TEST_OPTIONS ?=
BENCH_OPTIONS ?=
BENCH_MODELS ?=
BENCHMARKS := startup load render mesh viewer

MONKEY_ACTIONS ?= 20000

.PHONY: help demo test monkey lint format bench check-speed clean libraries

help:
	@echo "make demo    open the viewer on the bundled model (without a display: write demo.png)"
	@echo "make test    run all tests; TEST_OPTIONS=\"-k mesh -x\" goes to pytest"
	@echo "make monkey  20,000 random actions at the viewer, an hour of a quiet machine;"
	@echo "             MONKEY_ACTIONS=2000 for a look"
	@echo "make lint    check formatting, style and types"
	@echo "make format  format the code"
	@echo "make bench   measure speeds into benchmarks/RESULTS.md; BENCH_OPTIONS=--quick for a look,"
	@echo "             BENCH_MODELS=\"a.pkl b.pkl\" for other models than the bundled one"
	@echo "make check-speed  run the benchmarks for a minute: fails on wrong results, or where the fast"
	@echo "             way is less than half as much faster than the plain one as it should be"
	@echo "make clean   remove .venv and everything else that can be made again"
	@echo
	@echo "PYTHON=/path/to/python3 chooses the Python (3.11 or newer) that .venv is made with."

demo: $(VENV)/.installed libraries
	@if [ "$$(uname -s)" != Linux ] || [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
		$(BIN)/ballgan-viewer; \
	else \
		echo "There is no display: running the viewer offscreen ..."; \
		$(BIN)/ballgan-viewer --offscreen --screenshot demo.png \
			&& echo "Its window is in the picture $(CURDIR)/demo.png"; \
	fi

test: $(VENV)/.installed-test libraries
	$(BIN)/python -m pytest $(TEST_OPTIONS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CHECKED)

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What the commands set for themselves.
TUNED := settings=$$($(BIN)/python -c "from ballgan.process import ALLOCATOR, SPINS; \
	print(f'GLIBC_TUNABLES={ALLOCATOR} GOMP_SPINCOUNT={SPINS}')") && env $$settings

monkey: $(VENV)/.installed-test libraries
	$(TUNED) BALLGAN_MONKEY_ACTIONS=$(MONKEY_ACTIONS) $(BIN)/python -m pytest \
		tests/test_viewer_monkey.py -k many -o log_cli=true -o log_cli_level=INFO $(TEST_OPTIONS)

bench: $(VENV)/.installed libraries
	@{ echo "# Measured speeds"; echo; \
		echo "Made by \`make bench\`; what is compared stands in the head of each program."; \
		for name in $(BENCHMARKS); do \
			echo "Running benchmarks/$$name.py ..." >&2; \
			echo; echo "## benchmarks/$$name.py"; echo; \
			models="$(BENCH_MODELS)"; if [ $$name = startup ]; then models=; fi; \
			$(TUNED) $(BIN)/python benchmarks/$$name.py $$models $(BENCH_OPTIONS) || exit 1; \
		done; } > benchmarks/RESULTS.md
	@cat benchmarks/RESULTS.md

check-speed: $(VENV)/.installed libraries
	@for name in $(BENCHMARKS); do \
		echo "benchmarks/$$name.py --quick"; \
		$(TUNED) $(BIN)/python benchmarks/$$name.py --quick || exit 1; echo; \
	done

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache demo.png
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installing. The marks are newer than what they were made from, so nothing is installed twice.

$(VENV)/.installed: pyproject.toml setup.py | $(BIN)/python
	$(call install,.)
	@touch $@

$(VENV)/.installed-test: pyproject.toml setup.py | $(BIN)/python
	$(call install,.[test])
	@touch $(VENV)/.installed $@

$(BIN)/python:
	@$(PYTHON) -c '$(SUPPORTED)' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed; $(PYTHON) is not that." >&2; \
		echo "Install it, or say where it is: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
		exit 1; }
	@$(call need,$$($(PYTHON) -c "import ensurepip" 2>/dev/null || echo python3-venv))
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV)

# $(call install,WHAT): of pip's output only what is fetched, so that a person sees it move.
define install
	@echo "Installing BallGAN into $(VENV); the first time this downloads PyTorch ..."
	@bash -c 'set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check -e "$(1)" \
		| { grep --line-buffered -E "^  (Downloading|Using cached)|^(Processing|Installing)" || true; }'
endef

# The OpenGL libraries of Linux; the other systems have their own.
libraries: | $(BIN)/python
	@if [ "$$(uname -s)" = Linux ]; then \
		$(call need,$$($(BIN)/python -c "from ctypes.util import find_library as find; \
			print(*(p for n, p in ((\"EGL\", \"libegl1\"), (\"GL\", \"libgl1\")) if not find(n)))")); \
	fi

# $(call need,PACKAGES): install them with apt where that is permitted, else say how.
define need
missing="$(1)"; \
if [ -n "$$missing" ]; then \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	if command -v apt-get >/dev/null && { [ -z "$$sudo" ] || sudo -n true 2>/dev/null; }; then \
		echo "Installing $$missing ..."; \
		export DEBIAN_FRONTEND=noninteractive; \
		{ $$sudo apt-get update -qq && $$sudo apt-get install -y -qq $$missing >/dev/null; } \
			|| echo "That failed; please install: $$missing" >&2; \
	else \
		echo "Missing; please run: sudo apt-get install $$missing" >&2; \
	fi; \
fi
endef
