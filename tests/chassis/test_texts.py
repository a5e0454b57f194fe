"""Text as it comes in (D62): in NFC from every part of a request, and JSON also behind a byte order mark."""

import json
import time
import unicodedata
from dataclasses import replace

import pytest
from flask.views import MethodView
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields

from chassis.core import text
from chassis.http.blueprints import Blueprint
from chassis.http.schemas import CamelSchema, Stripped
from chassis.process.service import Runtime
from tests.chassis.sample import service
from tests.plugin import CallerClient

COMPOSED = "Café Åsø 한국"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
JSON = {"Content-Type": "application/json"}
BOM = b"\xef\xbb\xbf"

blp = Blueprint("echo", __name__)


class BodyIn(CamelSchema):
    value = fields.Raw(required=True)


class QueryIn(CamelSchema):
    q = fields.List(Stripped())


class EchoOut(CamelSchema):
    value = fields.Raw()


@blp.route("/bodies")
class Bodies(MethodView):
    @blp.public
    @blp.arguments(BodyIn)
    @blp.response(200, EchoOut)
    def post(self, body):
        return body


@blp.route("/forms")
class Forms(MethodView):
    @blp.public
    @blp.arguments(QueryIn, location="form")
    @blp.response(200, EchoOut)
    def post(self, form):
        return {"value": form["q"]}


@blp.route("/queries")
class Queries(MethodView):
    @blp.public
    @blp.arguments(QueryIn, location="query")
    @blp.response(200, EchoOut)
    def get(self, query):
        return {"value": query["q"]}


@blp.route("/paths/<word>/<int:number>")
class Paths(MethodView):
    @blp.public
    @blp.response(200, EchoOut)
    def get(self, word, number):
        return {"value": [word, number]}


@pytest.fixture
def echo(test_settings):
    runtime = Runtime(replace(service, blueprints=(blp,)), test_settings)
    app = runtime.create_app()
    app.test_client_class = CallerClient
    yield app.test_client(use_cookies=False)
    runtime.close()


@pytest.mark.parametrize("escaped", [True, False])
def test_a_body_comes_in_composed_keys_and_all(echo, escaped):
    value = {DECOMPOSED: [DECOMPOSED, {"deep": DECOMPOSED}], "n": [1, 1.5, None, True]}
    data = json.dumps({"value": value}, ensure_ascii=escaped).encode()
    answer = echo.post("/bodies", data=data, headers=JSON)
    assert answer.json["value"] == {COMPOSED: [COMPOSED, {"deep": COMPOSED}], "n": [1, 1.5, None, True]}


def test_queries_forms_and_paths_come_in_composed(echo):
    assert echo.get("/queries", query_string={"q": ["a", DECOMPOSED]}).json["value"] == ["a", COMPOSED]
    assert echo.post("/forms", data={"q": ["a", DECOMPOSED]}).json["value"] == ["a", COMPOSED]
    assert echo.get(f"/paths/{DECOMPOSED}/7").json["value"] == [COMPOSED, 7]


def test_a_body_may_begin_with_a_byte_order_mark(echo):
    for value in ("plain", COMPOSED):
        data = BOM + json.dumps({"value": value}, ensure_ascii=False).encode()
        assert echo.post("/bodies", data=data, headers=JSON).json["value"] == value
    assert echo.post("/bodies", data=BOM, headers=JSON).status_code == 400
    assert echo.post("/bodies", data=BOM * 2 + b'{"value": 1}', headers=JSON).status_code == 400


@pytest.mark.parametrize("escaped", [True, False])
def test_letters_under_heaps_of_marks_are_refused_at_once(echo, escaped):
    """Sorting the marks of one letter takes time by the square of their number."""
    heap = "a" + "\u0301" * 40_000 + "\u0323" * 40_000
    start = time.monotonic()
    answer = echo.post("/bodies", data=json.dumps({"value": heap}, ensure_ascii=escaped).encode(), headers=JSON)
    assert answer.status_code == 400
    assert answer.json["code"] == "malformed"
    short = "a" + "\u0301" * 200 + "\u0323" * 200
    assert echo.get("/queries", query_string={"q": short}).status_code == 400
    assert echo.post("/forms", data={"q": short}).status_code == 400
    assert echo.get(f"/paths/{short}/7").status_code == 400
    assert time.monotonic() - start < 5
    assert echo.get("/queries", query_string={"q": "a" + "\u0301" * 30}).status_code == 200


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_the_text_of_a_body_can_be_composed_before_it_is_read(value):
    """JSON's own signs join with nothing that may follow them."""
    data = json.dumps({value: value}, ensure_ascii=False)
    normal = text.normal(value)
    assert json.loads(text.normal(data)) == {normal: normal}


@given(st.text())
def test_folding_a_folded_or_decomposed_text_changes_nothing(value):
    assert text.fold(text.fold(value)) == text.fold(value)
    assert text.fold(unicodedata.normalize("NFD", value)) == text.fold(value)
