/* SPDX-License-Identifier: MIT */

/*
 * What an allocation takes, beside malloc() of the C library, jemalloc and mimalloc (those that are
 * installed): objects of one size, a million but at most 256 MiB, are made in a tight loop and
 * touched in their first word; then all are dropped. Ten times over: the first is on fresh memory,
 * the others are on what was dropped.
 *
 *   median   of batches of 500 allocations: the fast path
 *   mean     of all: with slow paths, zeroing, what the system has to do. heapd's objects are
 * zeroed first    the mean on fresh memory: mostly page faults drop     per object: free(), or the
 * CPU time of a collection, which is beside the mutator
 *
 * Every allocator has a process of its own, so that each can be everybody's malloc(); they run in
 * turns.
 *
 *   bench_alloc [ROUNDS = 5]
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "gc/gc.h"
#include "heap/descriptor.h"

enum { N_OBJECTS = 1000000, N_BYTES = 256 << 20, N_BATCH = 500, N_PASSES = 10, ROUNDS_MAX = 99 };
enum { MEDIAN, MEAN, FIRST, DROP, _FIGURES };

static const char *const figure_names[_FIGURES] = {"median", "mean", "first", "drop"};

static const struct peer {
        const char *name;
        const char *library; /* to be loaded before the C library; NULL: none */
} peers[] = {
        {"heapd", NULL},
        {"glibc", NULL},
        {"jemalloc", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"},
        {"mimalloc", "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0"},
};
enum { N_PEERS = sizeof(peers) / sizeof(*peers) };

static const uint32_t sizes[] = {16, 48, 256, 2048};
enum { N_SIZES = sizeof(sizes) / sizeof(*sizes) };

struct times {
        double batches[(N_PASSES - 1) * (N_OBJECTS / N_BATCH)]; /* ns per allocation */
        unsigned n_batches;
        uint32_t n_objects; /* made in each pass, a multiple of N_BATCH */
        double total_ns, first_ns, drop_ns;
};

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
        qsort(values, n, sizeof(*values), compare);
        return values[n / 2];
}

/* All objects of a pass by `make`, in batches. */
#define TIME_BATCHES(times_, pass_, make_)                                       \
        for (unsigned batch = 0; batch < times_->n_objects / N_BATCH; batch++) { \
                uint64_t batch_ns = clock_now_ns();                              \
                double ns;                                                       \
                                                                                 \
                for (unsigned i = 0; i < N_BATCH; i++) {                         \
                        make_;                                                   \
                }                                                                \
                ns = (double)(clock_now_ns() - batch_ns);                        \
                if (pass_ == 0) {                                                \
                        times_->first_ns += ns;                                  \
                } else {                                                         \
                        times_->total_ns += ns;                                  \
                        times_->batches[times_->n_batches++] = ns / N_BATCH;     \
                }                                                                \
        }

static void time_heapd(uint32_t size_bytes, struct times *times)
{
        struct gc_config config = {.n_workers = 1, .percent = -1, .no_scavenge = true};
        uint32_t count = (size_bytes - OBJECT_HEADER_BYTES) / sizeof(uint64_t);
        struct mutator *mutator;
        struct heap *heap;
        struct gc *gc;
        unsigned node;

        hd_assert(heap_new(&heap, &(struct heap_config){0}) == 0 &&
                  gc_new(&gc, heap, &config) == 0 && gc_attach(gc, "bench", &mutator) == 0 &&
                  descriptor_intern(heap, &(struct descriptor){.kind = 1}, &node) == 0);
        for (unsigned pass = 0; pass < N_PASSES; pass++) {
                struct gc_stats stats;

                gc_enter(mutator);
                TIME_BATCHES(times, pass, {
                        struct word object = gc_alloc(mutator, node, count);

                        gc_object(mutator, object)[1] = word_int(1).bits;
                })
                gc_leave(mutator);
                gc_wait(gc, gc_request(gc, GC_REASON_FORCED));
                gc_get_stats(gc, &stats);
                times->drop_ns += (double)(stats.last.phases[GC_PHASE_MARK].cpu_ns +
                                           stats.last.phases[GC_PHASE_SWEEP].cpu_ns);
        }
        gc_detach(mutator);
        gc_free(gc);
        heap_free(heap);
}

