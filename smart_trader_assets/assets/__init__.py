"""The assets, one thin module per table: read due rows, call a pure function, return batches."""
