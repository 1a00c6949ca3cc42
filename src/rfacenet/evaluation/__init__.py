"""Tables of the field: every method on a data set, under one protocol."""
