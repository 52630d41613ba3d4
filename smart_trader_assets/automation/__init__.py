"""What decides to materialize: jobs, sensors, schedules, run leases; the forecast, and Dagster's home."""
