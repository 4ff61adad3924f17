"""MQTT: pure mapping of topics and payloads, Home Assistant discovery, and the connection."""
