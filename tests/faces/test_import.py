"""What `import evenhand` costs and offers, and that many processes may start at once."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import evenhand

HEAVY = ("numba", "pandas", "matplotlib", "scipy", "cvxpy", "pyarrow", "clarabel", "numpy")


def python(code, *flags, **environment):
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_clean_and_light():
    out = python(f"import sys, evenhand; print([m for m in sys.modules if m in {HEAVY!r}])", "-W", "error")
    assert out.strip() == "[]"


def test_help_is_light():
    out = python(
        "import sys\nsys.argv = ['evenhand', '--help']\nfrom evenhand.cli import main\n"
        f"try:\n    main()\nexcept SystemExit:\n    pass\nprint([m for m in sys.modules if m in {HEAVY!r}])",
        "-W",
        "error",
    )
    assert out.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", evenhand.__all__)
def test_every_public_name_resolves(name):
    assert getattr(evenhand, name) is not None
    assert name in dir(evenhand)


def test_the_stub_names_what_each_module_defines():
    """The stub is read by the type checker and by the lazy loader: each name once, from the module that defines it."""
    tree = ast.parse(Path(evenhand.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    named = [a.name for i in tree.body if isinstance(i, ast.ImportFrom) for a in i.names]
    assert sorted(named) == sorted(evenhand.__all__)
    assert len(set(named)) == len(named)


def test_no_module_hides_a_public_name():
    """Importing a submodule sets it as an attribute of the package: none may be called like a function of ours."""
    package = Path(evenhand.__file__).parent
    modules = {p.stem for p in package.iterdir() if p.suffix == ".py" or p.is_dir()}
    assert not modules & set(evenhand.__all__)
    importlib.import_module("evenhand.experiment")
    assert callable(evenhand.simulate)
    assert callable(evenhand.load)


def test_unknown_name():
    with pytest.raises(AttributeError, match="nothing_like_it"):
        evenhand.nothing_like_it  # noqa: B018


def test_a_kernel_is_compiled_when_it_is_first_called(tmp_path):
    code = (
        "import numpy as np\nfrom pathlib import Path\nfrom evenhand.kernels import reduce\n"
        f"kept = lambda: sorted(p.name.split('-')[0] for p in Path({str(tmp_path)!r}).rglob('*.nbc'))\n"
        "assert not kept()\nprint(reduce.total(np.arange(5.0)), kept())\nreduce.apply.compiled()\nprint(kept())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )
    first, second = done.stdout.splitlines()
    assert first.startswith("10.0 ['")
    assert "total" in first
    assert "apply" not in first
    assert "total" in second
    assert "apply" in second


def test_processes_that_start_at_once_share_an_empty_cache(tmp_path):
    """Three interpreters compile the same small kernels into the same empty folder; none fails, all agree."""
    code = (
        "import numpy as np\nfrom evenhand.kernels import reduce\n"
        "print(reduce.total(np.arange(5.0)), reduce.apply(np.eye(2), np.ones(2)))"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        )
        for _ in range(3)
    ]
    answers = [p.communicate(timeout=300) for p in started]
    assert [p.returncode for p in started] == [0] * 3, answers
    assert {out for out, _ in answers} == {"10.0 [1. 1.]\n"}
    assert any(tmp_path.rglob("*.nbc"))
