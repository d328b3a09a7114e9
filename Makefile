# make demo    the main job: two example States go through the whole case of one child, then the network stops
# make test    everything that must hold, in about a quarter of an hour on two cores
# make test-browser  the consoles in Chromium, which has to be installed: sign-in, pages, languages, accessibility
# make run     the same local network, left running until Ctrl-C
# make check   format, lint, types, import walls, API contract, generated pages
# make bench   throughput and latency beside the bare floor, to .bench/report.json
# make mutants each safeguard taken out, one at a time: its own tests must fail, and no other safeguard's
# make walks   long random walks through every conversation on two nodes, and every interleaving of three messages
# make adapters every claim on every adapter, in every mood of the other system, and the long imports
# make faults  the long fault campaign (kill -9 at seeded points), more seeds than `make test` runs
# make year    a simulated year of 20 States and 100,000 messages, killed and compared; CASES=20 for a shorter one
.PHONY: demo test test-browser run check bench mutants walks adapters faults year setup format clean
PY = .venv/bin/python

setup:
	@sh scripts/setup

demo: setup
	@$(PY) -m service.cli.main demo

run: setup
	@$(PY) -m service.cli.main network up --dir .network --states it,ro

# A file's tests stay together, because they share what they started.
test: setup
	@$(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Fails without Chromium: pages that nobody looked at are not known to work.
test-browser: setup
	@$(PY) -m pytest tests/browser -m browser -n 2 --dist loadfile

check: setup
	@sh scripts/check

format: setup
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .

bench: setup
	@$(PY) -m tests.benchmarks.bench

mutants: setup
	@$(PY) -m tests.safeguards.mutants

walks: setup
	@$(PY) -m pytest tests/protocol -m slow -n 2 --timeout 7200

adapters: setup
	@$(PY) -m pytest tests/adapters -m "slow or not slow" --timeout 7200 -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

faults: setup
	@$(PY) -m pytest tests/faults --seeds 20 -s --timeout 7200

year: setup
	@$(PY) -m tests.year.campaign $(if $(CASES),--cases $(CASES))

clean:
	rm -rf .venv .network .demo .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
