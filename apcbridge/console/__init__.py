"""The PDU's serial console without any input or output: bytes and times in, events and bytes out."""
