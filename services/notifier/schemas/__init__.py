"""The shapes of what goes in and out over HTTP, and the parts we need of consumed events."""
