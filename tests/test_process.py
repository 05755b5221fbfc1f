"""What a command does to its own process before it begins."""

import os
import subprocess
import sys

import pytest

from ballgan.process import ALLOCATOR, SPINS, uses_glibc

glibc = pytest.mark.skipif(not uses_glibc(), reason="glibc alone is told by its environment")
PROGRAM = """import os, sys
print(os.getpid(), os.environ.get("GLIBC_TUNABLES"), flush=True)
from ballgan.process import tune_command
tune_command()
print(sys.argv[1:], os.environ.get("GLIBC_TUNABLES"), os.environ.get("GOMP_SPINCOUNT"))
"""


def run(*arguments: str, **variables: str) -> list[str]:
    """The lines that PROGRAM prints."""
    ours = "GLIBC_TUNABLES", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "MALLOC_"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)} | variables
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
    _, told = run(MALLOC_ARENA_MAX="3")
    assert told == f"[] None {SPINS}"
    other = "glibc.rtld.optional_static_tls=512"
    _, begun, told = run(GLIBC_TUNABLES=other, GOMP_SPINCOUNT="7")
    assert begun.split()[1] == f"{other}:{ALLOCATOR}" and told == f"[] {other} 7"


def test_a_command_that_lost_its_environment_does_not_begin_again() -> None:
    program = "from ballgan.process import tune_command; tune_command(); print('once')"
    options = "-X", "ballgan_begun", "-c", program
    environment = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
    done = subprocess.run(
        [sys.executable, *options], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "once\n"


@glibc
def test_the_allocator_uses_again_what_is_free() -> None:
    """Aligned buffers of changing sizes: by default some glibcs take 2.5 times what is needed."""
    program = (
        "import os, random, torch\n"
        "def own():\n"
        "    resident, shared = map(int, open('/proc/self/statm').read().split()[1:3])\n"
        "    return (resident - shared) * os.sysconf('SC_PAGE_SIZE')\n"
        "draw, before = random.Random(0), own()\n"
        "for _ in range(500):\n"
        "    n = draw.randint(10_000, 20_000)\n"
        "    a, b, c = torch.ones(n, 12), torch.ones(n, 32), torch.ones(n, 64)\n"
        "    few = [torch.ones(n) for _ in range(5)]\n"
        "    del a, b\n"
        "    d = torch.ones(n, 32)\n"
        "    del c, d, few\n"
        "print((own() - before) / (20_000 * 4 * (12 + 32 + 64 + 5)))"
    )
    variables = {"GLIBC_TUNABLES": ALLOCATOR, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 2.0
