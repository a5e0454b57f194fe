"""The endpoints of threads and messages.

Ids are UUIDs, so ``/unread-count`` is never read as one (S0-67).
"""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http import audit_trail, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from contracts import features
from contracts.roles import RETAILERS, Role
from services.messaging import actions, prm_client, queries
from services.messaging.schemas import MessageIn, MessageOut, MessagesIn, ThreadIn, ThreadOut, ThreadsIn, UnreadCountOut

PREFIX = "/api/v1/messaging"
PARTIES = (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN)
READERS = (Role.SUPPLIER_ADMIN, *RETAILERS)

blp = Blueprint("messaging", __name__, url_prefix=PREFIX, feature=features.MESSAGING)


@blp.route("/threads")
class Threads(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(ThreadsIn, location="query")
    @blp.response(200, page_of(ThreadOut))
    def get(self, filters):
        """The caller's threads, the newest message first."""
        with db.read() as session:
            return queries.threads(session, **filters)

    @blp.allow(Role.SUPPLIER_ADMIN)
    @blp.arguments(ThreadIn)
    @blp.response(201, ThreadOut)
    @raises(422, "no_relationship")
    def post(self, opening):
        """Open a thread with a retailer the supplier has a relationship with."""
        partner = prm_client.partner(opening.pop("retailer_id"))
        with db.begin() as session:
            thread = actions.start_thread(session, partner, **opening, actor=caller(), now=utcnow())
        seen = queries.SeenThread(thread, queries.my_side())
        return versions.set_etag(seen), 201, {"Location": f"{PREFIX}/threads/{thread.id}"}


@blp.route("/threads/unread-count")
class UnreadCount(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, UnreadCountOut)
    def get(self):
        """How many of the caller's threads have something unread: the badge."""
        with db.read() as session:
            return {"unread_count": queries.unread_count(session)}


@blp.route("/threads/<uuid:thread_id>")
class OneThread(MethodView):
    @blp.allow(*READERS)
    @blp.response(200, ThreadOut)
    def get(self, thread_id):
        """One thread; its messages have a list of their own."""
        with db.read() as session:
            seen = queries.thread(session, thread_id)
        return versions.set_etag(seen)


@blp.route("/threads/<uuid:thread_id>/messages")
class Messages(MethodView):
    @blp.allow(*READERS)
    @blp.arguments(MessagesIn, location="query")
    @blp.response(200, page_of(MessageOut))
    def get(self, filters, thread_id):
        """A thread's messages, oldest first. Reading them moves no read mark."""
        with db.read() as session:
            return queries.messages(session, thread_id, **filters)

    @blp.allow(*PARTIES)
    @blp.arguments(MessageIn)
    @blp.response(201, MessageOut)
    def post(self, message, thread_id):
        """Write to the other party."""
        with db.begin() as session:
            seen = lock_thread(session, thread_id)
            return actions.post_message(
                session, seen.thread, message["body"], by=seen.side, actor=caller(), now=utcnow()
            )


@blp.route("/threads/<uuid:thread_id>/read")
class Read(MethodView):
    @blp.allow(*PARTIES)
    @blp.response(204)
    def put(self, thread_id):
        """Mark everything in a thread as read."""
        with db.begin() as session:
            seen = lock_thread(session, thread_id)
            actions.mark_read(session, seen.thread, by=seen.side, actor=caller(), now=utcnow())
        versions.set_etag(seen)


@blp.route("/threads/<uuid:thread_id>/unread")
class Unread(MethodView):
    @blp.allow(*PARTIES)
    @blp.response(204)
    @raises(409, "nothing_received")
    def put(self, thread_id):
        """Mark the other party's newest message as unread again."""
        with db.begin() as session:
            seen = lock_thread(session, thread_id)
            actions.mark_unread(session, seen.thread, by=seen.side, now=utcnow())
        versions.set_etag(seen)


@blp.route("/threads/<uuid:thread_id>/archive")
class Archive(MethodView):
    @blp.allow(*PARTIES)
    @blp.response(204)
    def put(self, thread_id):
        """Archive a thread for the caller's side, until the other party writes again."""
        with db.begin() as session:
            seen = lock_thread(session, thread_id)
            actions.archive(session, seen.thread, by=seen.side, now=utcnow())
        versions.set_etag(seen)

    @blp.allow(*PARTIES)
    @blp.response(204)
    def delete(self, thread_id):
        """Take a thread back out of the archive."""
        with db.begin() as session:
            seen = lock_thread(session, thread_id)
            actions.unarchive(session, seen.thread, by=seen.side, now=utcnow())
        versions.set_etag(seen)


audit_trail.serve(blp, *READERS)


def lock_thread(session, thread_id):
    """The caller's thread, locked, in the version that the caller has seen (D6)."""
    seen = queries.lock_thread(session, thread_id)
    versions.require(seen, versions.if_match())
    return seen
