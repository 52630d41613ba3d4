"""Pure functions, frames in and frames out: what the source reports, made into rows."""
