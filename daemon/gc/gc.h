/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * gc: the collector's face. Whoever reads, writes or creates objects does it through these calls.
 *
 * A thread attaches as a *mutator*. Between gc_enter() and gc_leave() it runs requests; gc_poll()
 * stands between two requests. Those three points are the *boundaries*: there a mutator holds no
 * raw reference (a struct word that names an object), so it has no stack to scan (GC-5). Whatever
 * must live across a boundary or pass to another thread lives in an object or in a root cell.
 *
 * Every store of a word goes through gc_store(), gc_init() or gc_root_store(), all creation through
 * gc_alloc(): the barrier and the allocation colour live there and nowhere else.
 *
 * Owns:     a gc owns its mutators, root cells and threads; it borrows the heap.
 * Threads:  a struct mutator belongs to one thread at a time. gc_request(), gc_get_stats() and
 *           gc_note_garbage() may be called from any thread; the rest says so.
 * Failure:  gc_alloc() returns nil when the heap is at its limit or the kernel refuses memory; the
 *           caller answers "no memory", and a cycle is already on its way. Wrong use asserts.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/histogram.h"
#include "gc/debug.h"
#include "gc/pacer.h"
#include "gc/phase.h"
#include "gc/transition.h"
#include "heap/cache.h"
#include "heap/descriptor.h"
#include "heap/heap.h"
#include "heap/object.h"
#include "heap/sweep.h"
#include "heap/word.h"

struct gc;
struct gc_listener;
struct grey_packet;

#define GC_MUTATORS_MAX 256u
#define GC_ROOTS_MAX    (1u << 20)
#define GC_WORKERS_MAX  64u

enum gc_reason {
        GC_REASON_GOAL,     /* the heap grew to its goal */
        GC_REASON_FORCED,   /* somebody asked: heap.gc, the console */
        GC_REASON_PERIODIC, /* two minutes went by and something was touched */
        GC_REASON_GARBAGE,  /* a session that had allocated much has ended */
        GC_REASON_LIMIT,    /* an allocation met the memory limit */
        _GC_REASON_N,
};

const char *gc_reason_name(enum gc_reason reason);

struct gc_config {
        unsigned n_workers; /* marking and sweeping threads; 0: a quarter of the CPUs, at least 1 */
        int percent;        /* GOGC: grow by this much of what was live; < 0: never by growth */
        uint64_t minimum_bytes; /* goal is at least this * percent/100; 0: 4 MiB */
        uint64_t period_ns;     /* forced cycle after this long; 0: two minutes */
        unsigned queue_entries; /* grey queue; 0: as the heap needs. Small ones test a full queue */
        bool no_scavenge;       /* keep idle pages (tests, benchmarks) */
        bool limit_of_process;  /* the heap's limit counts all that this process holds */
        const struct gc_listener *listener; /* NULL: nobody; else must outlive the gc */
        struct gc_debug debug;
        gc_point_fn *point; /* tests: called at every step of the protocol */
        void *point_user;
        gc_transition_fn *transition; /* tests: told of every transition; builds with checks */
        void *transition_user;
};

/* What cycles cost the mutators: histograms, one of each kind per mutator. */
enum gc_time {
#define TIME(name, text, what, help) GC_TIME_##name,
#include "gc/times.def"
#undef TIME
        _GC_TIME_N,
};

enum gc_time_what { GC_TIME_WORK, GC_TIME_LATENCY, GC_TIME_STOLEN };

const char *gc_time_name(enum gc_time time);
enum gc_time_what gc_time_what(enum gc_time time);

struct gc_phase_time {
        uint64_t wall_ns;
        uint64_t cpu_ns; /* of controller and workers; for the mutators' see gc_get_times() */
};

/* Answers to the handshakes of a cycle, by mutators or their proxy. */
struct gc_handshakes {
        uint64_t n, n_proxied;
        uint64_t longest_ns;     /* CPU time of an answer */
        uint64_t ack_longest_ns; /* from the request to the answer */
};

