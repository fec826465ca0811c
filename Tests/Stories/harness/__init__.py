"""The end-to-end harness: a scripted origin, a scripted client, the real node between them, and a clock to move."""
