"""The Celery application that the consumer is measured against: one task that inserts what our handler inserts."""

import os
from uuid import uuid4

import psycopg
from celery import Celery

app = Celery("bench", broker=os.environ.get("BENCH_BROKER", "amqp://"))
app.conf.update(
    broker_transport_options={"confirm_publish": True},
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=100,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
_connections: list[psycopg.Connection] = []


@app.task
def copy_note(subject: str, title: str) -> None:
    if not _connections:
        _connections.append(psycopg.connect(os.environ["BENCH_DATABASE"]))
    with _connections[0].transaction():
        _connections[0].execute(
            "INSERT INTO notes (id, tenant_id, title, event_sequence, version) VALUES (%s, %s, %s, 0, 1)",
            (uuid4(), subject, f"copy of {title}"),
        )
