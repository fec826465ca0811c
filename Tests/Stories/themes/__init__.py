"""One module per theme of RFC 9110, 9111 and 9112; each registers its stories when imported."""
