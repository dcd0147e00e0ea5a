/* SPDX-License-Identifier: MIT */

/* Reading dpkg status files: who is installed, who refers to whom, and what is no such file. */

#include "support/unit.h"
#include "support/seed.h"
#include <errno.h>
#include <string.h>
#include "client/heapctl/dpkg.h"

static struct dpkg dpkg;
static struct dpkg_flaw flaw;

static void dpkg_fini(void)
{
        dpkg_deinit(&dpkg);
}

#define DpkgTest(name) Test(dpkg, name, .fini = dpkg_fini)

#define STANZA(name, more) "Package: " name "\nStatus: install ok installed\nVersion: 1\n" more "\n"

static int parse(const char *text)
{
        flaw = (struct dpkg_flaw){0};
        return dpkg_parse(&dpkg, strdup(text), &flaw);
}

static const struct package *find(const char *label)
{
        int64_t at = dpkg_find(&dpkg, label, strlen(label));

        return at < 0 ? NULL : &dpkg.packages[at];
}

static bool refers(const char *from, const char *to)
{
        const struct package *package = find(from);

        for (uint32_t i = 0; package && i < package->n_references; i++) {
                if (strcmp(dpkg.packages[package->references[i]].label, to) == 0) {
                        return true;
                }
        }
        return false;
}

DpkgTest(reads_the_fields_of_installed_packages)
{
        cr_assert_eq(parse("Package: one\nStatus: install ok installed\nPriority: important\n"
                           "Installed-Size: 123\nVersion:  1:2-3 \n\n"
                           "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"),
                     0);
        cr_assert_eq(dpkg.n_packages, 1);
        cr_assert_str_eq(dpkg.packages[0].label, "one");
        cr_assert_str_eq(dpkg.packages[0].version, "1:2-3");
        cr_assert_eq(dpkg.packages[0].size_kib, 123);
        cr_assert(dpkg.packages[0].essential);
        cr_assert_null(find("gone"));
        cr_assert_null(find("on"));
        cr_assert_null(find("onee"));
}

DpkgTest(every_alternative_and_both_fields_are_references)
{
        cr_assert_eq(parse(STANZA("a", "Depends: b (>= 1), c | d:any | missing\nPre-Depends: e\n")
                                   STANZA("b", "") STANZA("c", "") STANZA("d", "") STANZA("e", "")
                                           STANZA("f", "")),
                     0);
        cr_assert_eq(find("a")->n_references, 4);
        cr_assert(refers("a", "b"));
        cr_assert(refers("a", "c"));
        cr_assert(refers("a", "d"));
        cr_assert(refers("a", "e"));
        cr_assert_eq(dpkg.n_references, 4);
}

DpkgTest(commas_and_bars_inside_brackets_separate_nothing)
{
        cr_assert_eq(parse(STANZA("a", "Depends: b (>= 1, c | d), e [x,c]\n") STANZA("b", "")
                                   STANZA("c", "") STANZA("d", "") STANZA("e", "")),
                     0);
        cr_assert(refers("a", "b"));
        cr_assert_not(refers("a", "d"));
        cr_assert(refers("a", "e"));
}

DpkgTest(provides_lead_to_all_providers_and_to_the_real_one)
{
        cr_assert_eq(parse(STANZA("a", "Depends: v\n") STANZA("p", "Provides: v (= 1), w\n")
                                   STANZA("q", "Provides: v\n") STANZA("v", "")),
                     0);
        cr_assert_eq(find("a")->n_references, 3);
        cr_assert(refers("a", "p"));
        cr_assert(refers("a", "q"));
        cr_assert(refers("a", "v"));
}

DpkgTest(a_reference_named_twice_is_there_once)
{
        cr_assert_eq(parse(STANZA("a", "Depends: v, p, p | v\n") STANZA("p", "Provides: v, v\n")),
                     0);
        cr_assert_eq(find("a")->n_references, 1);
}

DpkgTest(a_name_is_no_prefix_of_another)
{
        cr_assert_eq(parse(STANZA("a", "Depends: lib, lib-x-y\n") STANZA("lib-x", "")), 0);
        cr_assert_eq(find("a")->n_references, 0);
}

DpkgTest(several_architectures_are_several_packages)
{
        cr_assert_eq(parse(STANZA("m", "Architecture: i386\n") STANZA("m", "Architecture: amd64\n")
                                   STANZA("a", "Depends: m\n")),
                     0);
        cr_assert_not_null(find("m"));
        cr_assert_str_eq(find("m")->architecture, "amd64");
        cr_assert_not_null(find("m:i386"));
        cr_assert_eq(find("a")->n_references, 2);
}

