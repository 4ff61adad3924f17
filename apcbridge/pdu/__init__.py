"""One PDU: its port, the driver that pumps bytes, the supervisor that keeps its snapshot, its reboots."""
