"""What performance figures come from: `scripts/bench` runs every module with a `measure`."""
