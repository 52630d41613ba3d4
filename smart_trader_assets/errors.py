"""The root of every error that this package raises on purpose.

A message says what was wrong with which input, and what to do about it. Each room has its own tree
under this class, so that a caller can catch at the level that it cares about.
"""


class SmartTraderError(Exception):
    """Anything that the pipeline refuses or cannot do, in one sentence that a person can act on."""
