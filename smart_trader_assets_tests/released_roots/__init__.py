"""Tiny roots that released versions have made, kept as they were; later versions open, upgrade and drain them."""
