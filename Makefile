# Every target sets up what it needs. Only Python 3.11+ and make are required.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL_UV = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    -r requirements.uv.lock
# Many targets start dozens of processes, each in half the time with bytecode: it is written even where the shell says not to.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test verify test-year prove check check-quick check-deploy test-terraform rehearse-restore bench figures format lock lock-images pin-images names vendor screenshots notebook site configuration cost fields problems diagrams clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

# A target that nothing is known about, typed in a hurry.
.DEFAULT:
	@$(PYTHON) -c 'import difflib, re, sys; known = re.findall(r"^([a-z][a-z-]*):", open("Makefile").read(), re.M); \
	    near = difflib.get_close_matches("$@", known, 1); \
	    sys.exit("make: there is no target $@" + (f"; did you mean {near[0]}?" if near else ";") + " `make help` lists all")'

setup: $(VENV)/ready  ## a virtual environment with the locked dependencies

$(VENV)/ready: pyproject.toml requirements.lock requirements.uv.lock
	@bash tools/setup.sh $(PYTHON) $(VENV)

demo: setup  ## the whole system on this machine, with a year of real flights (other ports: ARGS="--api-port 9000"; see ARGS=--help)
	@bash tools/demo.sh $(BIN)/python $(ARGS)

# Tests wait for processes and a browser: four workers keep two cores busy, and the types are checked while they run.
test: setup  ## checks, all tests, and a short gate of each verification: some minutes (what it leaves out it says)
	@$(MAKE) --no-print-directory check-quick
	@mkdir -p build && rm -f build/types.txt
	@$(BIN)/mypy >build/types.txt 2>&1 & types=$$!; trap 'kill $$types 2>/dev/null' INT TERM HUP; \
	    $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder; tests=$$?; \
	    wait $$types; types=$$?; echo "mypy, run next to the tests:"; cat build/types.txt; test $$tests -eq 0 && test $$types -eq 0

verify: setup  ## the long gates, about half an hour, for every night; goes on where it was cut off (ARGS="--only mutation")
	@$(BIN)/python -m tests.verification.campaign.verify $(ARGS)

test-year: setup  ## the exactness tests with all flights of the year instead of a part
	@$(BIN)/python -m pytest tests/system/integration/test_exactness.py --flights 336776 --asked 1000

.PHONY: test-engines lock-engines
test-engines: setup  ## the outside tables in Spark, ClickHouse and DataFusion (installs 600 MB and jars, needs Java 17 or newer; exit 2: there is none)
	@"$${JAVA_HOME:+$$JAVA_HOME/bin/}java" -version >/dev/null 2>&1 || { \
	    echo "make test-engines: NOTHING WAS TESTED: Spark needs Java 17 or newer, and there is none." \
	        "Install one (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME." >&2; exit 2; }
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-build-isolation --require-hashes -r requirements.engines.lock
	@$(BIN)/python -m pytest tests/system/engines/check_spark.py tests/system/engines/check_chdb.py \
	    tests/system/engines/check_datafusion.py --asked-engines=200 -rP

prove: setup  ## the long proofs, hours; goes on where it was cut off (sizes: ARGS="--seeds 1000 --kills 50 ...")
	@$(BIN)/python -m tests.verification.campaign $(ARGS)

bench: setup  ## measurements against what users would pick instead: a table and build/bench.json (ARGS="--only writer question")
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.bench.lock || \
	    echo '!!! NOT INSTALLED: requirements.bench.lock; what needs its peers is not measured'
	@$(BIN)/python -m bench $(ARGS)

figures:  ## measures published figures whose code has changed again, and writes the documents
	@$(MAKE) --no-print-directory bench ARGS="--stale $(ARGS)"

check: check-quick  ## formatter, linters of code and prose, import rules, types
	@$(BIN)/mypy

check-quick: setup  ## `make check` without the types: seconds
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.prose

check-deploy: setup  ## Terraform against the real provider, and the Dockerfiles' steps; exit 2: not all of it could be had
	@bash tools/check_deploy.sh

rehearse-restore: setup  ## loses the objects of a lake on this machine, restores them, compares the answers
	@$(BIN)/python -m local_cloud rehearse-restore

test-terraform: setup  ## only Terraform against the real provider; exit 2: it could not be had
	@bash tools/check_deploy.sh terraform

format: setup  ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:  ## resolve the newest versions that fit into requirements.lock
	@$(PYTHON) -m venv $(VENV) && $(INSTALL_UV)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group installer --upgrade --generate-hashes \
	    --no-emit-index-url --custom-compile-command "make lock" -o requirements.uv.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --group build --upgrade --generate-hashes \
	    --no-emit-index-url --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	@$(MAKE) --no-print-directory lock-images lock-engines

# NumPy is for analysts: the services do without.
lock-images:  ## the part of requirements.lock that each image installs, its bill of materials, and the bench's peers: after a change of an extra
	@for image in api writer; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra $$image --generate-hashes \
	    --no-emit-package numpy --constraint requirements.lock --no-emit-index-url --custom-compile-command "make lock" pyproject.toml -o requirements.$$image.lock; done
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group bench --generate-hashes \
	    --constraint requirements.lock --no-emit-index-url --custom-compile-command "make lock" pyproject.toml -o requirements.bench.lock
	@$(BIN)/python -m tools.sbom

lock-engines:  ## what `make test-engines` installs beside requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group engines --generate-hashes --constraint requirements.lock \
	    --no-emit-index-url --custom-compile-command "make lock" -o requirements.engines.lock

pin-images: setup  ## write the digests of all images that builds start from (needs docker with buildx); ARGS=--check only looks
	@$(BIN)/python -m tools.pin_images $(ARGS)

names:  ## write the dashboard's names of carriers and airports, and their places, again
	@$(BIN)/python -m local_cloud names > query_service/dashboard/static/names.json

.PHONY: land
land:  ## draw the land below the dashboard's map again, from the package that land.json names (needs npm)
	@$(BIN)/python -m tools.land

vendor:  ## fetch the dashboard's chart library again, as vendor.json names it (needs npm)
	@$(BIN)/python -m tools.vendor

.PHONY: lighthouse
lighthouse: setup  ## Lighthouse's scores of a running dashboard (needs npm and Chromium): ARGS=http://127.0.0.1:8080/
	@$(BIN)/python -m tools.lighthouse $(ARGS)

screenshots: setup  ## take the pictures of docs/screenshots again (needs Chromium)
	@$(BIN)/python -m tools.screenshots

.PHONY: monitoring-picture
monitoring-picture: setup  ## draw docs/screenshots/monitoring.png again (needs Terraform and Chromium)
	@$(BIN)/python -m tools.monitoring_picture

notebook: setup  ## run docs/flights.ipynb over the lake of LAKE_URL, and store what it shows
	@$(BIN)/python -m tools.notebook

site: setup  ## the documents as a site in build/site, its links checked; read it by: python -m http.server -d build/site
	@$(BIN)/python -m tools.site

configuration: setup  ## write docs/configuration.md again, from the settings classes
	@$(BIN)/python -m tools.configuration

cost: setup  ## write docs/cost.md again, from docs/prices.json and the counted requests
	@$(BIN)/python -m tools.cost

fields: setup  ## write what comes from the table of event fields again: JSON Schema, docs/event.md
	@$(BIN)/python -m tools.fields

problems: setup  ## write the page of the API that shows docs/problems.md again
	@$(BIN)/python -m tools.problems

diagrams: setup  ## draw docs/diagrams again (needs npm and Chromium)
	@$(BIN)/python -m tools.diagrams

clean:  ## remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info