/* What one cycle did; handed to the listener and kept for gc_get_stats(). Times in ns. */
struct gc_cycle {
        uint64_t number; /* 1, 2, … */
        enum gc_reason reason;
        uint64_t start_ns; /* monotonic */
        uint64_t total_ns;
        struct gc_phase_time phases[_GC_PHASE_N]; /* all visits to a phase; IDLE has none */
        struct gc_handshakes handshakes;
        uint64_t times_ns[_GC_TIME_N]; /* sums since the cycle before has ended */
        uint64_t n_vetoes;
        uint64_t n_proposals; /* times that marking seemed to be over, and at last was */
        uint64_t heap_start_bytes, heap_end_bytes; /* in use at start, after mark */
        uint64_t live_bytes, live_objects, scanned_bytes;
        uint64_t freed_bytes, freed_objects;
        uint64_t goal_bytes; /* of the cycle that ends here */
        uint64_t next_goal_bytes;
        uint64_t n_weak_cleared; /* weak words turned into dead ones */
        uint64_t root_bytes;     /* of root cells */
        uint64_t overflows;      /* objects that met a full grey queue */
        uint64_t queue_bytes;    /* the most that the grey queue held; given back */
        double cpu_fraction;     /* collector's share of CPU since the start, 0..1 */
        unsigned n_workers, n_cpus;
        enum pacer_band band; /* that the memory limit has the heap in */
};

/* Called on the collector's controller, never while a lock is held; must not call back into gc
 * except gc_request() and gc_get_stats(), and must not block for long. Any may be NULL. */
struct gc_listener {
        void *user;
        void (*cycle_begin)(void *user, uint64_t number, enum gc_reason reason);
        void (*cycle_end)(void *user, const struct gc_cycle *cycle);
        /*
         * What the sweep frees, some objects at a time: each object once, before its memory can be
         * allocated again, and before cycle_end; both happen after what was done here (GC-12). So
         * an offset names the object that died until this returns, and none or a new one later.
         * Of each, the header may be read (sweep_freed_header()), from which follow its descriptor
         * and size; what stood behind it may name what is gone already.
         *
         * Unlike the others it is called on the workers, beside the mutators: by several at once,
         * but by each (`worker`, less than GC_WORKERS_MAX) one call at a time, so a sum per worker
         * needs no lock. It may not wait for a mutator, in particular for a lock that one takes
         * (GC-25), nor call gc. There is a call for every KiB of heap in which something died.
         */
        sweep_freed_fn *freed;
};

struct gc_stats {
        uint64_t n_cycles, n_forced;
        enum gc_phase phase;
        uint64_t n_handshakes;                         /* answered, by mutators or their proxy */
        uint64_t handshake_total_ns, handshake_max_ns; /* CPU time that took; see gc_get_times() */
        uint64_t times_ns[_GC_TIME_N];                 /* sums; see gc_get_times() */
        uint64_t goal_bytes, trigger_bytes;
        uint64_t last_end_real_ns; /* wall clock of the end of the last cycle */
        double cpu_fraction;
        int percent;
        uint64_t effective_percent; /* that the goal comes to, the limit considered */
        enum pacer_band band;
        uint64_t released_bytes, scavenger_cpu_ns; /* given back to the kernel, ever */
        unsigned n_workers, n_mutators;
        uint64_t n_roots;
        uint64_t n_vetoes;       /* ends of marking put off by mutators that shaded something */
        uint64_t n_weak_cleared; /* weak words ever turned into dead ones */
        struct gc_cycle last;    /* number == 0: none yet */
};

enum mutator_state {
        MUTATOR_AWAY,  /* between requests: holds no raw reference */
        MUTATOR_IN,    /* running a request */
        MUTATOR_PROXY, /* away, and the controller is answering a handshake for it */
};

/* Private to gc/, visible for the inline functions below. The owner writes; while the state is
 * MUTATOR_PROXY the controller does, in the owner's stead. */
