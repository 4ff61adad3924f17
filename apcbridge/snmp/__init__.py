"""SNMP: the agent that stands in for the PDU's own network card."""
