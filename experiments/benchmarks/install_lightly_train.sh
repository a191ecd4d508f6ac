#!/bin/sh
# The peer of simclr_throughput.py, in an environment of its own: LightlyTrain is AGPL and no part of the workbench.
set -e
cd "$(dirname "$0")/../.."
${PYTHON:-python3.11} -m venv build/lightly-train
build/lightly-train/bin/pip install --quiet --constraint constraints.txt torch torchvision
build/lightly-train/bin/pip install --quiet lightly-train==0.18.0 --constraint constraints.txt ||
  build/lightly-train/bin/pip install --quiet lightly-train==0.18.0 torch==2.13.0 torchvision==0.28.0
echo "LightlyTrain is installed: experiments/benchmarks/simclr_throughput.py finds it in build/lightly-train."
