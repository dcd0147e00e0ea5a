#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The shape of the tree and of its files, as far as a machine can judge it."""

import re

import tidy

TOP_LEVEL = {
    *("daemon", "proto", "client", "tests", "packaging", ".ci"),
    *("meson.build", "meson_options.txt"),
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "NEWS.md", "SECURITY.md", "LICENSE"),
    *(".clang-format", ".clang-tidy", ".editorconfig", ".gitignore"),
}
FILE_LINES_MAX = 900
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
TEXT = tidy.CODE + tidy.SCRIPTS + (".md", ".scd", ".build", ".service", ".socket", ".sysusers")


def rule_top_level(tree):
    """nothing new stands at the top of the tree"""
    for entry in sorted({name.split("/")[0] for name in tree.files} - TOP_LEVEL):
        yield f"{entry}: not one of the top-level entries"


def rule_names(tree):
    """no file is named for being useful"""
    for name in tree.files:
        if re.search(r"(?:^|[/_.-])(util|utils|misc|helper|helpers|common)(?=[/_.-]|$)", name):
            yield f"{name}: say what it is, not that it is of use"


def rule_license(tree):
    """every source file starts with its licence"""
    for name in tree.ending(*tidy.CODE):
        if tree.lines(name)[0] != "/* SPDX-License-Identifier: MIT */":
            yield f"{name}:1: must be /* SPDX-License-Identifier: MIT */"
    for name in tree.ending(*tidy.SCRIPTS):
        if "# SPDX-License-Identifier: MIT" not in tree.lines(name)[:2]:
            yield f"{name}:1: no line # SPDX-License-Identifier: MIT at its head"


def rule_headers(tree):
    """a header is guarded and says what it is before it includes anything"""
    for name in tree.ending(".h"):
        lines = [line for line in tree.lines(name)[1:] if line]
        if lines[:1] != ["#pragma once"]:
            yield f"{name}:2: must be #pragma once"
        elif not lines[1:2] or not lines[1].startswith("/*"):
            yield f"{name}:4: no comment that says what it is, who owns what, how it fails"


def rule_file_length(tree):
    """no source file is longer than 900 lines"""
    for name in tree.ending(*tidy.CODE, *tidy.SCRIPTS):
        if len(tree.lines(name)) - 1 > FILE_LINES_MAX:
            yield f"{name}: {len(tree.lines(name)) - 1} lines; is it still one thing?"


def rule_function_length(tree):
    """no function body is longer than 70 lines"""
    for name in tree.ending(".c", ".h"):
        start = None
        for number, line in enumerate(tree.lines(name), 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_LINES_MAX:
                    yield f"{name}:{start}: a function of {number - start - 1} lines"
                start = None


def rule_whitespace(tree):
    """no tabs, no trailing blanks, one newline at the end"""
    for name, number, line in tree.numbered(*TEXT):
        if line != line.rstrip() or "\r" in line:
            yield f"{name}:{number}: blanks at the end of the line"
        if "\t" in line and not name.endswith(".scd"):
            yield f"{name}:{number}: a tab"
    for name in tree.ending(*TEXT):
        lines = tree.lines(name)
        if lines != [""] and (lines[-1] != "" or lines[-2:-1] == [""]):
            yield f"{name}: must end with one newline"


def rule_columns(tree):
    """lines of code have at most 100 columns (a row of a .def table may be longer)"""
    for name, number, line in tree.numbered(".c", ".h", *tidy.SCRIPTS):
        if len(line) > COLUMNS_MAX:
            yield f"{name}:{number}: {len(line)} columns"


def rule_debts(tree):
    """no debts are left in the code"""
    for name, number, line in tree.numbered(*TEXT):
        if re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", line):
            yield f"{name}:{number}: pay it, or open an issue"


def rule_exit(tree):
    """only main() ends the process"""
    for name, number, line in tree.numbered(".c", ".h"):
        if re.search(r"(?<!\w)exit\(", line) and not name.endswith("main.c"):
            yield f"{name}:{number}: exit() outside main.c"


def rule_braces(tree):
    """every branch and loop has braces"""
    for name in tree.ending(".c", ".h"):
        depth = 0
        in_macro = False
        for number, line in enumerate(tree.lines(name), 1):
            was_in_macro, in_macro = in_macro, line.endswith("\\")
            if was_in_macro or in_macro:
                continue
            line = re.sub(r'/\*.*?\*/|"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'', "", line).rstrip()
            if depth == 0:
                if re.fullmatch(r"\s*(\} )?else", line):
                    yield f"{name}:{number}: else without a brace"
                opened = re.match(r"\s*(?:\} )?(?:else )?(?:if|for|while) \(", line)
                if not opened:
                    continue
            depth += line.count("(") - line.count(")")
            if depth == 0 and not line.endswith(("{", ";")):
                yield f"{name}:{number}: a branch or loop without a brace"


def rule_typedefs(tree):
    """typedef is for function types only"""
    for name, number, line in tree.numbered(".c", ".h"):
        if line.startswith("typedef") and "(" not in line:
            yield f"{name}:{number}: write out struct, union or enum"


RULES = [
    rule_top_level,
    rule_names,
    rule_license,
    rule_headers,
    rule_file_length,
    rule_function_length,
    rule_whitespace,
    rule_columns,
    rule_debts,
    rule_exit,
    rule_braces,
    rule_typedefs,
]

if __name__ == "__main__":
    tidy.main(RULES)
