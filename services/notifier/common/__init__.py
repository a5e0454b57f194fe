"""What every room of the notifier shares: the mapped base and texts fit for a mail."""
