/* SPDX-License-Identifier: MIT */
/*
 * Sweep and reuse (daemon/heap/cache.c, central.c, sweep.c, pages.c; daemon/gc/handshake.c,
 * cycle.c): a mutator allocates through its cache and drops objects while cycles run; swept spans
 * come back by their central lists and empty ones by the page heap, at once.
 *
 *   GC-7     a mark stands only where an object is, when the sweep meets it;
 *   GC-8     what was dropped before a cycle is free after it, and nothing that is in use ever;
 *   GC-12    what was freed is announced before it can be used again;
 *   GC-20    who allocates black hands out marked slots only;
 *   HEAP-6   a span is in one place;
 *   HEAP-8   a slot is handed out once until it is freed, and reads as zero;
 *   HEAP-10  no mark is left when a cycle starts;
 *   HEAP-12  allocation meets no span that is yet to be swept, and the sweep passes over new ones.
 *
 * In C (file: function), and here:
 *   cache.c: cache_count_hole, cache_find_hole, cache_mark_slots, cache_refill, cache_flush    the same names
 *   central.c: central_take, central_put, central_new_span, central_reset                      the same names
 *   pages.c: pages_alloc, pages_drain_some, pages_publish, pages_push_freed    central_new_span, sweep_span
 *   sweep.c: sweep_chunk, sweep_span, sweep_bury                               sweep_span, bury
 *   handshake.c: handshake_acknowledge, handshake_fetch_caches                 mutator, fetch_caches
 * What is reachable and how marking finds it is barrier.pml's: here an object lives until it is
 * dropped, and marking marks what lives. ARM and DISARM touch no cache and are not here.
 * A stack of spans is a set: its takers take all. A span's bits lie in one word.
 *
 * Bounds: a mutator (-DMUTATORS=2: two); two pages, each a span of two slots of one class; a
 * sweeping thread; cycle after cycle.
 *
 * Mutations:
 *   NO_PREMARK       a black cache does not mark the slots of a hole
 *   KEEP_MARKS       nor takes back the marks of those not used
 *   STALE_COLOUR     the spare cache takes over with the colour it had
 *   UNCOUNTED        a cache is flushed without entering what it handed out
 *   SAME_GENERATION  WHITEN leaves caches with the central lists they had
 *   NO_RESET         the old central lists are kept
 *   NO_DROP          caches are not dropped at WHITEN
 *   SWEEP_EARLY      the sweep does not wait for the answers to WHITEN
 *   LATE_FLUSH       nor for dropped caches to be flushed
 *   SWEEP_NEW        the sweep does not look at generations
 *   PUBLISH_EARLY    a new span shows in `starts` before its generation is set
 *   FILE_FIRST       a span is filed before its bits are written
 *   MARKS_STAY       the sweep leaves the marks
 *   EMPTY_FILED      an empty span goes to its central list and to the page heap
 *   BURY_LATE        what was freed is announced and poisoned after the span is filed
 *   NOT_ZEROED       a hole is not zeroed
 *   STAYS_ZEROED     a used span is still called zeroed
 */
#ifndef MUTATORS
#define MUTATORS 1
#endif
#define NO_SPAN 2 /* instead of page 0 or 1 */
#define NO_SLOT 2

/* enum span_state; and whether it shows in `starts` */
#define FREE    0
#define CACHED  1
#define CENTRAL 2
#define ALL_FULL 3
#define FREED   4

byte state[2];
bit generation[2];
bit starts[2];
bit zeroed[2];
bit cursor_end[2]; /* no hole is left behind the last one */

/* Bitmaps: of a page, one bit for each slot. */
byte alloc[2];
byte seen[2];

/* Sets of spans: bit 0 for page 0, bit 1 for page 1. By generation. */
byte partial[2];
byte swept[2];
byte freed;
byte runs;  /* free runs of the page heap */

/* Caches: of mutator m the one in use is m, the dropped one 2 + m. */
byte span[4];
byte start[4], next[4], stop[4];
bit black[4];
bit lists[4]; /* the generation it draws on */
bit dropped[2];

bit to_black, to_lists, drops;
bit pending[2];

