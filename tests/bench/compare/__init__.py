"""zrbridge beside its limits and its peers, measured in turn on one machine. See tests/bench/run."""
