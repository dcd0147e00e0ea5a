#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Plants one fault for every rule of the tidy checks, and some that only look like one."""

import os
import shutil
import tempfile

import check_docs
import check_format
import check_layers
import check_mutants
import check_protocol
import check_tree
import check_units
import tidy

C = "/* SPDX-License-Identifier: MIT */\n"
PATCH = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
H = C + "#pragma once\n\n/* A thing. */\n"

# (rule, file, text, whether the rule must complain)
CASES = [
    (check_layers.rule_layers, "daemon/heap/a.c", C + '#include "gc/gc.h"\n', True),
    (check_layers.rule_layers, "daemon/heap/a.c", C + '#include "base/list.h"\n', False),
    (check_layers.rule_layers, "daemon/gc/a.c", C + '#include "heap/word.h"\n', False),
    (check_layers.rule_layers, "daemon/gc/a.c", C + '# include "store/store.h"\n', True),
    (check_layers.rule_layers, "daemon/store/a.c", C + '#include "proto/writer.h"\n', True),
    (check_layers.rule_layers, "daemon/stats/a.c", C + '#include "heap/heap.h"\n', False),
    (check_layers.rule_layers, "daemon/stats/a.c", C + '#include "heap/span.h"\n', True),
    (check_layers.rule_layers, "daemon/daemon.c", C + '#include "net/net.h"\n', False),
    (check_layers.rule_layers, "proto/a.c", C + '#include "base/list.h"\n', True),
    (check_layers.rule_layers, "client/a.c", C + '#include "net/net.h"\n', True),
    (check_layers.rule_unit_tests, "tests/unit/test_heap_a.c", C + '#include "gc/gc.h"\n', True),
    (check_layers.rule_unit_tests, "tests/unit/test_none_a.c", C + '#include "gc/gc.h"\n', True),
    (check_layers.rule_unit_tests, "tests/unit/test_gc_a.c", C + '#include "heap/a.h"\n', False),
    (check_layers.rule_rooted, "daemon/gc/a.c", C + '#include "b.h"\n', True),
    (check_layers.rule_libraries, "daemon/gc/a.c", C + "#include <uv.h>\n", True),
    (check_layers.rule_libraries, "daemon/net/a.c", C + "#include <msgpack.h>\n", True),
    (check_layers.rule_libraries, "daemon/net/a.c", C + "#include <uv.h>\n", False),
    (check_layers.rule_libraries, "daemon/base/a.c", C + "#include <systemd/sd-daemon.h>\n", True),
    (check_layers.rule_silent, "daemon/heap/a.c", C + '#include "base/log.h"\n', True),
    (check_tree.rule_top_level, "src/a.c", C, True),
    (check_tree.rule_top_level, "notes.txt", "\n", True),
    (check_tree.rule_names, "daemon/net/utils.c", C, True),
    (check_tree.rule_names, "daemon/net/conn_helper.c", C, True),
    (check_tree.rule_names, "daemon/net/commonwealth.c", C, False),
    (check_tree.rule_license, "proto/a.c", "int x;\n", True),
    (check_tree.rule_license, "tests/a.py", "#!/usr/bin/python3\n", True),
    (check_tree.rule_headers, "proto/a.h", C + "#pragma once\n#include <stdint.h>\n", True),
    (check_tree.rule_headers, "proto/a.h", C + "/* A thing. */\n", True),
    (check_tree.rule_headers, "proto/a.h", H, False),
    (check_tree.rule_file_length, "proto/a.c", C + "int x;\n" * 899, False),
    (check_tree.rule_file_length, "proto/a.c", C + "int x;\n" * 900, True),
    (check_tree.rule_function_length, "a.c", C + "int f(void)\n{\n" + "x;\n" * 70 + "}\n", False),
    (check_tree.rule_function_length, "a.c", C + "int f(void)\n{\n" + "x;\n" * 71 + "}\n", True),
    (check_tree.rule_whitespace, "proto/a.c", C + "int x; \n", True),
    (check_tree.rule_whitespace, "proto/a.c", C + "\tint x;\n", True),
    (check_tree.rule_whitespace, "proto/a.c", C + "int x;", True),
    (check_tree.rule_whitespace, "proto/a.c", C + "int x;\n\n", True),
    (check_tree.rule_columns, "proto/a.c", C + "/*" + "x" * 98 + "\n", False),
    (check_tree.rule_columns, "proto/a.c", C + "/*" + "x" * 99 + "\n", True),
    (check_tree.rule_debts, "README.md", "TO" "DO: all of it\n", True),
    (check_tree.rule_debts, "proto/a.c", C + 'mkstemp("heapdXXXXXX");\n', False),
    (check_tree.rule_exit, "daemon/net/a.c", C + "        exit(1);\n", True),
    (check_tree.rule_exit, "daemon/main.c", C + "        exit(1);\n", False),
    (check_tree.rule_exit, "daemon/net/a.c", C + "        cond_exit(1);\n", False),
    (check_tree.rule_braces, "proto/a.c", C + "        if (a)\n                b();\n", True),
    (check_tree.rule_braces, "proto/a.c", C + "        if (a &&\n            b)\n", True),
    (check_tree.rule_braces, "proto/a.c", C + "        } else\n", True),
    (check_tree.rule_braces, "proto/a.c", C + "        } else if (f(')')) {\n", False),
    (check_tree.rule_braces, "proto/a.c", C + "        do {\n        } while (f());\n", False),
    (check_tree.rule_typedefs, "proto/a.h", H + "typedef struct a a;\n", True),
    (check_tree.rule_typedefs, "proto/a.h", H + "typedef int (*visit_fn)(int);\n", False),
    (check_format.rule_format, "proto/a.c", C + "int  x;\n", True),
    (check_format.rule_format, "proto/a.c", C + "int x;\n", False),
    (check_docs.rule_paths, "README.md", "see `daemon/none.c`\n", True),
    (check_docs.rule_paths, "daemon/DESIGN.md", "`DESIGN.md`, `a * b`, `GET /x`\n", False),
    (check_docs.rule_invariants, "daemon/gc/a.c", C + "/* GC-5 */\n", True),
    (check_mutants.rule_applies, "tests/mutants/a.patch", PATCH, True),
    (check_protocol.rule_tables, "proto/PROTOCOL.md", "<!-- table:none -->\n<!-- end -->\n", True),
    (check_protocol.rule_clauses, "proto/PROTOCOL.md", "**P-1** a\n\n**P-1** b\n", True),
    (check_protocol.rule_clauses, "proto/PROTOCOL.md", "**P-1** a\n\n**P-2** P-1\n", False),
    (check_protocol.rule_clauses, "proto/PROTOCOL.md", "**P-1** see P-2\n", True),
    (check_units.rule_verify, "a.service", "[Service]\nExecStart=/bin/true\n", False),
    (check_units.rule_verify, "a.service", "[Service]\nExecStart=/bin/true\nNoSuch=1\n", True),
    (check_units.rule_exposure, "a.service", "[Service]\nExecStart=/bin/true\n", True),
]


def complains(rule, name, text):
    with tempfile.TemporaryDirectory() as top:
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        here = os.path.dirname(os.path.abspath(__file__))
        shutil.copy(os.path.join(here, "..", "..", ".clang-format"), top)
        return any(rule(tidy.Tree(top)))


def planted(rule, name, text, expected):
    def check(tree):
        if complains(rule, name, text) != expected:
            yield f"{rule.__name__} should {'' if expected else 'not '}complain of {text!r}"

    check.__doc__ = f"{rule.__name__} {'finds' if expected else 'accepts'} {name}"
    return check


def every_rule_is_tested(tree):
    """every rule has a planted fault"""
    tested = {rule for rule, _, _, expected in CASES if expected}
    checks = (check_docs, check_format, check_layers, check_mutants)
    for check in checks + (check_protocol, check_tree, check_units):
        for rule in check.RULES:
            if rule not in tested:
                yield f"{rule.__name__} has never failed"


if __name__ == "__main__":
    tidy.main([planted(*case) for case in CASES] + [every_rule_is_tested])
