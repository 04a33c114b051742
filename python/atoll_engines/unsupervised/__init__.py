"""Models that learn without a target: groups, anomalies, maps and topics."""
