#!/bin/sh
# Record what needs a GPU. A GPU image that brings its own PyTorch is used as it is, since it may
# have no network; elsewhere the locked environment is made first.
set -eu
cd "$(dirname "$0")/.."
if [ ! -x .venv/bin/nagcore ] && python3 -c '
import matplotlib, pandas, rich, torch, typer
assert torch.cuda.is_available()' 2>/dev/null; then
    exec python3 -m nagcore.cli record --device cuda --stale "$@"
fi
tools/bootstrap.sh
exec .venv/bin/nagcore record --device cuda --stale "$@"
