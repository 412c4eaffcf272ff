#!/bin/sh
# Make a virtual environment with a Python that ultramm runs on, and install ultramm into it.
# Looks, in this order, at $PYTHON, python3.12 to python3.14 by name, python3, pyenv's versions, and uv.
set -eu
venv=$1

good() {  # is $1 a Python from 3.12 up to 3.14?
    "$1" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] < (3, 15))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        good "$PYTHON" && { echo "$PYTHON"; return; }
        echo "make: PYTHON=$PYTHON is no Python 3.12 to 3.14" >&2
        return 1
    fi
    for candidate in python3.12 python3.13 python3.14 python3 python; do
        if command -v "$candidate" >/dev/null 2>&1 && good "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[234]*/bin/python; do
        if [ -x "$candidate" ] && good "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    if command -v uv >/dev/null 2>&1; then
        uv python find ">=3.12,<3.15" 2>/dev/null && return
        uv python install 3.12 >&2 && uv python find 3.12 && return
    fi
    echo "make: needs Python 3.12, 3.13 or 3.14; this machine has $(python3 --version 2>&1 || echo none)." >&2
    echo "make: install one (Debian: apt install python3.12 python3.12-venv; macOS: brew install python@3.12;" >&2
    echo "make: pyenv: pyenv install 3.12; or install uv), or name it: make setup PYTHON=/path/to/python3.12" >&2
    return 1
}

python=$(find_python)
echo "make: using $("$python" --version) at $python"
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]" \
    -e plugins/ultramm-plugin-binance-emulator -e plugins/ultramm-plugin-prometheus
