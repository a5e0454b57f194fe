"""A service's HTTP side: the application, what it reads and answers, and how it asks its neighbours."""
