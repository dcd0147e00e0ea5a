/* SPDX-License-Identifier: MIT */
/*
 * Replay: runs a fuzz target over every file of the folders and files given, so that what a fuzzer
 * once found stays found in every build and with every compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The target gets a buffer of exactly the file's size, so that a sanitizer sees one byte too far.
 */
static int replay_file(const char *path, size_t n)
{
        FILE *file = fopen(path, "rb");
        uint8_t *bytes = malloc(n ? n : 1);

        if (!file || !bytes || fread(bytes, 1, n, file) != n) {
                fprintf(stderr, "%s: cannot be read\n", path);
                return 1;
        }
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, n);
        free(bytes);
        return 0;
}

static int replay(const char *path, unsigned *n_files)
{
        struct dirent **entries;
        struct stat status;
        int failed = 0;
        int n;

        if (stat(path, &status)) {
                perror(path);
                return 1;
        }
        if (!S_ISDIR(status.st_mode)) {
                (*n_files)++;
                return replay_file(path, (size_t)status.st_size);
        }
        n = scandir(path, &entries, NULL, alphasort);
        for (int i = 0; i < n; i++) {
                char *name = NULL;

                if (entries[i]->d_name[0] != '.' &&
                    asprintf(&name, "%s/%s", path, entries[i]->d_name) > 0) {
                        failed |= replay(name, n_files);
                }
                free(name);
                free(entries[i]);
        }
        if (n >= 0) {
                free(entries);
        }
        return failed;
}

int main(int n_args, char **args)
{
        unsigned n_files = 0;
        int failed = 0;

        for (int i = 1; i < n_args; i++) {
                failed |= replay(args[i], &n_files);
        }
        printf("%u inputs replayed\n", n_files);
        return failed || !n_files;
}
