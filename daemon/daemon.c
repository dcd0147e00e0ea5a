/* SPDX-License-Identifier: MIT */
#include "daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cgroup.h"
#include "base/clock.h"
#include "base/log.h"
#include "console/console.h"
#include "doors.h"
#include "gc/gc.h"
#include "heap/heap.h"
#include "loop/loop.h"
#include "net/net.h"
#include "proto/limits.h"
#include "service/options.h"
#include "service/systemd.h"
#include "stats/gctrace.h"
#include "stats/scrape.h"
#include "store/store.h"

/*
 * Start: loops, heap, gc, store, sockets, net, stats, console, then the executor's thread, and
 * READY. Stop:  net drains on the executor, whose loop then ends; after it stats and console close
 * and the service loop ends; then store, gc (its threads), heap, loops, and last the sockets'
 * names, so that whoever finds the name gone finds nothing of us.
 */

/* A letter that knows its daemon. */
struct daemon_letter {
        struct letter letter; /* first */
        struct daemon *daemon;
};

struct daemon {
        const struct options *options;
        uint64_t start_ns;
        struct loop executor, service;
        struct heap *heap;
        struct gc *gc;
        struct gc_listener listener;
        enum gctrace_style gctrace;
        struct cycle_log cycles;
        struct mutator *mutator;
        struct store *store;
        struct doors doors;
        struct net *net;
        struct scrape scrape;
        struct console console;
        bool has_scrape, has_console;
        uv_signal_t signals[2];
        uv_timer_t watchdog;
        bool stopping;
        _Atomic uint64_t cycle; /* the last that has ended */
        struct daemon_letter cycle_to_net, cycle_to_service, drain, drained, well, answer;
};

static const int daemon_signals[] = {SIGTERM, SIGINT};

/* Outside of serving they wait, so that a second one does not cut the end short; in the threads
 * that were started meanwhile for ever. */
static void daemon_hold_signals(int how)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, daemon_signals[0]);
        sigaddset(&set, daemon_signals[1]);
        pthread_sigmask(how, &set, NULL);
}

/* On the collector's thread. */
static void daemon_on_cycle_end(void *user, const struct gc_cycle *cycle)
{
        struct daemon *daemon = user;

        if (daemon->gctrace != GCTRACE_OFF) {
                char text[GCTRACE_BYTES_MAX];
                size_t n = gctrace_format(text, cycle, daemon->start_ns, daemon->gctrace);

                /* In place of the terminator: one write, so that lines do not mix. */
                text[n] = '\n';
                (void)!write(STDERR_FILENO, text, n + 1);
        }
        cycle_log_add(&daemon->cycles, cycle, clock_real_ns());
        atomic_store(&daemon->cycle, cycle->number);
        /* One that still waits will read the newer number. */
        mailbox_post(&daemon->executor.mailbox, &daemon->cycle_to_net.letter);
        mailbox_post(&daemon->service.mailbox, &daemon->cycle_to_service.letter);
}

static void daemon_on_cycle_to_net(struct letter *letter)
{
        struct daemon *daemon = ((struct daemon_letter *)letter)->daemon;

        store_cycle_ended(daemon->store);
        net_cycle_ended(daemon->net, atomic_load(&daemon->cycle));
}

static void daemon_on_cycle_to_service(struct letter *letter)
{
        struct daemon *daemon = ((struct daemon_letter *)letter)->daemon;

        if (daemon->has_scrape) {
                scrape_cycle_ended(&daemon->scrape);
        }
        if (daemon->has_console) {
                console_cycle_ended(&daemon->console, atomic_load(&daemon->cycle));
        }
}

/* On the executor: the last connection is closed. */
static void daemon_on_net_drained(void *user)
{
        struct daemon *daemon = user;
        int r = mailbox_post(&daemon->service.mailbox, &daemon->drained.letter);

        hd_assert(r == 0);
        loop_end(&daemon->executor);
}

static void daemon_on_drain(struct letter *letter)
{
        struct daemon *daemon = ((struct daemon_letter *)letter)->daemon;

        net_drain(daemon->net, daemon_on_net_drained, daemon);
}

static void daemon_on_drained(struct letter *letter)
{
        struct daemon *daemon = ((struct daemon_letter *)letter)->daemon;

        loop_join(&daemon->executor);
        if (daemon->has_scrape) {
                scrape_close(&daemon->scrape);
        }
        if (daemon->has_console) {
                console_close(&daemon->console);
        }
        daemon_hold_signals(SIG_BLOCK);
        uv_close((uv_handle_t *)&daemon->signals[0], NULL);
        uv_close((uv_handle_t *)&daemon->signals[1], NULL);
        uv_close((uv_handle_t *)&daemon->watchdog, NULL);
        loop_end(&daemon->service);
}

