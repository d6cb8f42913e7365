"""What automations can make of printers."""
