"""Finding words in threads: PostgreSQL's full text search over an index, plain matching on SQLite.

What is searched is the folded text, so that case does not count for any letter (D62); the words asked for are folded
alike. What older code has written without it is searched as it stands.

On PostgreSQL the text of a subject or message is indexed together with a mark of each of the two tenants that may see
it. A search asks for the words and the caller's mark, so what others have written costs nothing, however common the
words are there. Signs count as spaces, so that PostgreSQL's parser sees words only and no addresses, files or tags; a
mark begins with a sign, so no text becomes one.
"""

import string
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, bindparam, cast, func, literal_column, text
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

SIGNS = string.punctuation
QUOTED = SIGNS.replace("'", "''")


def document(text: str, tenant: str, other: str) -> str:
    """The SQL of what is indexed: the words of a text, and the marks of two columns with tenants."""
    marks = f"array_to_tsvector(ARRAY['@' || CAST({tenant} AS text), '@' || CAST({other} AS text)])"
    return f"(to_tsvector('simple', translate({text}, '{QUOTED}', '{' ' * len(SIGNS)}')) || {marks})"


# Indexed by the migration, to the letter.
SUBJECTS = document("coalesce(subject_folded, subject)", "supplier_id", "retailer_id")
BODIES = document("coalesce(body_folded, body)", "sender_tenant_id", "recipient_tenant_id")


def prepare(session: Session) -> None:
    """Keep PostgreSQL to the indexes for the rest of the transaction.

    It takes making a document for cheap, so for a word that stands in many messages it would rather make a million
    documents than read a million entries of the index, which is fifty times quicker.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))


def matches(dialect: str, words: str, text: ColumnElement[str], indexed: str, tenant_id: UUID) -> ColumnElement[bool]:
    """Rows whose text has all ``words``: their beginnings on PostgreSQL, anywhere in the text on SQLite.

    Args:
        words: folded.
        text: what is searched.
        indexed: its document.
        tenant_id: of the caller; on PostgreSQL only what this tenant may see is found.
    """
    if dialect != "postgresql":
        return and_(*(text.contains(word, autoescape=True) for word in words.split()))
    documents: ColumnElement[str] = literal_column(indexed)
    mark = cast(bindparam(None, f"'@{tenant_id}'", String), TSQUERY)
    return and_(
        documents.op("@@", is_comparison=True)(func.to_tsquery(literal_column("'simple'"), beginnings(words))),
        documents.op("@@", is_comparison=True)(mark),
    )


def beginnings(words: str) -> str:
    """A text search query for words that begin so, all of them; no sign in ``words`` means anything."""
    only_words = words.translate(str.maketrans(SIGNS, " " * len(SIGNS))).split()
    return " & ".join(f"'{word}':*" for word in only_words)