static void daemon_on_signal(uv_signal_t *signal, int number)
{
        struct daemon *daemon = signal->data;
        int r;

        if (daemon->stopping) {
                return;
        }
        daemon->stopping = true;
        log_info("Stopping on %s", number == SIGTERM ? "SIGTERM" : "SIGINT");
        systemd_notify("STOPPING=1\nSTATUS=Finishing requests");
        r = mailbox_post(&daemon->executor.mailbox, &daemon->drain.letter);
        hd_assert(r == 0);
}

/* The watchdog is fed only if the executor answers: one that is stuck counts as stuck. */
static void daemon_on_watchdog(uv_timer_t *timer)
{
        struct daemon *daemon = timer->data;

        mailbox_post(&daemon->executor.mailbox, &daemon->well.letter);
}

static void daemon_on_well(struct letter *letter)
{
        struct daemon *daemon = ((struct daemon_letter *)letter)->daemon;

        mailbox_post(&daemon->service.mailbox, &daemon->answer.letter);
}

static void daemon_on_answer(struct letter *letter)
{
        systemd_notify("WATCHDOG=1");
}

static int daemon_fail(int r, const char *what)
{
        log_error("Cannot %s: %s", what, strerror(-r));
        return r == -EACCES || r == -EPERM ? EX_NOPERM : 1;
}

/* Heap, collector, store. */
/* As asked, or nine tenths of what the control group may have: the kernel counts there what it
 * holds for us, sockets above all. 0: none. */
static uint64_t daemon_memory_limit(const struct options *options)
{
        uint64_t group = cgroup_memory_limit("/proc/self", "/sys/fs/cgroup");

        if (options->memory_limit_bytes != 0 || group == UINT64_MAX) {
                return options->memory_limit_bytes;
        }
        log_info("Memory limit: %" PRIu64 " bytes, nine tenths of the control group's",
                 group / 10 * 9);
        return group / 10 * 9;
}

static int daemon_new_store(struct daemon *daemon)
{
        const struct options *options = daemon->options;
        const struct heap_config heap_config = {.limit_bytes = daemon_memory_limit(options),
                                                .spare_bytes = options->memory_spare_bytes,
                                                .huge_pages = options->huge_pages};
        struct gc_config gc_config = {
                .percent = options->gc_percent,
                .n_workers = options->n_gc_workers,
                .limit_of_process = true,
                .listener = &daemon->listener,
        };
        const struct store_config store_config = {0};
        char error[100];
        int r;

        if (options->gc_debug &&
            !gc_debug_parse(options->gc_debug, &gc_config.debug, error, sizeof(error))) {
                log_error("Cannot use --gc-debug '%s': %s", options->gc_debug, error);
                return EX_USAGE;
        }
        if (options->gctrace &&
            !gctrace_find_style(*options->gctrace ? options->gctrace : "go", &daemon->gctrace)) {
                log_error("Cannot use --gctrace=%s: there is no such style", options->gctrace);
                return EX_USAGE;
        }
        r = heap_new(&daemon->heap, &heap_config);

        daemon->listener = (struct gc_listener){.user = daemon, .cycle_end = daemon_on_cycle_end};
        if (r == 0) {
                r = gc_new(&daemon->gc, daemon->heap, &gc_config);
        }
        if (r == 0) {
                r = gc_attach(daemon->gc, "executor", &daemon->mutator);
        }
        if (r == 0) {
                gc_enter(daemon->mutator);
                r = store_new(&daemon->store, daemon->gc, daemon->mutator, &store_config);
                gc_leave(daemon->mutator);
        }
        return r == 0 ? 0 : daemon_fail(r > 0 ? -ENOMEM : r, "make the heap");
}

static void daemon_free_store(struct daemon *daemon)
{
        if (daemon->store) {
                gc_enter(daemon->mutator);
                store_free(daemon->store);
                gc_leave(daemon->mutator);
        }
        if (daemon->mutator) {
                gc_detach(daemon->mutator);
        }
        if (daemon->gc) {
                gc_free(daemon->gc);
        }
        if (daemon->heap) {
                heap_free(daemon->heap);
        }
}

static int daemon_serve_clients(struct daemon *daemon)
{
        const struct net_config config = {
                .loop = &daemon->executor,
                .heap = daemon->heap,
                .gc = daemon->gc,
                .mutator = daemon->mutator,
                .store = daemon->store,
                .limits = &LIMITS_DEFAULT,
        };
        int r = net_new(&daemon->net, &config);

        return r < 0 ? r
                     : net_listen(daemon->net,
                                  endpoint_take_fd(&daemon->doors.endpoints[DOOR_RPC]));
}

