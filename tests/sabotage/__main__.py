"""``make sabotage [FAULT…]``: break one promise after the other; each must turn a test red that is green without it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.sabotage.faults import FAULTS, Fault

ROOT = Path(__file__).parents[2]


def run(fault: Fault, *, broken: bool) -> tuple[int, str]:
    """pytest over the fault's tests; its exit code and what it said."""
    environment = {**os.environ, "CI": "true", "CONCORD_SABOTAGE": fault.name if broken else ""}
    options = ["-q", "-x", "-p", "tests.sabotage.plugin", "-p", "no:cacheprovider", "--tb=line"]
    command = [sys.executable, "-m", "pytest", *options, *fault.tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def catch(fault: Fault) -> str | None:
    """The test that caught the fault; None where none did, or where one could not even be set up."""
    code, said = run(fault, broken=True)
    caught = re.search(r"^FAILED (\S+(?:\[.*?\])?)", said, re.MULTILINE)
    return caught[1] if code == 1 and caught else None


def main(names: list[str]) -> int:
    """Every fault, or those named: 1 when one was not caught, or when its tests fail without it."""
    missed = 0
    for name in names or FAULTS:
        fault = FAULTS[name]
        code, said = run(fault, broken=False)
        if code:
            print(f"{name:36} its tests fail without it:\n{said}", flush=True)
            missed += 1
            continue
        caught = catch(fault)
        missed += caught is None
        print(f"{name:36} {f'red: {caught}' if caught else 'NOT CAUGHT'}", flush=True)
    print(f"{len(names or FAULTS) - missed} of {len(names or FAULTS)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
