"""A Delta table in a folder of any name, as Polars can read it."""

from typing import Any
from urllib.parse import unquote

from deltalake import DeltaTable

_LOCAL = "file://"


class ReadableTable(DeltaTable):
    """delta-rs spells a local root as a URL (a blank is %20), and Polars takes that for the path."""

    def file_uris(self, *which: Any, **how: Any) -> list[str]:
        """Where the files lie; the part below the table is a path already, and is left as it is."""
        files = super().file_uris(*which, **how)
        if not self.table_uri.startswith(_LOCAL):
            return files
        root = self.table_uri.removeprefix(_LOCAL)
        return [unquote(root) + file.removeprefix(_LOCAL).removeprefix(root) for file in files]
