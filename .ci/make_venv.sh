#!/bin/sh
# Makes the folder $1 a virtual environment with the gateway and its tests. Says exactly what to install when it cannot.
set -eu
target="$1"

python=""
for name in python3 python3.13 python3.12 python3.11 python3.14; do
    if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python="$name"
        break
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11 or newer is needed; on Debian 12 or Ubuntu 24.04: apt-get install python3 python3-venv" >&2
    exit 2
fi

# A .venv of an interpreter that has gone, or a half-made one, is made anew.
if ! "$target/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$target"
    if ! "$python" -m venv "$target" >/dev/null 2>&1; then
        # Debian ships Python without ensurepip: use virtualenv if it is there or pip can fetch it.
        rm -rf "$target"
        bootstrap="$(mktemp -d)"
        trap 'rm -rf "$bootstrap"' EXIT
        if ! "$python" -m virtualenv -q "$target" 2>/dev/null; then
            if ! "$python" -m pip install -q --target "$bootstrap" virtualenv >/dev/null 2>&1 ||
                ! PYTHONPATH="$bootstrap" "$python" -m virtualenv -q "$target"; then
                version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
                echo "$python cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv (or python$version-venv)" >&2
                exit 2
            fi
        fi
    fi
fi

echo "setting up $target (a minute or two, once) ..." >&2
"$target/bin/python" -m pip install -q --disable-pip-version-check --upgrade 'pip>=25.1'
"$target/bin/python" -m pip install -q --disable-pip-version-check -e . --group dev
