"""What a person does around a PDU: set it up, look what is wrong, record its screens, recover its password.

Each tool gets its ports, its clock and its :class:`~apcbridge.tools.terminal.Terminal` from the caller, so that all of
them run in tests as they do at a desk. None of them switches an outlet.
"""
