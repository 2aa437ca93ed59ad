#!/bin/sh
# Executes every notebook on a data directory; fails where a cell does.
#
#   notebooks/execute.sh DATA_DIR WORK_DIR    WORK_DIR keeps the Python environment and the results
set -eu
data=$(cd "${1:?a data directory}" && pwd)
mkdir -p "${2:?a directory for the environment and the results}"
work=$(cd "$2" && pwd)
cd "$(dirname "$0")"

# Made anew where the requirements have changed, or where it was not finished.
if ! cmp -s requirements.txt "$work/venv/requirements.txt"; then
    rm -rf "$work/venv"
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
    cp requirements.txt "$work/venv/requirements.txt"
fi

# Nothing of the user's own settings, nothing left in the home directory.
export ADVISOR_DATA_DIR="$data" IPYTHONDIR="$work/ipython" JUPYTER_CONFIG_DIR="$work/jupyter" \
    JUPYTER_DATA_DIR="$work/jupyter" JUPYTER_RUNTIME_DIR="$work/jupyter" MPLCONFIGDIR="$work/matplotlib"
PATH="$work/venv/bin:$PATH"
for notebook in *.ipynb; do
    jupyter execute --timeout=300 --kernel_name=python3 --output="$work/$notebook" "$notebook"
    echo "$notebook runs"
done
