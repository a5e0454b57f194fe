"""The basis of the other packages: clock, logs, metrics, failures, the caller, text and money."""
