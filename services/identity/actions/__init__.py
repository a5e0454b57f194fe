"""Writes, one module a noun. Each gets session, actor and now; none commits."""
