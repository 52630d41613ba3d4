"""The subcommands of `smart-trader`, a module a kind: run, look, mend, serve."""
