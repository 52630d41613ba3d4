"""The ranking for people: one self-contained page, exports, pictures, and one wallet explained.

Numbers are rounded here, for display, and nowhere earlier.
"""
