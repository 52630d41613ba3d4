"""The ranking to look at: one self-contained page, exports, pictures, and one wallet laid open.

Numbers are rounded here, for the eye, and nowhere before.
"""
