"""``/v2/tenants/{tenantUid}/orders``: what baskets cost and why, and units that come back."""

from typing import Any

from flask import Response, current_app, jsonify
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.current import db
from chassis.http.problems import raises
from services.promotions import engine
from services.promotions.common.api import TenantBlueprint
from services.promotions.evaluations import actions, queries, return_actions
from services.promotions.evaluations.campaign_cache import campaign_cache_of
from services.promotions.evaluations.order_schemas import OrderIn
from services.promotions.evaluations.schemas import EvaluationOut, ReturnIn, ReturnOut
from services.promotions.evaluations.writer import writer_of

blp = TenantBlueprint("evaluations", __name__, "/orders")


@blp.route("/evaluate")
class Evaluate(MethodView):
    @blp.admins
    @blp.arguments(OrderIn())
    @blp.response(200, EvaluationOut)
    @raises(409, "already_returned")
    @raises(422, "at_far_away", "currency_mismatch", "unknown_campaign", "unknown_customer_group")
    @raises(422, "unknown_evaluation", "unknown_line", "unknown_product", "unknown_store")
    def post(self, order):
        """What each unit costs at a moment, and what became of every campaign that was considered."""
        cache, writer = campaign_cache_of(current_app), writer_of(current_app)
        return answer(*actions.evaluate(db, cache, writer, order, actor=caller(), now=utcnow()))


@blp.route("/evaluations/<uuid:evaluation_id>")
class OneEvaluation(MethodView):
    @blp.readers
    @blp.response(200, EvaluationOut)
    def get(self, evaluation_id):
        """An earlier evaluation, as it was answered."""
        with db.read() as session:
            evaluation = queries.evaluation(session, evaluation_id)
        return answer(evaluation.id, queries.result_of(evaluation))


@blp.route("/evaluations/<uuid:evaluation_id>/returns")
class Returns(MethodView):
    @blp.admins
    @blp.arguments(ReturnIn)
    @blp.response(200, ReturnOut)
    @raises(409, "already_returned")
    @raises(422, "unknown_line")
    def post(self, returned, evaluation_id):
        """Return units; the answer says what was paid for each. No unit comes back twice."""
        with db.begin() as session:
            return_id, evaluation, units = return_actions.give_back(session, evaluation_id, **returned, now=utcnow())
        return refund(return_id, evaluation, units)

    @blp.readers
    @blp.response(200, ReturnOut(many=True))
    def get(self, evaluation_id):
        """The units that have come back so far."""
        with db.read() as session:
            evaluation = queries.result_of(queries.evaluation(session, evaluation_id))
            units = queries.returned(session, evaluation_id)
        returns: dict[Any, list[Any]] = {}
        for unit in units:
            returns.setdefault(unit.return_id, []).append(unit)
        return [refund(return_id, evaluation, units_of_return) for return_id, units_of_return in returns.items()]


def answer(evaluation_id: Any, evaluation: engine.Evaluation) -> Response:
    """The answer in JSON. The engine writes it without a schema: every basket at every till gets one."""
    body = {"evaluationId": evaluation_id and str(evaluation_id)} | evaluation.to_wire()
    return jsonify(body)


def refund(return_id: Any, evaluation: engine.Evaluation, units: Any) -> dict[str, Any]:
    text = [(unit, engine.to_text(unit.refund, evaluation.places)) for unit in units]
    return {
        "return_id": return_id,
        "currency": evaluation.currency,
        "units": [{"line_id": unit.line_id, "unit": unit.unit, "refund": paid} for unit, paid in text],
        "refund": engine.to_text(sum(unit.refund for unit in units), evaluation.places),
    }
