"""Everything that can go wrong between Home Assistant and a printer."""