struct mutator {
        struct gc *gc;
        struct heap *heap;
        uint8_t *base; /* of the heap's address range */
        struct cache *cache;
        const struct descriptor *descriptors;
        uint64_t stamp;          /* mutator and request; what fresh words carry */
        bool armed;              /* stores log what they overwrite (GC-20) */
        bool grey;               /* and what they write (GC-21) */
        bool points;             /* debugging: steps of the protocol are delayed or watched */
        bool recorded;           /* debugging: its transitions are told */
        bool watched;            /* debugging: each allocation is seen by gc_alloc_slow() */
        uint32_t n_until_cycle;  /* debugging: allocations until one is asked for; 0: never */
        struct grey_packet *log; /* objects marked by this mutator's stores; NULL: none yet */
        uint64_t reported_bytes; /* of cache->handed_bytes, to the pacer */
        bool held;               /* debugging: the controller keeps it away */
        struct cache *spare;     /* takes over at a handshake that drops holes */
        struct cache *dropped;   /* the one it took over from, until the controller fetches it */
        uint32_t index;
        char name[16];
        struct histogram times[_GC_TIME_N];
        struct gc_handshakes handshakes; /* of this cycle, until the controller fetches them */
        uint64_t tolls_ns;               /* measured as stolen so far, each moment once (toll.h) */
        uint32_t n_until_toll, toll_random;
        _Atomic uint64_t entries; /* gc_enter() calls: tells whether anything may have changed */
        _Alignas(64) _Atomic uint32_t state; /* enum mutator_state */
        _Atomic uint32_t requested;          /* number of the last handshake asked for */
        _Atomic uint32_t acknowledged;       /* and answered */
};

/* A word outside the heap that keeps what it names alive. */
struct gc_root {
        _Atomic uint64_t bits;
        struct gc_root *next_free;
};

/* Lifecycle. gc_free() wants every mutator detached. */
int gc_new(struct gc **ret_gc, struct heap *heap, const struct gc_config *config);
void gc_free(struct gc *gc);

/* Any thread. -EUSERS at GC_MUTATORS_MAX, -ENOMEM. The mutator starts outside a request. */
int gc_attach(struct gc *gc, const char *name, struct mutator **ret_mutator);
void gc_detach(struct mutator *mutator);

/* Boundaries: where a mutator answers handshakes, in O(1). None of them waits for a cycle. */
void gc_enter(struct mutator *mutator);
void gc_leave(struct mutator *mutator);
void gc_poll(struct mutator *mutator);

/* Asks for a cycle; returns the number of a cycle that starts after this call. */
uint64_t gc_request(struct gc *gc, enum gc_reason reason);
/* The same, and when it has ended all idle memory goes back to the kernel. What is idle now goes at
 * once. */
uint64_t gc_free_memory(struct gc *gc, enum gc_reason reason);
/* Waits until that cycle has ended. Any thread that is not inside a request. */
void gc_wait(struct gc *gc, uint64_t cycle);
/* Tells that about so many bytes just became unreachable; may start a cycle. */
void gc_note_garbage(struct gc *gc, uint64_t bytes);

/* Any thread; goal and trigger follow at once. A limit of 0: none. */
void gc_set_percent(struct gc *gc, int percent);
void gc_set_limit(struct gc *gc, uint64_t limit_bytes);

/*
 * What one who makes mutators allocate should know, any thread: whether the collector is behind
 * (the heap passed its goal by a tenth while a cycle runs, or has used up three quarters of the
 * room under the limit); in which band the limit has the heap; and how long until a cycle that is
 * asked for now may have brought relief.
 */
bool gc_is_pressed(struct gc *gc);
/* Asks for a cycle for the limit's sake, unless one is asked for already. Cheap. */
void gc_want_room(struct gc *gc);
enum pacer_band gc_band(struct gc *gc);
uint64_t gc_room_bytes(struct gc *gc); /* that the last cycle left under the limit */
uint64_t gc_relief_ns(struct gc *gc);
void gc_get_stats(struct gc *gc, struct gc_stats *ret_stats);
/* Summed over all mutators, past ones included. */
void gc_get_times(struct gc *gc, enum gc_time time, struct histogram *ret_histogram);

/* Root cells. Inside a request. NULL at GC_ROOTS_MAX or without memory. A cell is freed holding
 * nil. */
struct gc_root *gc_root_new(struct mutator *mutator);
void gc_root_free(struct mutator *mutator, struct gc_root *root);
void gc_root_store(struct mutator *mutator, struct gc_root *root, struct word value);
struct word gc_root_load(struct mutator *mutator, struct gc_root *root);

