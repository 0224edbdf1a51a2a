"""bertbench."""
