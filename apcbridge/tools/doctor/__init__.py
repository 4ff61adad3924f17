"""What is wrong, and what to do about it: every part from the cable to the broker looked at by itself.

Each check returns :class:`~apcbridge.tools.doctor.findings.Finding`; those that only judge what was read are pure.
"""
