PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: run test check bench fuzz real crash soak simulate lock clean
.DEFAULT_GOAL := run

run: $(VENV)/run.stamp  ## the bot in this terminal, with a small example world
	@$(BIN)/python -m mmbot console

test: $(VENV)/dev.stamp  ## the tests
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist worksteal

check: $(VENV)/dev.stamp  ## format, lint, types, and who may import whom
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/dev.stamp  ## measurements, as ratios within one run
	@$(BIN)/python -m bench

fuzz: $(VENV)/dev.stamp  ## 100,000 random requests at every door (N=… for more, SEED=… to repeat a run)
	@PYTHONPATH=tests $(BIN)/python -m fuzz $(or $(N),100000) $(or $(SEED),1)

real: $(VENV)/dev.stamp  ## the end-to-end suite against the server that MMBOT_REAL_URL and MMBOT_REAL_ADMIN name
	@test -n "$$MMBOT_REAL_URL" || { echo "Set MMBOT_REAL_URL and MMBOT_REAL_ADMIN=user:password"; exit 2; }
	@$(BIN)/python -m pytest tests/real tests/test_fake_mattermost.py

crash: $(VENV)/dev.stamp  ## kill -9 at every step of handling and sending; CRASH_EVERY=10 takes every tenth
	@$(BIN)/python -m pytest -s -p no:logging --show-capture=no tests/crash/test_every_step.py tests/crash/test_cut_killed.py tests/crash/test_cut_disturbed.py

soak: $(VENV)/dev.stamp  ## kills and faults at random, SOAK_KILLS=2000 of them
	@$(BIN)/python -m pytest -s -p no:logging --show-capture=no tests/crash/test_soak.py

simulate: $(VENV)/dev.stamp  ## a year of tickets and cases against the clock (DAYS=, TICKETS=, CASES=, SEED= for another one)
	@PYTHONPATH=tests $(BIN)/python -m simulate $(or $(DAYS),365) $(or $(TICKETS),300) $(or $(CASES),120) $(or $(SEED),1)

lock:  ## resolve the dependencies anew (needs uv)
	uv pip compile --no-config --default-index https://pypi.org/simple --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url --quiet pyproject.toml -o requirements.lock
	uv pip compile --no-config --default-index https://pypi.org/simple --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url --quiet pyproject.toml --group dev -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/run.stamp: requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing from requirements.lock …"
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing from requirements-dev.lock …"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/run.stamp
