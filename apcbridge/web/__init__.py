"""Status page, HTTP API, metrics, and the same API on a local socket.

Everything but :mod:`~apcbridge.web.server`, :mod:`~apcbridge.web.connection` and :mod:`~apcbridge.web.listening` is
pure: a request and the store go in, an answer comes out, time is an argument.
"""
