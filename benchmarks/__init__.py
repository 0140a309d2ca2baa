"""Every published number has a command here: `python -m benchmarks NAME` reproduces it and says on what data."""
