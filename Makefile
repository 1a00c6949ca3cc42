# Everything starts from a bare machine: python3 with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
# Another build of torch (for a GPU, say): make install TORCH="torch==... --index-url ..."
TORCH ?= torch==2.13.0
# Flags of `rfacenet train` for the released weights, such as TRAIN="--max_minutes 20".
TRAIN ?=
FACE_NETWORKS := rfacenet physnet deepphys tscan efficientphys physformer physformerpp i3d autohr
MAP_NETWORKS := rhythmnet stattention nashr cvd dualgan
NETWORKS := $(FACE_NETWORKS) $(MAP_NETWORKS)
# A person's own video; without one, the demo films a simulated face.
VIDEO ?=

.PHONY: install dev demo test lint weights $(NETWORKS:%=weights-%) clean

install: $(VENV)/.installed
dev: $(VENV)/.dev-installed

# torch first and by an exact version: a range would take the newest build, often with gigabytes for a GPU.
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("rfacenet needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	touch $@

$(VENV)/.dev-installed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: install
	mkdir -p $(DEMO)
ifeq ($(VIDEO),)
	$(BIN)/rfacenet simulate $(DEMO)/face.mp4 --heart-rate-bpm 72 --seed 3
	$(BIN)/rfacenet estimate $(DEMO)/face.mp4 --report $(DEMO)/report.html --json $(DEMO)/result.json
else
	@# Exit code 1 is an answer too: the report says why there is no heart rate.
	$(BIN)/rfacenet estimate "$(VIDEO)" --report $(DEMO)/report.html --json $(DEMO)/result.json || test $$? -eq 1
endif
	@echo "Look at $(DEMO)/report.html"

test: dev
	$(BIN)/python -m pytest

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The released weights from nothing; on two cores, make -j2 weights trains two at once. A stopped run goes on.
weights: $(NETWORKS:%=weights-%)

$(FACE_NETWORKS:%=weights-%): SETTING := simulated
$(MAP_NETWORKS:%=weights-%): SETTING := simulated-maps
$(NETWORKS:%=weights-%): weights-%: install
	where=$$($(BIN)/python -c 'import torch; print("gpu" if torch.cuda.is_available() else "cpu")') && \
	$(BIN)/rfacenet train --config $(SETTING)-$$where --network $* --out runs/weights-$* $(TRAIN)
	mkdir -p src/rfacenet/models/weights
	cp runs/weights-$*/best.safetensors src/rfacenet/models/weights/$*.simulated.safetensors
	cp runs/weights-$*/card.md src/rfacenet/models/weights/$*.simulated.md

clean:
	rm -rf $(VENV) $(DEMO)
