"""What several test modules share: a market of a few swap rows, drains in process, roots compared."""
