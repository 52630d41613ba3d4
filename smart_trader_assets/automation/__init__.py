"""What decides to materialize: partitions and jobs."""
