"""The seven assets, one thin module a table: read due rows, call a pure function, return batches."""
