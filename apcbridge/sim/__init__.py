"""A simulated APC switched PDU: firmware, console faces, line faults and the servers that put it on a wire.

It knows the wire and nothing of the daemon: it imports only the exceptions, the model's enums and the clocks.
What no source attests about the real device is a field of :class:`apcbridge.sim.quirks.Quirks`.

Start from :class:`apcbridge.sim.device.SimulatedPdu` (pure) or :class:`apcbridge.sim.server.SimServer` (asyncio).
"""
