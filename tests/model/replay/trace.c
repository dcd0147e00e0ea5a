/* SPDX-License-Identifier: MIT */

/*
 * Part of the verifier that Spin makes of a model (trace.pml): reads a record that check_replay.py
 * has put into the model's terms, TRACE in the environment, and says by and by what comes next in
 * it. When all of it has happened, and the model's objects are those that were really left, the
 * model allows the run: "accepted", and the search is over. Else it goes on with other orders;
 * "refused" comes with the furthest that any of them has come.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRACE_STREAMS = 3, TRACE_MAX = 2000 };

struct trace_step {
        uint64_t after_ns, until_ns;
        int transition, where, what, was;
};

static struct {
        struct trace_step steps[TRACE_STREAMS][TRACE_MAX];
        int n_steps[TRACE_STREAMS];
        int live; /* objects left at the end, as bits; negative: the run did not come to an end */
        int best; /* steps taken by the order that came furthest */
        int best_position[TRACE_STREAMS];
} trace;

static void trace_tell(void)
{
        printf("refused after %d:", trace.best);
        for (int i = 0; i < TRACE_STREAMS; i++) {
                printf(" %d", trace.best_position[i]);
        }
        printf("\n");
}

static void trace_read(void)
{
        FILE *file = fopen(getenv("TRACE"), "r");
        struct trace_step step;
        int stream;

        if (!file || fscanf(file, "%d", &trace.live) != 1) {
                printf("no trace\n");
                _Exit(1);
        }
        while (fscanf(file, "%d %lu %lu %d %d %d %d", &stream, &step.after_ns, &step.until_ns,
                      &step.transition, &step.where, &step.what, &step.was) == 7) {
                if (trace.n_steps[stream] == TRACE_MAX) {
                        printf("too long\n");
                        _Exit(1);
                }
                trace.steps[stream][trace.n_steps[stream]++] = step;
        }
        fclose(file);
        atexit(trace_tell);
}

static const struct trace_step *trace_next(int stream)
{
        static const struct trace_step nothing = {.until_ns = UINT64_MAX};
        int position = now.position[stream];

        return position < trace.n_steps[stream] ? &trace.steps[stream][position] : &nothing;
}

static void trace_show(void)
{
        for (int i = 0; i < TRACE_STREAMS; i++) {
                const struct trace_step *step = trace_next(i);

                now.next_transition[i] = (unsigned char)step->transition;
                now.next_where[i] = (unsigned char)step->where;
                now.next_what[i] = (unsigned char)step->what;
                now.next_was[i] = (unsigned char)step->was;
                now.ready[i] = step->transition != 0;
                for (int j = 0; j < TRACE_STREAMS; j++) {
                        if (trace_next(j)->until_ns < step->after_ns) {
                                now.ready[i] = 0;
                        }
                }
        }
}

static int trace_objects(void)
{
        int objects = 0;

        for (int i = 1; i < (int)(sizeof(now.used) / sizeof(now.used[0])); i++) {
                objects |= (now.used[i] != 0) << i;
        }
        return objects;
}

static void trace_take(void)
{
        int taken = 0, all = 0;

        now.position[now.taker]++;
        now.taker = 0;
        trace_show();
        for (int i = 0; i < TRACE_STREAMS; i++) {
                taken += now.position[i];
                all += trace.n_steps[i];
        }
        if (taken == all && (trace.live < 0 || trace_objects() == trace.live)) {
                printf("accepted\n");
                fflush(stdout);
                _Exit(0);
        }
        if (taken > trace.best) {
                trace.best = taken;
                for (int i = 0; i < TRACE_STREAMS; i++) {
                        trace.best_position[i] = now.position[i];
                }
        }
}

static void trace_begin(void)
{
        trace_read();
        trace_show();
}
