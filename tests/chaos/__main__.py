"""``python -m tests.chaos``: kill everything under load and say what came of it; exits with 1 when it found a fault."""

import random
import sys

import click

from chassis.core import logs
from tests.chaos.run import Outcome, Plan, run


@click.command()
@click.option("--engines", type=click.Choice(["real", "embedded"]), multiple=True, default=("real", "embedded"))
@click.option("--seconds", type=float, default=300, show_default=True, help="How long the killing goes on.")
@click.option("--pause", type=float, default=2.0, show_default=True, help="Seconds between two kills, on average.")
@click.option("--kills", type=int, default=0, help="Fail when there were fewer kills.")
@click.option("--events", type=int, default=0, help="Fail when there were fewer events.")
@click.option("--seed", type=int, help="Of the dice; a new one each time when left out.")
def main(engines: tuple[str, ...], seconds: float, pause: float, kills: int, events: int, seed: int | None) -> None:
    """Kill every role and both servers under load; nothing may be lost, doubled or out of order."""
    logs.configure("ERROR", "console")
    outcomes = []
    for name in engines:
        chosen = random.randrange(10**6) if seed is None else seed
        print(f"{name}: seed {chosen}", flush=True)
        plan = Plan(seconds=seconds, pause=pause, seed=chosen)
        outcome = run(name, plan, say=lambda text: print(text, flush=True))
        if sum(outcome.kills.values()) < kills:
            outcome.void.append(f"fewer than {kills} kills")
        if outcome.verdict.events < events:
            outcome.void.append(f"fewer than {events} events")
        print(report(outcome), flush=True)
        outcomes.append(outcome)
    sys.exit(0 if all(outcome.passed for outcome in outcomes) else 1)


def report(outcome: Outcome) -> str:
    """The run as a person reads it."""
    verdict = outcome.verdict
    kills = ", ".join(f"{role} {count}" for role, count in sorted(outcome.kills.items()))
    stood = ", ".join(f"{role} {seconds:.0f}" for role, seconds in outcome.longest_stalls.items())
    lines = [
        f"{outcome.engines}: seed {outcome.seed}",
        f"  kills                 {sum(outcome.kills.values())} ({kills})",
        f"  requests answered     {outcome.requests}, never answered {outcome.unanswered}",
        f"  events                {verdict.events}",
        f"  redeliveries absorbed {outcome.absorbed}",
        f"  mails                 {verdict.mails}, repeated under the same Message-ID {verdict.repeated_mails}",
        f"  longest stall, s      {stood}",
        f"  drained in            {outcome.drained:.1f} s{f', left: {outcome.left}' if outcome.left else ''}",
        f"  lost {len(verdict.lost)}, doubled {len(verdict.doubled)}, inverted {len(verdict.inverted)}, "
        f"otherwise wrong {len(verdict.wrong)}",
    ]
    for kind in ("lost", "doubled", "inverted", "wrong"):
        lines += [f"    {kind}: {finding}" for finding in getattr(verdict, kind)[:10]]
    lines += [f"  void: {reason}" for reason in outcome.void]
    summary = "passed" if outcome.passed else "proves nothing" if outcome.sound else "FAILED"
    return "\n".join([*lines, f"  {summary}"])


if __name__ == "__main__":
    main()
