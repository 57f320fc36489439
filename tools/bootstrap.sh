#!/bin/sh
# Make the environment .venv from requirements.lock; do nothing where it is already up to date.
#
# Needs Python 3.11 to 3.13 and package registries, nothing else: uv is taken from PATH or brought
# into .tools/. Nothing is installed outside this folder (uv's download cache apart).
#   PYTHON=/path/to/python3 tools/bootstrap.sh    use this interpreter
#   tools/bootstrap.sh uv [ARGUMENT ...]          run that same uv, without making .venv
set -eu
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
cd "$(dirname "$0")/.."
export UV_PYTHON_DOWNLOADS=never UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-300}"

STAMP=.venv/complete
say() { printf '%s\n' "bootstrap: $*" >&2; }
fail() { say "$@"; exit 1; }

# Prints the interpreter that lies under `$1` (not that of a virtual environment), if it fits.
base_of() {
    "$1" -c '
import os, sys
if (3, 11) <= sys.version_info[:2] <= (3, 13):
    print(os.path.realpath(sys._base_executable))
else:
    sys.exit(1)' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        base_of "$PYTHON" && return
    else
        # The one that .venv was made with comes first, so that PYTHON= is said only once.
        [ -f "$STAMP" ] && base_of .venv/bin/python && return
        for candidate in python3 python3.13 python3.12 python3.11; do
            base_of "$candidate" && return
        done
    fi
    found=$("${PYTHON:-python3}" --version 2>&1) || found="no ${PYTHON:-python3}"
    fail "found $found, but Python 3.11, 3.12 or 3.13 is needed." \
        "Install one (Debian 12 and later: apt-get install python3), or name one:" \
        "make PYTHON=/path/to/python3.12"
}

# Two words: what the interpreter is, and what is to be installed for it.
fingerprint() {
    "$python" - requirements.lock pyproject.toml tools/bootstrap.sh <<'PYTHON'
import hashlib, pathlib, sys
place = repr((sys.version, sys.executable, str(pathlib.Path.cwd()))).encode()
files = b"".join(pathlib.Path(name).read_bytes() for name in sys.argv[1:])
print(hashlib.sha256(place).hexdigest(), hashlib.sha256(files).hexdigest())
PYTHON
}

# The options used below are understood by uv 0.8 and later.
usable_uv() {
    case $("$1" --version 2>/dev/null) in
        "uv 0."[0-7].*) return 1 ;;
        "uv 0."*) return 0 ;;
        *) return 1 ;;
    esac
}

with_pip() {
    "$@" install --quiet --disable-pip-version-check --root-user-action ignore \
        --require-hashes -r tools/uv.txt ${target:+--target "$target"} >&2
}

# Debian keeps pip in packages of its own; the wheel in one of them runs without being installed.
with_pip_of_debian() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    mkdir -p .tools/apt/partial
    (
        cd .tools
        # The lists are our own (the system's may be empty), and the caller downloads: Debian's
        # user for downloads may not be allowed to read this folder.
        set -- -qq -o "Dir::State::lists=$PWD/apt" -o "Dir::Cache=$PWD/apt" \
            -o "APT::Sandbox::User=$(id -un)"
        apt-get "$@" update && apt-get "$@" download python3-pip-whl &&
            dpkg-deb -x python3-pip-whl_*.deb pip
    ) >&2 || return 1
    with_pip "$python" "$(echo .tools/pip/usr/share/python-wheels/pip-*.whl)/pip"
}

bring_uv() {
    say "bringing uv into .tools (about 25 MB, a few seconds)"
    rm -rf .tools
    mkdir .tools
    target=
    "$python" -m venv .tools/uv >/dev/null 2>&1 && with_pip .tools/uv/bin/python -m pip && return
    rm -rf .tools/uv
    # --target is allowed even where the system forbids pip to change it.
    target=.tools/uv
    if "$python" -m pip --version >/dev/null 2>&1; then
        with_pip "$python" -m pip && return
    else
        with_pip_of_debian && return
    fi
    rm -rf .tools
    fail "could not bring uv: $python has neither a working venv nor pip, or the package" \
        "registry cannot be reached (see above). Install one of them (Debian: apt-get install" \
        "python3-venv, or python3-pip), or uv itself, and run make again."
}

find_uv() {
    uv=$(command -v uv || true)
    if [ -n "$uv" ]; then
        usable_uv "$uv" && return
        say "passing over $uv: needed is 0.8 or later (0.x), found $("$uv" --version 2>&1 || true)"
    fi
    uv=$PWD/.tools/uv/bin/uv
    usable_uv "$uv" || bring_uv
}

make_environment() {
    started=$(date +%s)
    # Only a stamped .venv of the same interpreter is brought up to date; one without a stamp was
    # interrupted or made by hand, and nobody knows what is in it.
    case $(cat "$STAMP" 2>/dev/null) in
        "${wanted% *} "*)
            say "bringing .venv up to date"
            rm "$STAMP"
            ;;
        *)
            say "making .venv with $("$python" --version) ($python)"
            say "up to 3 GB are downloaded the first time (PyTorch): 2 to 10 minutes"
            "$uv" venv --quiet --clear --python "$python" .venv
            ;;
    esac
    # On a terminal uv shows how far it is; in a log its list of packages would only be long.
    quiet=--quiet
    [ ! -t 2 ] || quiet=
    "$uv" pip sync $quiet --python .venv/bin/python --require-hashes requirements.lock
    "$uv" pip install --python .venv/bin/python --quiet --no-deps --no-build-isolation --editable .
    printf '%s\n' "$wanted" >"$STAMP.part"
    mv "$STAMP.part" "$STAMP"
    say "the environment is complete after $(($(date +%s) - started)) s"
}

python=$(find_python)
if [ "${1:-}" = uv ]; then
    shift
    find_uv
    exec "$uv" "$@"
fi
wanted=$(fingerprint)
if [ -x .venv/bin/nagcore ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
find_uv
make_environment
