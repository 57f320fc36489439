#!/bin/sh
# Make an environment for each library that the experiment stream-speed compares with. They cannot
# share one with this package, or with each other: one of them wants an old NumPy.
#   tools/stream_peers.sh FOLDER
#   NAGCORE_PEERS=FOLDER .venv/bin/nagcore record stream-speed
# Needs what tools/bootstrap.sh needs. About 5 GB of disk for each that wants PyTorch; with the
# cache of uv on the same disk, much less.
set -eu
[ $# -eq 1 ] || { echo "usage: tools/stream_peers.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
tools/bootstrap.sh

# the PyTorch that this package is locked to, so that no reader has another
torch=$(sed -n 's/^\(torch==[^ ;]*\).*/\1/p' requirements.lock | head -n 1)

make_environment() {
    name=$1
    shift
    echo "stream_peers: $name" >&2
    tools/bootstrap.sh uv venv --quiet --clear --python .venv/bin/python "$folder/$name"
    tools/bootstrap.sh uv pip install --quiet --python "$folder/$name/bin/python" "$@"
}

make_environment litdata litdata==0.2.76 "$torch"
make_environment webdataset webdataset==1.0.2 "$torch"
make_environment mosaicml-streaming mosaicml-streaming==0.13.0 "$torch"
make_environment grain grain==0.2.18 array-record==0.8.6
echo "stream_peers: done; now NAGCORE_PEERS=$folder .venv/bin/nagcore record stream-speed" >&2
