# Every target is a thin call of the package's own command line: `.venv/bin/nagcore --help`.
#   make PYTHON=/path/to/python3.12 …    another interpreter     make test ARGS="-k nesterov"
NAGCORE := .venv/bin/nagcore
PYTHON ?=
ARGS ?=
export PYTHON
.DEFAULT_GOAL := help
.PHONY: help env book test gpu quality lint serve doctor lock clean

help: ## print these lines
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-15s%s\n", $$1, $$2 }'

env: ## make or renew the environment .venv (every target below does it first)
	@tools/bootstrap.sh

book: env ## execute the chapters on the CPU and build the site (10 minutes at most, then seconds); ARGS=--pdf prints it too
	@$(NAGCORE) book $(ARGS)

test: env ## run the tests
	@$(NAGCORE) test $(ARGS)

gpu: ## record what needs a GPU and is missing or stale; ARGS="--within 20" takes 20 minutes
	@tools/gpu.sh $(ARGS)

quality: env ## measure every page of the built site; ARGS=--full measures all of it
	@$(NAGCORE) quality $(ARGS)

lint: env ## check style, types, who imports whom, and that chapters are committed without outputs
	@$(NAGCORE) lint $(ARGS)

serve: env ## show the built site in a browser
	@$(NAGCORE) serve $(ARGS)

doctor: env ## say what is here and what each missing thing would enable
	@$(NAGCORE) doctor $(ARGS)

lock: ## resolve pyproject.toml anew into requirements.lock
	@tools/bootstrap.sh uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras \
	  --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock $(ARGS)

clean: ## remove what was built (not .venv, and not your own runs in _runs)
	@rm -rf _build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './.tools/*' -prune -exec rm -rf {} +
