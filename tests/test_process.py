"""What a command does to its own process before it begins."""

import os
import subprocess
import sys

import pytest

from ballgan.process import ALLOCATOR, SPINS

glibc = pytest.mark.skipif(
    not (sys.platform == "linux" and os.confstr_names.get("CS_GNU_LIBC_VERSION")),
    reason="glibc alone is told by its environment",
)
PROGRAM = """import os, sys
print(os.getpid(), os.environ.get("GLIBC_TUNABLES"), flush=True)
from ballgan.process import tune_command
tune_command()
print(sys.argv[1:], os.environ.get("GLIBC_TUNABLES"), os.environ.get("GOMP_SPINCOUNT"))
"""


def run(*arguments: str, **variables: str) -> list[str]:
    """The lines that PROGRAM prints."""
    names = "GLIBC_TUNABLES", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"
    environment = {k: v for k, v in os.environ.items() if k not in names} | variables
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@glibc
def test_a_command_begins_anew_once() -> None:
    first, second, told = run("a b", "--c=*")
    assert first.split() == [second.split()[0], "None"]  # the same process
    assert second.split()[1] == f":{ALLOCATOR}"
    assert told == f"['a b', '--c=*'] None {SPINS}"  # what it starts is not concerned


@glibc
def test_settings_of_a_person_are_left_alone() -> None:
    _, told = run(GLIBC_TUNABLES="glibc.malloc.check=0", OMP_WAIT_POLICY="passive")
    assert told == "[] glibc.malloc.check=0 None"
    other = "glibc.rtld.optional_static_tls=512"
    _, begun, told = run(GLIBC_TUNABLES=other, GOMP_SPINCOUNT="7")
    assert begun.split()[1] == f"{other}:{ALLOCATOR}" and told == f"[] {other} 7"


@glibc
def test_the_allocator_keeps_to_it() -> None:
    """Aligned buffers of changing sizes: what is free is used again."""
    program = (
        "import os, random, torch\n"
        "page = os.sysconf('SC_PAGE_SIZE')\n"
        "status = lambda: int(open('/proc/self/statm').read().split()[1]) * page\n"
        "draw, before = random.Random(0), status()\n"
        "for _ in range(500):\n"
        "    n = draw.randint(10_000, 20_000)\n"
        "    a, b, c = torch.ones(n, 12), torch.ones(n, 32), torch.ones(n, 64)\n"
        "    few = [torch.ones(n) for _ in range(5)]\n"
        "    del a, b\n"
        "    d = torch.ones(n, 32)\n"
        "    del c, d, few\n"
        "print((status() - before) / (20_000 * 4 * (12 + 32 + 64 + 5)))"
    )
    environment = os.environ | {"GLIBC_TUNABLES": ALLOCATOR, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 2.0
