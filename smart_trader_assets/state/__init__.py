"""What runs of a root keep for each other beside the tables, through one interface."""
