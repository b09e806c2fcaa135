# `make demo` and `make test` install what they need into .venv first. The lines are the commands that one would type.
PYTHON ?= python3.11
VENV ?= .venv
# torch==2.13.0 (tests only) is large on Linux from the default index; TORCH_INDEX=URL names one with CPU builds.
TORCH_INDEX ?=
# Processes that share the tests; each takes up to 6 GB.
TEST_PROCESSES ?= 2
SEED ?= 0
DATA ?= data/demo
RUN ?= runs/demo
# The demo's run where it is done, else one of its severity task alone, whose scores are the same with the report task off.
LOSO_RUN ?= $(if $(wildcard $(RUN)/eval/results.json),$(RUN),runs/loso)
LOSO_DATA ?= data/loso
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo loso test test-slow soak lint clean

demo: $(VENV)/.installed
	$(BIN)/python -m input_pipeline.simulate --output=$(DATA) --seed=0
	$(BIN)/python -m tramp_jax.train --config=configs/demo.py --workdir=$(RUN) --seed=$(SEED) --config.data.path=$(DATA)
	$(BIN)/python -m tramp_jax.ablate --checkpoint=$(RUN)
	$(BIN)/python -m tramp_jax.evaluate --checkpoint=$(RUN)
	$(BIN)/python -m tramp_jax.assess $(DATA) --checkpoint=$(RUN) --output=$(RUN)/report

# What the evaluation protocols are worth, on simulated people whom the encoder never saw: six cohorts of PFED5's 41.
loso: $(VENV)/.installed
ifneq ($(LOSO_RUN),$(RUN))
	$(BIN)/python -m input_pipeline.simulate --output=$(DATA) --seed=0
	$(BIN)/python -m tramp_jax.train --config=configs/demo.py --workdir=$(LOSO_RUN) --seed=$(SEED) --config.data.path=$(DATA) \
	  --config.schedule.weights.report=0 --config.total_steps=700
endif
	$(BIN)/python -m input_pipeline.simulate --output=$(LOSO_DATA) --seed=1 --subjects=246
	$(BIN)/python -m tramp_jax.cross_validate --checkpoint=$(LOSO_RUN) --data=$(LOSO_DATA) --output=$(LOSO_RUN)/protocols \
	  --folds=10,loso --seeds=3 --cohorts=41
	$(BIN)/python -m tramp_jax.cross_validate --checkpoint=$(LOSO_RUN) --data=$(LOSO_DATA) --output=$(LOSO_RUN)/protocols-fresh \
	  --folds=10 --seeds=3 --cohorts=41 --encoder=fresh

# A file of tests stays in one process: what its fixtures make is made once.
test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile -m slow

# Under an hour on 2 cores: 50 kills, 2,000 damaged files, 10,000 mutated inputs, and a table of what came of them.
soak: $(VENV)/.installed-test
	TRAMP_JAX_KILLS=50 TRAMP_JAX_CORRUPTIONS=1000 TRAMP_JAX_MUTATIONS=10000 $(BIN)/python -m pytest -m 'slow or not slow' --faults \
	  tests/test_dataset.py tests/test_checkpoint_store.py tests/test_hostile_input.py tests/test_training_faults.py tests/test_training_spikes.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[extract]'
	touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.installed
	$(PIP) torch==2.13.0 $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(PIP) --editable '.[extract,test]'
	touch $@

clean:
	rm -rf data runs
