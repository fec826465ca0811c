"""What one hit costs, counted from outside on the released binary: see ../README.md."""
