"""The engine's folder is a library: it needs the standard library and itself, wherever it is copied."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import services.promotions.engine

FOLDER = Path(services.promotions.engine.__file__).parent


def test_the_engine_imports_only_itself_and_the_standard_library():
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.partition(".")[0] for alias in node.names} <= sys.stdlib_module_names
            elif isinstance(node, ast.ImportFrom) and not node.level:
                assert node.module.partition(".")[0] in sys.stdlib_module_names
        assert not re.search(r"\b(utcnow|now)\(|\bopen\(|\bfloat\(", path.read_text()), path


def test_a_copy_of_the_engine_runs_the_example_of_its_readme(tmp_path):
    """Without any package installed: ``-I`` and ``-S`` leave nothing but the standard library."""
    shutil.copytree(FOLDER, tmp_path / "engine")
    example = re.search(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)[1]
    program = f"import json, sys; sys.path.insert(0, {str(tmp_path)!r})\n" + example.replace("print(", "found = (")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program + "\nprint(json.dumps(found))"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert not done.stderr
    assert json.loads(done.stdout)["totals"] == {"gross": "149.70", "discount": "49.90", "net": "99.80"}