DpkgTest(the_closure_goes_through_cycles_and_no_further)
{
        bool reached[5] = {false};
        uint32_t n = 0;

        cr_assert_eq(parse(STANZA("a", "Depends: b\n") STANZA("b", "Depends: c\n")
                                   STANZA("c", "Depends: a, c\n") STANZA("d", "Depends: a, e\n")
                                           STANZA("e", "Depends: d\n")),
                     0);
        reached[dpkg_find(&dpkg, "b", 1)] = true;
        cr_assert_eq(dpkg_closure(&dpkg, reached, &n), 0);
        cr_assert_eq(n, 3);
        cr_assert(reached[dpkg_find(&dpkg, "a", 1)]);
        cr_assert(reached[dpkg_find(&dpkg, "c", 1)]);
        cr_assert_not(reached[dpkg_find(&dpkg, "d", 1)]);
}

static void assert_flaw(const char *text, size_t line, const char *reason)
{
        cr_assert_eq(parse(text), DPKG_E_SYNTAX, "%s", text);
        cr_assert_eq(flaw.line, line, "line %zu: %s", flaw.line, flaw.reason);
        cr_assert_not_null(strstr(flaw.reason, reason), "%s", flaw.reason);
        cr_assert_null(dpkg.packages);
}

DpkgTest(what_is_no_status_file_is_refused_with_the_line)
{
        assert_flaw("", 1, "no package is installed");
        assert_flaw("\n \n\n", 4, "no package is installed");
        assert_flaw(" x\n", 1, "a continuation of nothing");
        assert_flaw("Package: a\nnonsense\n", 2, "neither");
        assert_flaw("Package: a\n: x\n", 2, "neither");
        assert_flaw("Package: a\nDescription: b\n c\n d\nno field: x\n", 5, "neither");
        assert_flaw("Package: a b\n", 1, "no name");
        assert_flaw("Package:\n", 1, "no name");
        assert_flaw("Package: a\nPackage: b\n", 2, "a second Package");
        assert_flaw("Package: a\n\n", 2, "without Package or Status");
        assert_flaw("Status: install ok installed\n", 2, "without Package or Status");
        assert_flaw("Package: a\nStatus: install ok installed\n\n", 3, "no Version");
        assert_flaw("Package: a\nInstalled-Size: big\n", 2, "not a number");
        assert_flaw(STANZA("a", "") STANZA("a", ""), 9, "twice");
}

DpkgTest(the_length_of_a_name_has_a_limit)
{
        char text[512] = "Package: ";
        size_t n = strlen(text);

        memset(text + n, 'x', DPKG_LABEL_BYTES_MAX / 2);
        strcpy(text + n + DPKG_LABEL_BYTES_MAX / 2, "\nStatus: install ok installed\nVersion: 1\n");
        cr_assert_eq(parse(text), 0);
        dpkg_deinit(&dpkg);
        text[n + DPKG_LABEL_BYTES_MAX / 2] = 'x';
        cr_assert_eq(parse(text), DPKG_E_SYNTAX);
}

DpkgTest(a_file_may_end_anywhere)
{
        static const char WHOLE[] = STANZA("a", "Depends: b (>= 1) |\n c [x]\nProvides: d,\n e\n")
                STANZA("b", "Architecture: all\n");

        for (size_t n = 0; n < sizeof(WHOLE); n++) {
                char *text = strndup(WHOLE, n);

                cr_assert_not_null(text);
                dpkg_parse(&dpkg, text, &flaw); /* whatever it says, it must not read beyond */
                dpkg_deinit(&dpkg);
        }
}

DpkgTest(noise_is_survived)
{
        static const char ALPHABET[] = "ab:,|()[]<> \t\n\n.PackageStatusDependsinstalled";
        struct seed seed;

        seed_init(&seed);
        for (int i = 0; i < 20000; i++) {
                size_t n = seed_below(&seed, 200);
                char *text = calloc(n + 1, 1);

                for (size_t k = 0; k < n; k++) {
                        text[k] = ALPHABET[seed_below(&seed, sizeof(ALPHABET) - 1)];
                }
                dpkg_parse(&dpkg, text, &flaw);
                dpkg_deinit(&dpkg);
        }
}

DpkgTest(a_file_that_is_not_there_is_an_errno)
{
        cr_assert_eq(dpkg_load(&dpkg, "/nonexistent/status", &flaw), -ENOENT);
        cr_assert_eq(dpkg_load(&dpkg, "/", &flaw), -EISDIR);
}
