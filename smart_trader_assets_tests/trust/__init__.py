"""What the pipeline stands: object stores, many writers, faults, mutated rows, and people who look for keys.

Each module with a command line is the long form of the tests beside it: `make prove` runs them.
"""
