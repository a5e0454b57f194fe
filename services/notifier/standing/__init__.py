"""The standing of tenants: suspended, resumed or ended; for mails, digests, webhooks and the event log at once."""
