"""Where Dagster meets Delta: the IO manager, the root as a resource, and what the UI shows of a run."""
