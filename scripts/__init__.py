"""What the habits of this repository are made of."""
