"""Tests of what people and language models say to printers."""
