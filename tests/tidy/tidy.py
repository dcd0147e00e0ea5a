# SPDX-License-Identifier: MIT
"""What the tidy checks share: the list of files, and TAP.

A check is a list of rules; a rule is a function with a docstring that takes a Tree and yields
complaints, "file:line: text". Run as a program, a check says `ok` or `not ok` for each rule;
test_tidy.py plants a fault for every rule and expects it to be found.
"""

import functools
import os
import subprocess
import sys

CODE = (".c", ".h", ".def")
SCRIPTS = (".py", ".sh")


class Tree:
    def __init__(self, top):
        self.top = top

    @functools.cached_property
    def files(self):
        """Every file that is or would be committed, relative to the top."""
        if os.path.exists(os.path.join(self.top, ".git")):
            command = ["git", "-c", "safe.directory=*", "-C", self.top]
            command += ["ls-files", "-co", "--exclude-standard"]
            listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            names = listed.splitlines()
        else:
            names = [
                os.path.relpath(os.path.join(folder, name), self.top)
                for folder, _, found in os.walk(self.top)
                for name in found
                if not os.path.relpath(folder, self.top).startswith("build")
                and "__pycache__" not in folder
            ]
        return sorted(name for name in names if os.path.exists(os.path.join(self.top, name)))

    def ending(self, *suffixes):
        return [name for name in self.files if name.endswith(suffixes)]

    @functools.cache
    def lines(self, name):
        with open(os.path.join(self.top, name), encoding="utf-8", errors="replace") as file:
            return file.read().split("\n")

    def numbered(self, *suffixes):
        """(file, line number, line) of every line of the files with these endings."""
        for name in self.ending(*suffixes):
            for number, line in enumerate(self.lines(name), 1):
                yield name, number, line


def main(rules):
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    tree = Tree(top)
    failed = 0
    print(f"1..{len(rules)}")
    for number, rule in enumerate(rules, 1):
        complaints = list(rule(tree))
        failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {number} - {rule.__doc__}")
        for complaint in complaints:
            print(f"# {complaint}")
    sys.exit(failed > 0)
