#!/usr/bin/env bash
# Install the Debian packages that building and testing everything needs, if they are missing:
# make, git, Python, a browser for the site's tests, and TeX with fonts for the PDFs.
# Needs root or sudo only where something is missing.
set -euo pipefail

missing=()
need() { # COMMAND PACKAGE...: the packages that bring a command
    local command=$1
    shift
    command -v "$command" >/dev/null || missing+=("$@")
}
need make make
need git git
need python3 python3
# NAGCORE_CHROMIUM names the browser where it is not on PATH.
if [ -z "${NAGCORE_CHROMIUM:-}" ] && ! command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null; then
    missing+=(chromium)
fi
need xelatex texlive-xetex texlive-latex-recommended texlive-latex-extra texlive-fonts-recommended lmodern tex-gyre
need latexmk latexmk
need pdftotext poppler-utils
need fc-list fontconfig
font() { # NAME PACKAGE: the package that brings a font
    { command -v fc-list && fc-list "$1" family | grep -q .; } >/dev/null || missing+=("$2")
}
font "FreeSerif" fonts-freefont-otf
font "Noto Serif CJK SC" fonts-noto-cjk
tex() { # FILE PACKAGE: the package that brings a file of TeX
    { command -v kpsewhich && kpsewhich "$1"; } >/dev/null || missing+=("$2")
}
tex xeCJK.sty texlive-lang-cjk

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
# A third party's repository that does not answer is no reason to stop: the installation decides.
"${as_root[@]}" apt-get update -qq || true
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
