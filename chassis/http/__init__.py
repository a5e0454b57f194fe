"""A service's HTTP side: the application, what it reads and answers, and the client for other services."""