/* Not in the code. By page, as bitmaps. */
byte used[2];   /* handed out, not freed */
byte live[2];   /* and not dropped */
byte dirty[2];  /* does not read as zero */
byte doomed[2]; /* dropped before this cycle */

#define BIT(x) (1 << (x))
#define HAS(set, x) ((set) & BIT(x))

#define IN_CACHE(p) ((span[0] == (p)) + (span[1] == (p)) + (span[2] == (p)) + (span[3] == (p)))
#define ON_LIST(p)                                                                                 \
        ((HAS(partial[0] | swept[0], p) != 0) + (HAS(partial[1] | swept[1], p) != 0) +             \
         (HAS(freed, p) != 0) + (HAS(runs, p) != 0))
#define NOWHERE(p) (!IN_CACHE(p) && !ON_LIST(p)) /* in the hands of whoever acts */

/* --- caches ---------------------------------------------------------------------------------- */

/* Slots a to b - 1, as bits. */
#define SPAN_OF(a, b) (BIT(b) - BIT(a))

inline cache_count_hole(c)
{
        d_step {
                if
                :: span[c] != NO_SPAN ->
#ifdef UNCOUNTED
                        if :: c < 2 -> alloc[span[c]] = alloc[span[c]] | SPAN_OF(start[c], next[c]) :: else fi;
#else
                        alloc[span[c]] = alloc[span[c]] | SPAN_OF(start[c], next[c]);
#endif
                        start[c] = next[c]
                :: else
                fi
        }
}

inline central_put(p, g)
{
        d_step { generation[p] = g; state[p] = CENTRAL };
        d_step {
                assert(NOWHERE(p));
                swept[g] = swept[g] | BIT(p)
        }
}

/* By the one who has it: the controller, of a dropped cache. */
inline cache_flush(c)
{
        cache_count_hole(c);
        if
        :: span[c] != NO_SPAN ->
#ifndef STAYS_ZEROED
                zeroed[span[c]] = 0;
#endif
#ifndef KEEP_MARKS
                if
                :: black[c] -> seen[span[c]] = seen[span[c]] & ~SPAN_OF(next[c], stop[c])
                :: else
                fi;
#endif
                d_step {
                        page = span[c];
                        span[c] = NO_SPAN;
                        start[c] = 0;
                        next[c] = 0;
                        stop[c] = 0
                };
                central_put(page, lists[c]);
                page = 0
        :: else
        fi
}

inline take_from(set, ret)
{
        if
        :: HAS(set, 0) -> ret = 0
        :: HAS(set, 1) -> ret = 1
        fi;
        set = set & ~BIT(ret)
}

inline central_new_span(ret)
{
        atomic {
                /* pages_alloc(); the scavenger may have been there */
                runs = runs | freed;
                freed = 0;
                if
                :: runs ->
                        take_from(runs, ret);
                        assert(!alloc[ret] && !seen[ret] && !starts[ret] && !used[ret]);
                        assert(NOWHERE(ret));
                        if
                        :: dirty[ret] -> zeroed[ret] = 0
                        :: dirty[ret] = 0; zeroed[ret] = 1
                        fi
                :: else -> ret = NO_SPAN
                fi
        };
        if
        :: ret != NO_SPAN ->
#ifdef PUBLISH_EARLY
                starts[ret] = 1;
#endif
                d_step { generation[ret] = lists[me]; state[ret] = CACHED };
#ifndef PUBLISH_EARLY
                starts[ret] = 1
#endif
        :: else
        fi
}

/* Into found; NO_SPAN: no memory. */
inline central_take()
{
        atomic {
                if
                :: !partial[lists[me]] -> partial[lists[me]] = swept[lists[me]]; swept[lists[me]] = 0
                :: else
                fi;
                if
                :: partial[lists[me]] ->
                        take_from(partial[lists[me]], found);
                        assert(NOWHERE(found));
                        assert(state[found] == CENTRAL && generation[found] == lists[me]);
                        state[found] = CACHED
                :: else
                fi
        };
        if
        :: found == NO_SPAN -> central_new_span(found)
        :: else
        fi;
        d_step {
                if :: found != NO_SPAN -> cursor_end[found] = 0 :: else fi;
                span[me] = found;
                found = NO_SPAN
        }
}

