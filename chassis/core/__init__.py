"""What the other packages stand on: clock, log, metrics, failures, the caller, text and money."""
