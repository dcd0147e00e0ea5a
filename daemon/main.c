/* SPDX-License-Identifier: MIT */
#include "daemon.h"
#include "service/options.h"

int main(int argc, char **argv)
{
        struct options options;

        options_parse(&options, argc, argv);
        return daemon_run(&options);
}
