"""Side by side with other caches: see ../README.md."""