static void time_malloc(uint32_t size_bytes, struct times *times)
{
        static uint64_t *objects[N_OBJECTS];

        memset(objects, 1, sizeof(objects)); /* not to be faulted in while the time is taken */
        for (unsigned pass = 0; pass < N_PASSES; pass++) {
                unsigned n = 0;
                uint64_t start_ns;

                TIME_BATCHES(times, pass, {
                        uint64_t *object = malloc(size_bytes);

                        object[1] = 1;
                        objects[n++] = object;
                })
                start_ns = clock_now_ns();
                for (unsigned i = 0; i < n; i++) {
                        free(objects[i]);
                }
                times->drop_ns += (double)(clock_now_ns() - start_ns);
        }
}

static int child(const char *peer, uint32_t size_bytes)
{
        static struct times times;
        uint32_t n_objects = N_BYTES / size_bytes < N_OBJECTS ? N_BYTES / size_bytes : N_OBJECTS;

        times.n_objects = n_objects / N_BATCH * N_BATCH;
        (strcmp(peer, "heapd") == 0 ? time_heapd : time_malloc)(size_bytes, &times);
        printf("%f %f %f %f\n", median(times.batches, times.n_batches),
               times.total_ns / (N_PASSES - 1) / times.n_objects, times.first_ns / times.n_objects,
               times.drop_ns / N_PASSES / times.n_objects);
        return 0;
}

/* False: there is no such allocator here. */
static bool run_child(const char *program, const struct peer *peer, uint32_t size_bytes,
                      double ret_figures[_FIGURES])
{
        char command[4200];
        FILE *output;
        bool ok;

        if (peer->library && access(peer->library, R_OK) < 0) {
                return false;
        }
        snprintf(command, sizeof(command), "%s%s '%s' --child %s %u",
                 peer->library ? "LD_PRELOAD=" : "", peer->library ? peer->library : "", program,
                 peer->name, size_bytes);
        output = popen(command, "r");
        hd_assert(output);
        ok = fscanf(output, "%lf %lf %lf %lf", &ret_figures[MEDIAN], &ret_figures[MEAN],
                    &ret_figures[FIRST], &ret_figures[DROP]) == _FIGURES;
        return pclose(output) == 0 && ok;
}

static void measure(const char *program, uint32_t size_bytes, unsigned n_rounds)
{
        static double figures[N_PEERS][_FIGURES][ROUNDS_MAX];
        double ours[_FIGURES];
        bool there[N_PEERS];

        for (unsigned round = 0; round < n_rounds; round++) {
                for (unsigned p = 0; p < N_PEERS; p++) {
                        double row[_FIGURES] = {0};

                        there[p] = run_child(program, &peers[p], size_bytes, row);
                        for (unsigned f = 0; f < _FIGURES; f++) {
                                figures[p][f][round] = row[f];
                        }
                }
        }
        for (unsigned p = 0; p < N_PEERS; p++) {
                printf("%6u %-9s", size_bytes, peers[p].name);
                for (unsigned f = 0; f < _FIGURES && there[p]; f++) {
                        double ns = median(figures[p][f], n_rounds);

                        ours[f] = p == 0 ? ns : ours[f];
                        printf(" %8.2f (%5.2f)", ns, ns / ours[f]);
                }
                printf("%s\n", there[p] ? "" : " not installed");
        }
}

int main(int argc, char **argv)
{
        unsigned n_rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;

        if (argc == 4 && strcmp(argv[1], "--child") == 0) {
                return child(argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
        }
        if (n_rounds < 1 || n_rounds > ROUNDS_MAX) {
                fprintf(stderr, "usage: bench_alloc [ROUNDS, 1 to %d]\n", ROUNDS_MAX);
                return 64;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        printf("checks=%d; ns per object, medians of %u rounds, and as multiples of heapd's\n"
               "%6s %-9s",
               HEAPD_CHECKS, n_rounds, "bytes", "");
        for (unsigned f = 0; f < _FIGURES; f++) {
                printf(" %16s", figure_names[f]);
        }
        printf("\n");
        for (unsigned s = 0; s < N_SIZES; s++) {
                measure(argv[0], sizes[s], n_rounds);
        }
        return 0;
}
