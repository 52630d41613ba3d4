"""Pure functions, frames in and frames out: what the source tells, made into rows."""
