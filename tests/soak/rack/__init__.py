"""A rack of simulated PDUs on ptys, ``apcbridge run`` beside it, and everybody who asks and commands it.

What :mod:`tests.soak.load` and :mod:`tests.soak.faults` share; each of PDUs, daemon and broker is a process of its own.
"""
