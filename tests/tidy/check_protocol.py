#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PROTOCOL.md says what the tables of proto/ say. With --write, its tables are written anew."""

import os
import re
import sys

import tidy

DOCUMENT = "proto/PROTOCOL.md"
BLOCK = re.compile(r"<!-- table:(\w+) -->\n(.*?)<!-- end -->\n", re.S)
CLAUSE = re.compile(r"\bP-\d+\b")


def rows(tree, file):
    """The macro calls of a .def file, each as the list of its arguments as written."""
    text = "\n".join(tree.lines(file))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    token = re.compile(r'"(?:[^"\\]|\\.)*"|[(),]|[^\s"(),]+')
    depth, row = 0, []
    for word in token.findall(text):
        depth += (word == "(") - (word == ")")
        if word == "(" and depth == 1:
            row = [[]]
        elif word == ")" and depth == 0:
            yield [" ".join(argument) for argument in row]
        elif word == "," and depth == 1:
            row.append([])
        elif depth:
            row[-1].append(word)


def unquote(argument):
    return re.sub(r'"\s*"', "", argument).strip('"')


def listed(argument, names):
    """P ( "object" , OBJECT ) ... as `object`: type."""
    pairs = re.findall(r'[PO] \( "?(\w+)"? , (\w+) \)', argument)
    return ", ".join(f"`{names.get(name, name)}` {names[kind]}" for name, kind in pairs)


def table(head, lines):
    cells = [[cell.replace("|", "\\|") for cell in line] for line in [head, *lines]]
    cells.insert(1, ["---"] * len(head))
    return "".join("| " + " | ".join(line) + " |\n" for line in cells)


def methods(tree):
    names = {row[0]: unquote(row[1]) for row in rows(tree, "proto/options.def")}
    names |= {row[0]: unquote(row[1]) for row in rows(tree, "proto/types.def")}
    for row in rows(tree, "proto/methods.def"):
        _, name, params, options, result, errors, cost, parks, _, text = row
        marks = "P" if parks == "true" else "sliced" if cost == "SLICED" else ""
        options = listed(options, names)
        given = listed(params, names) + (f" {{{options}}}" if options else "")
        words = [unquote(word) for word in (result, errors, text)]
        yield [f"`{unquote(name)}`", given.strip(), words[0], words[1], marks, words[2]]


def number(text):
    for unit, size in (("Mi", 1 << 20), ("Ki", 1 << 10)):
        if int(text) % size == 0:
            return f"{int(text) // size} {unit}"
    return text


TABLES = {
    "methods": lambda tree: table(
        ["method", "parameters {options}", "result", "errors", "", ""], methods(tree)
    ),
    "errors": lambda tree: table(
        ["code", "meaning"],
        ([f"`{row[0]}`", unquote(row[1])] for row in rows(tree, "proto/errors.def")),
    ),
    "limits": lambda tree: table(
        ["limit", "default", "ceiling", "of"],
        (
            [f"`{row[1]}`", number(row[2]), number(row[3]), unquote(row[4])]
            for row in rows(tree, "proto/limits.def")
        ),
    ),
    "kinds": lambda tree: table(
        ["kind", "what it is"],
        ([f"`{unquote(row[1])}`", unquote(row[2])] for row in rows(tree, "proto/kinds.def")),
    ),
    "ext": lambda tree: table(
        ["ext", "type", "payload"],
        ([row[2], unquote(row[1]), unquote(row[3])] for row in rows(tree, "proto/ext.def")),
    ),
    "types": lambda tree: table(
        ["type", "accepts"],
        ([unquote(row[1]), unquote(row[2])] for row in rows(tree, "proto/types.def")),
    ),
}


def rule_tables(tree):
    """the tables of PROTOCOL.md are those of the .def files"""
    if DOCUMENT not in tree.files:
        return
    blocks = dict(BLOCK.findall("\n".join(tree.lines(DOCUMENT))))
    for name, write in TABLES.items():
        if name not in blocks or blocks[name] != write(tree):
            yield f"{DOCUMENT}: the table of {name} differs: tests/tidy/check_protocol.py --write"


def rule_clauses(tree):
    """clauses of PROTOCOL.md have a number of their own, and what is cited is there"""
    if DOCUMENT not in tree.files:
        return
    stated = re.findall(r"^\*\*(P-\d+)\*\*", "\n".join(tree.lines(DOCUMENT)), re.M)
    for clause in sorted({clause for clause in stated if stated.count(clause) > 1}):
        yield f"{DOCUMENT}: there are two {clause}"
    for name, at, line in tree.numbered(*tidy.CODE, ".md", ".py"):
        if name.startswith("tests/tidy/"):
            continue
        for clause in CLAUSE.findall(line):
            if clause not in stated:
                yield f"{name}:{at}: {DOCUMENT} has no {clause}"


def write(top):
    tree = tidy.Tree(top)
    text = "\n".join(tree.lines(DOCUMENT))
    text = BLOCK.sub(
        lambda block: f"<!-- table:{block[1]} -->\n{TABLES[block[1]](tree)}<!-- end -->\n", text
    )
    with open(os.path.join(top, DOCUMENT), "w", encoding="utf-8") as file:
        file.write(text)


RULES = [rule_tables, rule_clauses]

if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    tidy.main(RULES)