/* While urgent, new pages may come from the spare part of the limit (heap.h). */
static inline void gc_set_urgent(struct mutator *mutator, bool urgent)
{
        mutator->cache->urgent = urgent;
}

void gc_record_slow(const struct mutator *mutator, enum gc_transition transition, uint64_t a,
                    uint64_t b, uint64_t c);

static inline void gc_record(const struct mutator *mutator, enum gc_transition transition,
                             uint64_t a, uint64_t b, uint64_t c)
{
#if HEAPD_CHECKS >= 1
        if (__builtin_expect(mutator->recorded, false)) {
                gc_record_slow(mutator, transition, a, b, c);
        }
#endif
}

/* Aborts if the word was obtained in another request or by another mutator (GC-5). */
static inline void gc_check_word(const struct mutator *mutator, struct word w)
{
#if HEAPD_CHECKS >= 1
        hd_assert(!(word_is_ref(w) || word_is_weak(w)) || w.stamp == mutator->stamp);
#endif
}

/* A weak word gets no stamp: it may be stored only if it came by gc_weak_copy(). */
static inline struct word gc_stamp_word(const struct mutator *mutator, uint64_t bits)
{
        struct word w = word_raw(bits);

#if HEAPD_CHECKS >= 1
        w.stamp = word_is_ref(w) ? mutator->stamp : 0;
#endif
        return w;
}

/* The slow half of gc_alloc(): a cache without a hole, a large object, weak words, debugging. */
struct word gc_alloc_slow(struct mutator *mutator, unsigned descriptor, uint32_t count);

/*
 * A new object of `count` words (all nil) or, for a noscan descriptor, `count` bytes (content
 * undefined, to be written before the next boundary through gc_bytes_init()). nil: no memory.
 */
static inline struct word gc_alloc(struct mutator *mutator, unsigned descriptor, uint32_t count)
{
        const struct descriptor *kind = &mutator->descriptors[descriptor % HEAP_DESCRIPTORS_MAX];
        uint64_t size_bytes = object_size_bytes(kind->noscan, count);
        struct hole *hole;
        uint8_t *at;

        if (__builtin_expect(size_bytes > SIZE_SMALL_MAX || kind->weak || mutator->watched,
                             false)) {
                return gc_alloc_slow(mutator, descriptor, count);
        }
        hole = cache_hole(mutator->cache, size_bytes, kind->noscan);
        at = hole->next;
        if (__builtin_expect(at == hole->end, false)) {
                return gc_alloc_slow(mutator, descriptor, count);
        }
        hd_assert(mutator->state == MUTATOR_IN && kind->kind != 0);
        hole->next = at + hole->size_bytes;
        /* Atomic, because a rescan of a flagged page may look at slots that are not in use yet. */
        atomic_store_explicit((_Atomic uint64_t *)at, object_header(descriptor, 0, count),
                              memory_order_relaxed);
        return gc_stamp_word(mutator, (uint64_t)(at - mutator->base) | WORD_REF_BIT);
}

static inline uint64_t *gc_object(const struct mutator *mutator, struct word object)
{
        hd_assert(word_is_ref(object));
        gc_check_word(mutator, object);
        return (uint64_t *)(mutator->base + (object.bits - WORD_REF_BIT));
}

static inline uint64_t gc_header(const struct mutator *mutator, struct word object)
{
        return *gc_object(mutator, object);
}

/* Words of a scannable object, bytes of a noscan one. */
static inline uint32_t gc_count(const struct mutator *mutator, struct word object)
{
        return object_header_count(gc_header(mutator, object));
}

static inline unsigned gc_descriptor(const struct mutator *mutator, struct word object)
{
        return object_header_descriptor(gc_header(mutator, object));
}

static inline _Atomic uint64_t *gc_slot(const struct mutator *mutator, struct word object,
                                        uint32_t slot)
{
        uint64_t *words = gc_object(mutator, object);

        hd_assert(slot < object_header_count(words[0]));
        return (_Atomic uint64_t *)(words + 1 + slot);
}

