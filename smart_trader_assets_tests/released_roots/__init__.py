"""Tiny roots of released versions, kept as they were: later versions open, upgrade and drain them."""