/* The next hole of two slots at most; the first free slot, and as far as it goes. */
inline cache_find_hole()
{
        d_step {
                if
                :: cursor_end[span[me]] || alloc[span[me]] == 3 -> start[me] = NO_SLOT; stop[me] = NO_SLOT
                :: else ->
                        start[me] = HAS(alloc[span[me]], 0) != 0;
                        stop[me] = (alloc[span[me]] == 2 -> 1 : 2);
                        cursor_end[span[me]] = 1
                fi;
                next[me] = start[me]
        };
        if
        :: next[me] < stop[me] ->
#ifndef NOT_ZEROED
                d_step {
                        if
                        :: !zeroed[span[me]] ->
                                assert(!(live[span[me]] & SPAN_OF(next[me], stop[me])));
                                dirty[span[me]] = dirty[span[me]] & ~SPAN_OF(next[me], stop[me])
                        :: else
                        fi
                };
#endif
#ifndef NO_PREMARK
                if
                :: black[me] -> seen[span[me]] = seen[span[me]] | SPAN_OF(next[me], stop[me])
                :: else
                fi
#endif
        :: else
        fi
}

inline cache_refill()
{
        cache_count_hole(me);
        do
        :: span[me] == NO_SPAN ->
                central_take();
                if
                :: span[me] == NO_SPAN -> start[me] = 0; next[me] = 0; stop[me] = 0; break
                :: else
                fi
        :: span[me] != NO_SPAN ->
                cache_find_hole();
                if
                :: next[me] < stop[me] -> break
                :: else ->
                        d_step {
#ifndef STAYS_ZEROED
                                zeroed[span[me]] = 0;
#endif
                                state[span[me]] = ALL_FULL;
                                span[me] = NO_SPAN;
                                start[me] = 0;
                                next[me] = 0;
                                stop[me] = 0
                        }
                fi
        od
}

/* --- mutators -------------------------------------------------------------------------------- */

inline hand_out()
{
        assert(span[me] != NO_SPAN);
        assert(!HAS(used[span[me]], next[me]) && !HAS(dirty[span[me]], next[me])); /* HEAP-8 */
        assert(!black[me] || HAS(seen[span[me]], next[me]));                       /* GC-20 */
        used[span[me]] = used[span[me]] | BIT(next[me]);
        live[span[me]] = live[span[me]] | BIT(next[me]);
        dirty[span[me]] = dirty[span[me]] | BIT(next[me]);
        next[me]++
}

proctype mutator(byte me)
{
        byte found = NO_SPAN;

end:
        do
        :: d_step {
                /* handshake_acknowledge() */
                pending[me] ->
                if
                :: drops ->
                        assert(!dropped[me]);
                        dropped[me] = 1;
                        span[2 + me] = span[me];
                        start[2 + me] = start[me];
                        next[2 + me] = next[me];
                        stop[2 + me] = stop[me];
                        black[2 + me] = black[me];
                        lists[2 + me] = lists[me];
                        span[me] = NO_SPAN;
                        start[me] = 0;
                        next[me] = 0;
                        stop[me] = 0;
#ifdef STALE_COLOUR
                        if :: to_black -> black[me] = 1 :: else fi;
#else
                        black[me] = to_black;
#endif
                        lists[me] = to_lists
                :: else
                fi;
                pending[me] = 0
           }
        :: d_step { next[me] < stop[me] -> hand_out() }
        :: next[me] == stop[me] -> cache_refill()
        /* Any mutator may drop any object: it was handed on. */
        :: d_step { me == 0 && HAS(live[0], 0) -> live[0] = live[0] & ~1 }
        :: d_step { me == 0 && HAS(live[0], 1) -> live[0] = live[0] & ~2 }
        :: d_step { me == 0 && HAS(live[1], 0) -> live[1] = live[1] & ~1 }
        :: d_step { me == 0 && HAS(live[1], 1) -> live[1] = live[1] & ~2 }
        od
}

