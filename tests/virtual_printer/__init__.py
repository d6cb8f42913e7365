"""Tests of the virtual printer, with a plain MQTT client instead of the integration."""
