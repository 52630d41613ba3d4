"""The state that runs share."""