/* --- the controller -------------------------------------------------------------------------- */

inline ask(colour, g)
{
        d_step { to_black = colour; to_lists = g; drops = 1; pending[0] = 1; pending[1] = MUTATORS == 2 }
}

/* handshake_fetch_caches() */
inline fetch_caches()
{
        if :: dropped[0] -> cache_flush(2); d_step { black[2] = 0; lists[2] = 0; dropped[0] = 0 } :: else fi;
        if :: dropped[1] -> cache_flush(3); d_step { black[3] = 0; lists[3] = 0; dropped[1] = 0 } :: else fi
}

inline answered()
{
        !pending[0] && !pending[1]
}

inline mark(p)
{
        /* Marking marks an object at a time; which are dropped meanwhile makes no difference. */
        d_step { seen[p] = seen[p] | (live[p] & 1) };
        d_step { seen[p] = seen[p] | (live[p] & 2) }
}

/* Announced and poisoned (GC-12). */
inline bury(p)
{
        d_step {
                assert(!(live[p] & gone));
                dirty[p] = dirty[p] | gone
        }
}

inline file(p)
{
        if
        :: !marks ->
#ifdef EMPTY_FILED
                central_put(p, new);
#endif
                d_step { state[p] = FREED; starts[p] = 0 };
                d_step { assert(NOWHERE(p)); freed = freed | BIT(p) }
        :: marks == 1 || marks == 2 -> central_put(p, new)
        :: marks == 3 ->
                d_step { assert(NOWHERE(p)); generation[p] = new; state[p] = ALL_FULL }
        fi
}

inline sweep_span(p)
{
        if
#ifdef SWEEP_NEW
        :: starts[p] ->
#else
        :: starts[p] && generation[p] != new ->
#endif
                d_step {
                        marks = seen[p];
                        gone = alloc[p] & ~marks;
                        assert(!(marks & ~alloc[p])) /* GC-7 */
                };
#ifndef BURY_LATE
                bury(p);
#endif
#ifdef FILE_FIRST
                file(p);
#endif
                d_step {
                        assert(!(live[p] & used[p] & ~marks)); /* GC-8 */
                        used[p] = used[p] & marks;
                        doomed[p] = doomed[p] & marks;
                        alloc[p] = marks
                };
#ifndef MARKS_STAY
                seen[p] = 0;
#endif
#ifndef FILE_FIRST
                file(p);
#endif
#ifdef BURY_LATE
                bury(p);
#endif
                d_step { marks = 0; gone = 0 }
        :: else
        fi
}

active proctype controller()
{
        byte page, marks, gone;
        bit new;

        d_step {
                runs = 3;
                span[0] = NO_SPAN;
                span[1] = NO_SPAN;
                span[2] = NO_SPAN;
                span[3] = NO_SPAN
        };
        atomic {
                run mutator(0)
#if MUTATORS == 2
                ;
                run mutator(1)
#endif
        };
        do
        :: d_step {
                assert(!seen[0] && !seen[1]); /* HEAP-10 */
                doomed[0] = used[0] & ~live[0];
                doomed[1] = used[1] & ~live[1]
           };
           /* BLACKEN */
           ask(1, new);
           answered();
           fetch_caches();
           /* MARK */
           mark(0);
           mark(1);
           /* WHITEN */
#ifndef SAME_GENERATION
           new = 1 - new;
#endif
           ask(0, new);
#ifdef NO_DROP
           drops = 0;
#endif
#ifndef SWEEP_EARLY
           answered();
#endif
#ifndef LATE_FLUSH
           fetch_caches();
#endif
#ifndef NO_RESET
           d_step { partial[1 - new] = 0; swept[1 - new] = 0 };
#endif
           /* SWEEP */
           sweep_span(0);
           sweep_span(1);
#ifdef SWEEP_EARLY
           answered();
           fetch_caches();
#endif
#ifdef LATE_FLUSH
           fetch_caches();
#endif
           d_step {
                assert(!doomed[0] && !doomed[1]); /* GC-8 */
                to_black = 0;
                to_lists = 0
           }
        od
}
