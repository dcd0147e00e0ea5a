/* SPDX-License-Identifier: MIT */
/* The command line: sizes, defaults, and where the socket is when nobody says. */
#include "service/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/unit.h"

Test(service_options, sizes_have_units_and_a_largest)
{
        static const struct {
                const char *text;
                bool good;
                uint64_t bytes;
        } cases[] = {
                {"0", true, 0},
                {"1", true, 1},
                {"4096", true, 4096},
                {"1K", true, 1024},
                {"1k", true, 1024},
                {"512M", true, UINT64_C(512) << 20},
                {"3G", true, UINT64_C(3) << 30},
                {"2T", true, UINT64_C(2) << 40},
                {"18446744073709551615", true, UINT64_MAX},
                {"16777215T", true, UINT64_C(16777215) << 40},
                {"18446744073709551616", false, 0},
                {"16777216T", false, 0},
                {"", false, 0},
                {"M", false, 0},
                {"-1", false, 0},
                {"+1", false, 0},
                {" 1", false, 0},
                {"1 M", false, 0},
                {"1MB", false, 0},
                {"1.5G", false, 0},
                {"0x10", false, 0},
                {"1P", false, 0},
        };

        for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint64_t bytes = 77;

                cr_assert_eq(options_parse_bytes(cases[i].text, &bytes), cases[i].good, "'%s'",
                             cases[i].text);
                cr_assert_eq(bytes, cases[i].good ? cases[i].bytes : 77, "'%s'", cases[i].text);
        }
}

Test(service_options, every_option_reaches_its_field)
{
        const char *all[] = {"heapd",       "--socket=/a",  "--gogc",         "50",
                             "-m",          "1G",           "--gctrace",      "--stats",
                             "127.0.0.1:1", "--console=/c", "--gc-workers=3", "--huge-pages"};
        const char *off[] = {"heapd", "--gogc=off"}, *style[] = {"heapd", "--gctrace=full"};
        struct options options;

        options_parse(&options, 12, (char **)all);
        cr_assert_str_eq(options.socket, "/a");
        cr_assert_eq(options.gc_percent, 50);
        cr_assert_eq(options.memory_limit_bytes, 1 << 30);
        cr_assert_str_eq(options.gctrace, "");
        cr_assert_str_eq(options.stats, "127.0.0.1:1");
        cr_assert_str_eq(options.console, "/c");
        cr_assert_eq(options.n_gc_workers, 3);
        cr_assert(options.huge_pages);

        options_parse(&options, 2, (char **)off);
        cr_assert_lt(options.gc_percent, 0);
        options_parse(&options, 1, (char **)off);
        cr_assert_eq(options.gc_percent, 100);
        cr_assert_null(options.socket);
        cr_assert_not(options.huge_pages);
        cr_assert_null(options.gctrace);
        options_parse(&options, 2, (char **)style);
        cr_assert_str_eq(options.gctrace, "full");
}

Test(service_options, the_environment_names_the_socket_unless_it_is_too_long)
{
        char path[sizeof(((struct sockaddr_un *)0)->sun_path)], longest[sizeof(path) + 1];

        setenv("HEAPD_SOCKET", "/somewhere/sock", 1);
        cr_assert(options_default_socket(path));
        cr_assert_str_eq(path, "/somewhere/sock");
        memset(longest, 'x', sizeof(longest));
        longest[sizeof(path)] = '\0';
        setenv("HEAPD_SOCKET", longest, 1);
        cr_assert_not(options_default_socket(path));
        longest[sizeof(path) - 1] = '\0';
        setenv("HEAPD_SOCKET", longest, 1);
        cr_assert(options_default_socket(path));
        unsetenv("HEAPD_SOCKET");
        if (geteuid() == 0) {
                cr_assert(options_default_socket(path));
                cr_assert_str_eq(path, OPTIONS_RUN_FOLDER "/heapd.sock");
        }
}