static int daemon_serve_operators(struct daemon *daemon)
{
        const struct scrape_sources scrape = {
                .snapshot = {.heap = daemon->heap,
                             .gc = daemon->gc,
                             .store = daemon->store,
                             .net = daemon->net},
                .cycles = &daemon->cycles,
                .start_ns = daemon->start_ns,
        };
        const struct console_sources console = {
                .heap = daemon->heap,
                .gc = daemon->gc,
                .mutator = daemon->mutator,
                .store = daemon->store,
                .net = daemon->net,
                .start_ns = daemon->start_ns,
        };
        int r = 0;

        if (daemon->doors.endpoints[DOOR_STATS].fd >= 0) {
                r = scrape_open(&daemon->scrape, &daemon->service,
                                endpoint_take_fd(&daemon->doors.endpoints[DOOR_STATS]), &scrape);
                daemon->has_scrape = r == 0;
        }
        if (r == 0 && daemon->doors.endpoints[DOOR_CONSOLE].fd >= 0) {
                r = console_open(&daemon->console, &daemon->service, &daemon->executor,
                                 endpoint_take_fd(&daemon->doors.endpoints[DOOR_CONSOLE]),
                                 &console);
                daemon->has_console = r == 0;
        }
        return r;
}

static void daemon_watch(struct daemon *daemon)
{
        uint64_t ms = systemd_watchdog_ms();

        for (unsigned i = 0; i < 2; i++) {
                uv_signal_init(&daemon->service.uv, &daemon->signals[i]);
                daemon->signals[i].data = daemon;
                uv_signal_start(&daemon->signals[i], daemon_on_signal, daemon_signals[i]);
        }
        uv_timer_init(&daemon->service.uv, &daemon->watchdog);
        daemon->watchdog.data = daemon;
        if (ms > 0) {
                uv_timer_start(&daemon->watchdog, daemon_on_watchdog, 0, ms);
        }
}

/* Every connection is a descriptor: as many as the machine's owner allows. */
static void daemon_raise_limits(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static void daemon_init(struct daemon *daemon, const struct options *options)
{
        *daemon = (struct daemon){.options = options, .start_ns = clock_now_ns()};
        doors_init(&daemon->doors);
        cycle_log_init(&daemon->cycles);
        daemon->cycle_to_net = (struct daemon_letter){{.deliver = daemon_on_cycle_to_net}, daemon};
        daemon->cycle_to_service = (struct daemon_letter){{.deliver = daemon_on_cycle_to_service},
                                                          daemon};
        daemon->drain = (struct daemon_letter){{.deliver = daemon_on_drain}, daemon};
        daemon->drained = (struct daemon_letter){{.deliver = daemon_on_drained}, daemon};
        daemon->well = (struct daemon_letter){{.deliver = daemon_on_well}, daemon};
        daemon->answer = (struct daemon_letter){{.deliver = daemon_on_answer}, daemon};
}

/* With everything made: serves until a signal ends it. */
static int daemon_serve(struct daemon *daemon)
{
        int r = daemon_serve_clients(daemon);

        if (r == 0) {
                r = daemon_serve_operators(daemon);
        }
        if (r == 0) {
                daemon_watch(daemon);
                r = loop_start(&daemon->executor);
        }
        if (r < 0) {
                return daemon_fail(r, "serve");
        }
        daemon_hold_signals(SIG_UNBLOCK);
        log_info("Ready");
        systemd_notify("READY=1\nSTATUS=Serving");
        loop_run(&daemon->service);
        return 0;
}

int daemon_run(const struct options *options)
{
        static struct daemon daemon;
        bool served = false;
        int status = 0;

        signal(SIGPIPE, SIG_IGN);
        daemon_hold_signals(SIG_BLOCK);
        daemon_init(&daemon, options);
        daemon_raise_limits();
        if (loop_init(&daemon.executor, "executor") < 0 ||
            loop_init(&daemon.service, "heapd") < 0) {
                return daemon_fail(-ENOMEM, "make an event loop");
        }
        status = doors_open(&daemon.doors, options);
        if (status == 0) {
                status = daemon_new_store(&daemon);
        }
        if (status == 0) {
                status = daemon_serve(&daemon);
                served = status == 0;
        }
        if (served) {
                daemon_free_store(&daemon);
                net_free(daemon.net);
                loop_deinit(&daemon.executor);
                loop_deinit(&daemon.service);
                cycle_log_deinit(&daemon.cycles);
        }
        doors_close(&daemon.doors);
        return status;
}
