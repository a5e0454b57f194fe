"""The counter of failed sign-ins by reason. Each process has its own counter."""

from prometheus_client import Counter

failures = Counter("concord_sign_in_failures_total", "Sign-ins that failed", ["how", "reason"])
