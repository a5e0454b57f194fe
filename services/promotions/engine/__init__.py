"""The discount engine: pure Python, no I/O."""
