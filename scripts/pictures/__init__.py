"""Taking the pictures of the documentation from the demo, with a real browser."""
