"""Engines. SQLite and PostgreSQL behave alike: a write transaction takes its locks at once (``BEGIN IMMEDIATE`` on
SQLite), a reading one cannot write."""

from sqlalchemy import Engine, create_engine

from chassis.data import sqlite


def engine_of(url: str, pool_size: int, overflow: int) -> Engine:
    if url.startswith("sqlite"):
        return sqlite.engine_of(url, pool_size, overflow)
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    limits = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=overflow,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_use_lifo=True,  # as few connections at work as there is work, so that the server can close the others
        connect_args={"options": limits, "connect_timeout": 3},
    )
