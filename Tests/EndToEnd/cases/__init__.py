"""One module per kind of end-to-end case; each registers its cases when imported."""
