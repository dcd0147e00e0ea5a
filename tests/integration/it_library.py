#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""libheapd as others get it: installed, found by pkg-config, with nothing showing but its face."""

import os
import re
import shutil
import subprocess
import tempfile

from harness import PATIENCE_S, SANITIZED, Daemon, main, tests_of

SOURCE = os.environ["HEAPD_SOURCE"]
BUILD = os.path.dirname(os.path.dirname(os.path.dirname(os.environ["HEAPD_HEAPCTL"])))
LIBRARY = os.path.join(BUILD, "client/libheapd.so.0")
HEADER = os.path.join(SOURCE, "client/include/heapd.h")


def run(*command, **more):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **more
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def test_symbols():
    """the library exports what heapd.h declares, and nothing else"""
    lines = run("nm", "--dynamic", "--defined-only", LIBRARY).split("\n")
    exported = {line.split()[-1].split("@")[0] for line in lines if line}
    with open(HEADER, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    text = re.sub(r"static inline [^{]*\{.*?\n\}", "", text, flags=re.S)
    declared = set(re.findall(r"\b(heapd_\w+)\([^()]*\);", text))
    assert len(declared) > 50
    assert exported - {"HEAPD_0"} == declared, exported ^ declared


def test_needs():
    """its soname is libheapd.so.0, and it needs libc alone"""
    dynamic = run("readelf", "--dynamic", LIBRARY)
    assert "Library soname: [libheapd.so.0]" in dynamic
    needed = set(re.findall(r"Shared library: \[(.*?)\]", dynamic))
    assert SANITIZED or needed == {"libc.so.6"}, needed


def test_header():
    """heapd.h stands by itself, in C11 and in C++"""
    include = f'#include "{HEADER}"\nstruct heapd_value v(void);\n'
    for compiler, language, standard in (("cc", "c", "c11"), ("c++", "c++", "c++14")):
        if not shutil.which(compiler):
            print(f"# no {compiler} here: not tried")
            continue
        run(
            compiler, f"-x{language}", f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic",
            "-Werror", "-fsyntax-only", "-", input=include,
        )  # fmt: skip


def test_outside():
    """a program outside the tree compiles against what is installed, and runs"""
    if SANITIZED:
        print("# a library with a sanitizer in it needs programs with the same: not run")
        return
    with tempfile.TemporaryDirectory(prefix="heapd-it-") as root, Daemon() as daemon:
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root)
        found = run("find", root, "-name", "libheapd.pc").strip()
        env = {
            **os.environ,
            "PKG_CONFIG_LIBDIR": os.path.dirname(found),
            "PKG_CONFIG_SYSROOT_DIR": root,
        }
        flags = run("pkg-config", "--cflags", "--libs", "libheapd", env=env).split()
        assert run("pkg-config", "--modversion", "libheapd", env=env).strip()
        program = os.path.join(root, "outside")
        source = os.path.join(SOURCE, "tests/integration/data/outside.c")
        run("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", source, "-o", program, *flags)
        libraries = os.path.dirname(os.path.dirname(found))
        run(program, daemon.path, env={**os.environ, "LD_LIBRARY_PATH": libraries})
        headers = run("find", root, "-name", "*.h").split()
        assert [os.path.basename(header) for header in headers] == ["heapd.h"], headers


main(tests_of(globals()))