/* Acquire: pairs with the release in gc_store(), so the object behind a reference is seen built. */
static inline struct word gc_load(const struct mutator *mutator, struct word object, uint32_t slot)
{
        _Atomic uint64_t *at = gc_slot(mutator, object, slot);
        uint64_t bits = atomic_load_explicit(at, memory_order_acquire);

        gc_record(mutator, GC_TRANSITION_LOADED, (uintptr_t)at, bits, 0);
        return gc_stamp_word(mutator, bits);
}

/* The slow half of gc_store() and gc_root_store(): exchanges and shades (barrier.c). */
void gc_store_armed(struct mutator *mutator, _Atomic uint64_t *slot, uint64_t bits);

/*
 * The one way to write a slot. Outside a cycle this is a release store: whoever reads the reference
 * sees the object it names complete (GC-11).
 */
static inline void gc_store(struct mutator *mutator, struct word object, uint32_t slot,
                            struct word value)
{
        _Atomic uint64_t *at = gc_slot(mutator, object, slot);

        gc_check_word(mutator, value);
        if (__builtin_expect(mutator->armed, false)) {
                gc_store_armed(mutator, at, value.bits);
        } else {
                atomic_store_explicit(at, value.bits, memory_order_release);
                gc_record(mutator, GC_TRANSITION_STORED, (uintptr_t)at, value.bits, 0);
        }
}

/*
 * The first store to a slot of an object that this request has made and that nobody else can reach
 * yet. Nothing is overwritten and whoever publishes the object shades it, so a cycle that runs
 * costs this store nothing.
 */
static inline void gc_init(struct mutator *mutator, struct word object, uint32_t slot,
                           struct word value)
{
        _Atomic uint64_t *at = gc_slot(mutator, object, slot);

        gc_check_word(mutator, value);
        hd_assert(atomic_load_explicit(at, memory_order_relaxed) == 0);
#if HEAPD_CHECKS >= 1
        if (mutator->recorded) {
                gc_store(mutator, object, slot, value); /* the models know no other store */
                return;
        }
#endif
        /* Release: a rescan of a flagged page may look at it. */
        atomic_store_explicit(at, value.bits, memory_order_release);
}

/*
 * Weak words name an object without keeping it alive. They stand in objects whose descriptor says
 * `weak` and are stored by gc_store(). When their object dies the collector turns them into *dead*
 * words, before the object is freed.
 */
struct word gc_weak_make(struct mutator *mutator, struct word object);

/*
 * The object, from now on as strong as any other reference; nil if it is dead, and once nil always
 * nil. For a word that is not weak: nil.
 */
struct word gc_weak_load(struct mutator *mutator, struct word object, uint32_t slot);

/* The word itself, weak or dead, to be stored elsewhere in the same request. A weak word that came
 * by gc_load() may not be stored. */
struct word gc_weak_copy(struct mutator *mutator, struct word object, uint32_t slot);

/*
 * For who looks without wanting to keep alive what is there. gc_weak_peek() gives the object only
 * if it lives anyhow, for this request at least: nil while marking has not come to it yet.
 * gc_weak_is_dead() tells whether the word is dead, or as good as dead because marking is over;
 * `committed` is gc_weak_committed() as of some moment of the request, the same for each call, and
 * then the answer for a word is the same throughout the request.
 */
struct word gc_weak_peek(struct mutator *mutator, struct word object, uint32_t slot);
bool gc_weak_committed(const struct mutator *mutator);
bool gc_weak_is_dead(const struct mutator *mutator, struct word object, uint32_t slot,
                     bool committed);

/* Weak words ever turned into dead ones. Any thread: who reads n sees those n dead. */
uint64_t gc_weak_cleared(const struct gc *gc);

/* The bytes of a noscan object: read only once the object is published, and only until the
 * boundary. */
static inline const uint8_t *gc_bytes(const struct mutator *mutator, struct word object)
{
        return (const uint8_t *)(gc_object(mutator, object) + 1);
}

static inline uint8_t *gc_bytes_init(const struct mutator *mutator, struct word object)
{
        return (uint8_t *)(gc_object(mutator, object) + 1);
}
