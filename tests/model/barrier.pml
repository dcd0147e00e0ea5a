/* SPDX-License-Identifier: MIT */
/*
 * Barrier, colours and the end of marking (daemon/gc/barrier.c, mark.c, cycle.c): two mutators
 * rearrange objects of one field below a root cell while a cycle runs, and allocate what it
 * freed. A request holds what it loaded until its end, a boundary, where it
 * answers. Sequentially consistent: slots change by exchanges, marks by atomic operations.
 *
 *   GC-6   what a root cell or a request reaches is marked at the end of marking, and never freed;
 *   GC-7   no mark is left when a cycle starts;
 *   GC-8   what is unreachable when a cycle starts is free at its end;
 *   GC-26  when marking ends nothing is grey;
 *   GC-27  after DISARM no log comes in.
 *
 * Bounds: two mutators, OBJECTS objects (2; a third is free at first), a root cell, one marking
 * thread, one cycle from any graph of the objects (-DCYCLES: cycle after cycle); only the second
 * mutator allocates and stores into objects (-DBOTH: each); stores without bound, or STORES by each;
 * logs and queue without bound, or of length 0 with -DOVERFLOW: then every page is flagged and
 * rescanned (GC-9). -DACROSS gives each its part, from the chain of both objects: the first stores
 * into objects, the second makes them and stores into the root cell.
 *
 * Mutations:
 *   NO_DELETION     the overwritten value is not shaded
 *   NIL_UNSHADED    ... not when nil is written
 *   NO_INSERTION    the written value is not shaded between ARM and BLACKEN (GC-21)
 *   LOAD_STORE      the overwritten value is loaded, then the slot stored
 *   ONE_HANDSHAKE   ARM and BLACKEN are one (GC-20)
 *   BLACK_AT_ARM    objects are born black from ARM on (GC-20)
 *   BORN_WHITE      objects are born white during marking
 *   NO_WAVE         marking ends when the queue is empty
 *   KEEP_LOG        the wave does not hand the logs over
 *   MARK_IN_WAVE    the marking thread runs during the wave (GC-23)
 *   NO_WAVE_VETO    a barrier that marks while the end is proposed does not veto
 *   DISARM_WHITENS  DISARM and WHITEN are one handshake
 *   SWEEP_EARLY     the sweep does not wait for the answers to WHITEN
 *   NO_FLAGS        (with OVERFLOW) the wave does not look for flagged pages
 */
/* Recorded runs are played through this model: then a step waits for the like of it to come next in
 * the record (replay/README.md). In a search everything may come next. */
#ifdef REPLAY
#include "replay/barrier.pml"
#define AT_BOUNDARY(m) true
#else
#define NEXT(who, transition, where, what, was) true
#define TAKE(who)     skip
#define HELD(m)       (1 << held[m])
/* Where nothing is held a request may end and another begin. */
#define AT_BOUNDARY(m) (!held[m])
#endif

#ifndef OBJECTS
#define OBJECTS 2
#endif

#ifdef BOTH
#define ALLOCATES(m)   true
#define STORES_INTO(m) true
#else
#define ALLOCATES(m)   ((m) == 1)
#ifdef ACROSS
#define STORES_INTO(m) ((m) == 0)
#else
#define STORES_INTO(m) ((m) == 1)
#endif
#endif
#ifdef ACROSS
#define STORES_ROOT(m) ((m) == 1)
#else
#define STORES_ROOT(m) true
#endif

/* How many stores a mutator makes, if they are counted. */
#ifdef STORES
#define MAY_STORE(m)   (n_stores[m] < STORES)
#define COUNT_STORE(m) n_stores[m]++
byte n_stores[2];
#else
#define MAY_STORE(m)   (!over)
#define COUNT_STORE(m) skip
#endif

/* What a mutator is, after its last answer. */
#define PLAIN 0 /* stores plainly, allocates white */
#define GREY  1 /* ARM: shades what it overwrites and what it writes */
#define ARMED 2 /* BLACKEN: shades what it overwrites, allocates black */
#define BLACK 3 /* DISARM: stores plainly, still allocates black */
#define IS_ARMED(m) (level[m] == GREY || level[m] == ARMED)

#if defined(BORN_WHITE)
#define BORN(m) (level[m] == BLACK)
#elif defined(BLACK_AT_ARM)
#define BORN(m) (level[m] != PLAIN)
#else
#define BORN(m) (level[m] == ARMED || level[m] == BLACK)
#endif

/* Who has a grey object: mutator m's log (m + 1), or one of these. */
#define NOBODY 0
#define QUEUE  3
#define PAGE   4 /* its page is flagged */
#ifdef OVERFLOW
#define LOG(m) PAGE
#else
#define LOG(m) ((m) + 1)
#endif

byte level[2];
byte target;
bit pending[2];
bit proposed; /* the term word: MARKING or PROPOSED */
bit over;
bit closing;  /* from WHITEN to the end of SWEEP: who is PLAIN draws on the other generation */

byte root[1];
byte held[2];
byte field[OBJECTS + 1];
bit used[OBJECTS + 1];
bit marked[OBJECTS + 1];
int edges; /* a bit for each object that the collector has a reference to, yet to be marked */
byte grey[OBJECTS + 1];
bit fresh[OBJECTS + 1]; /* of the other generation */
bit doomed[OBJECTS + 1]; /* not in the code: was unreachable when the cycle started */

hidden int reach;
hidden byte i, j;

#ifndef REPLAY
#if OBJECTS == 2
#define ANY_GREY(who) (grey[1] == (who) || grey[2] == (who))
#define ANY_FREE      (!used[1] || !used[2])
#else
#define ANY_GREY(who) (grey[1] == (who) || grey[2] == (who) || grey[3] == (who))
#define ANY_FREE      (!used[1] || !used[2] || !used[3])
#endif
#endif

#ifdef NO_FLAGS
#define ANY_FLAGGED false
#else
#define ANY_FLAGGED ANY_GREY(PAGE)
#endif

#define IS_OVER (proposed && !ANY_GREY(QUEUE) && !ANY_FLAGGED)

/* reach := the set of objects that root cells and requests reach, as bits. */
inline find_reachable()
{
        reach = (1 << root[0]) | HELD(0) | HELD(1);
        j = 0;
        do
        :: j < OBJECTS ->
                i = 1;
                do
                :: i <= OBJECTS ->
                        if
                        :: reach & (1 << i) -> reach = reach | (1 << field[i])
                        :: else
                        fi;
                        i++
                :: else -> break
                od;
                j++
        :: else -> break
        od
}

inline shade(m, o)
{
        if
        :: (o) && !marked[o] ->
#ifndef NO_WAVE_VETO
                atomic {
                        if
                        :: proposed && NEXT(m, VETOED, 0, 0, 0) -> proposed = 0; TAKE(m)
                        :: !proposed && NEXT(m, UNVETOED, 0, 0, 0) -> TAKE(m)
                        fi
                };
#endif
                atomic {
                        if
                        :: !marked[o] && NEXT(m, SHADED, o, 0, 0) ->
                                marked[o] = 1;
                                edges = edges & ~(1 << (o));
                                grey[o] = LOG(m);
                                TAKE(m)
                        :: marked[o]
                        fi
                }
        :: else
        fi
}

/* gc_store_armed(), or a plain store; `slot` is an lvalue. */
inline store(slot, value)
{
#ifdef LOAD_STORE
        if
        :: IS_ARMED(me) -> old = slot
        :: else
        fi;
        slot = value;
#else
        atomic {
                NEXT(me, STORE(me), to, value, IS_ARMED(me) * slot) ->
                old = slot;
                slot = value;
                TAKE(me)
        };
#endif
        if
        :: IS_ARMED(me) ->
#ifndef NO_DELETION
#ifdef NIL_UNSHADED
                if :: value -> shade(me, old) :: else fi;
#else
                shade(me, old);
#endif
#endif
#ifndef NO_INSERTION
                if :: level[me] == GREY -> shade(me, value) :: else fi
#else
                skip
#endif
        :: else
        fi;
        atomic { old = 0; to = 0 }
}

inline make(o)
{
        used[o] = 1;
        marked[o] = BORN(me);
        fresh[o] = closing && level[me] == PLAIN
}

inline allocate()
{
        d_step {
                if
                :: !used[1] -> held[me] = 1
                :: used[1] && !used[2] -> held[me] = 2
                :: else -> held[me] = OBJECTS
                fi;
                make(held[me])
        }
}

/* mutator_answer(), or the proxy. Logs are handed over to PROPOSE and to DISARM. */
inline answer()
{
        atomic {
                pending[me] && AT_BOUNDARY(me) && NEXT(me, ANSWERED, 0, target, HAS_LOG(me)) ->
#ifndef KEEP_LOG
                for (to : 1 .. OBJECTS) {
                        if
                        :: level[me] == ARMED && grey[to] == me + 1 -> grey[to] = QUEUE
                        :: else
                        fi
                }
                to = 0;
#endif
                level[me] = target;
                pending[me] = 0;
                TAKE(me)
        }
}

#ifdef REPLAY
#include "replay/barrier_mutator.pml"
#else
proctype mutator(byte me)
{
        byte old, to;

end:
        do
        :: answer()
        :: d_step { held[me] -> held[me] = 0 }
        :: d_step { !over && root[0] -> held[me] = root[0] }
        :: d_step { held[me] && field[held[me]] -> assert(used[held[me]]); held[me] = field[held[me]] }
        :: d_step { ALLOCATES(me) && !held[me] && ANY_FREE && !over -> allocate() }
        :: atomic { MAY_STORE(me) && STORES_ROOT(me) && root[0] != held[me] -> COUNT_STORE(me) };
           store(root[0], held[me])
        :: atomic {
                MAY_STORE(me) && STORES_INTO(me) && root[0] && field[root[0]] != held[me] ->
                COUNT_STORE(me);
                to = root[0]
           };
           store(field[to], held[me])
#ifdef ACROSS
        :: atomic {
                MAY_STORE(me) && STORES_INTO(me) && root[0] && field[root[0]] ->
                COUNT_STORE(me);
                to = root[0]
           };
           store(field[to], 0)
#endif
        od
}

#endif

inline ask(becomes)
{
        atomic {
                NEXT(COLLECTOR, REQUESTED, 0, becomes, 0) ->
                target = becomes;
                pending[0] = 1;
                TAKE(COLLECTOR)
        };
        pending[1] = 1
}

inline handshake(becomes)
{
        ask(becomes);
        atomic {
                !pending[0] && !pending[1] && NEXT(COLLECTOR, COMPLETED, 0, 0, 0) ->
                target = 0;
                TAKE(COLLECTOR)
        }
}

/* What was read waits in `edges`, however many and in whatever order, until it is marked, here or by a
 * mutator: the ring in which the collector has marks fetched ahead. */
inline add_edge(o)
{
        if
        :: (o) && !marked[o] -> edges = edges | (1 << (o))
        :: !((o) && !marked[o])
        fi
}

inline mark_edge(o)
{
        atomic {
                (edges & (1 << (o))) && NEXT(COLLECTOR, MARKED, o, 0, 0) ->
                marked[o] = 1;
                edges = edges & ~(1 << (o));
                grey[o] = QUEUE;
                TAKE(COLLECTOR)
        }
}

inline mark_object(o)
{
        atomic {
                (grey[o] == QUEUE || grey[o] == PAGE) && NEXT(COLLECTOR, SCANNED, o, field[o], 0) ->
                add_edge(field[o]);
                grey[o] = NOBODY;
                TAKE(COLLECTOR)
        }
}

/* Until neither the queue nor a flagged page has any object. An object leaves the queue when it is
 * scanned: the thread that has it counts as busy. */
inline mark_drain()
{
        do
#ifdef REPLAY
        :: mark_object(next_where[COLLECTOR])
        :: mark_edge(next_where[COLLECTOR])
#else
        :: mark_object(1)
        :: mark_object(2)
        :: mark_edge(1)
        :: mark_edge(2)
#if OBJECTS > 2
        :: mark_object(3)
        :: mark_edge(3)
#endif
#endif
        :: atomic { !ANY_GREY(QUEUE) && !ANY_GREY(PAGE) && !edges -> break }
        od
}

inline sweep(o)
{
        d_step {
                if
                :: used[o] && !fresh[o] && marked[o] -> marked[o] = 0
                :: used[o] && !fresh[o] && !marked[o] && NEXT(COLLECTOR, FREED, o, 0, 0) ->
                        find_reachable();
                        assert(!(reach & (1 << o)));
                        used[o] = 0;
                        field[o] = 0;
                        doomed[o] = 0;
                        TAKE(COLLECTOR)
                :: !used[o] || fresh[o]
                fi
        }
}

active proctype controller()
{
        byte n;

        atomic {
#ifdef REPLAY
                c_code { trace_begin(); };
#else
                used[1] = 1;
                used[2] = 1;
#ifdef ACROSS
                root[0] = 1;
                field[1] = 2;
#else
                select (n : 0 .. 2);
                root[0] = n;
                select (n : 0 .. 2);
                field[1] = n;
                select (n : 0 .. 2);
                field[2] = n;
#endif
                n = 0;
#endif
                run mutator(0);
                run mutator(1)
        }
        do
        :: atomic {
                NEXT(COLLECTOR, CYCLE, 0, 0, 0) ->
                find_reachable();
                for (n : 1 .. OBJECTS) {
                        assert(!marked[n] && !grey[n]);
                        doomed[n] = used[n] && !(reach & (1 << n));
                        fresh[n] = 0
                }
                n = 0;
                TAKE(COLLECTOR)
           };
#ifndef ONE_HANDSHAKE
           handshake(GREY);
#endif
           handshake(ARMED);
           atomic {
                NEXT(COLLECTOR, ROOT_READ, 0, root[0], 0) ->
                add_edge(root[0]);
                TAKE(COLLECTOR)
           };
           do
           :: mark_drain();
#ifdef NO_WAVE
              break
#else
              atomic { NEXT(COLLECTOR, PROPOSED, 0, 0, 0) -> proposed = 1; TAKE(COLLECTOR) };
#ifdef MARK_IN_WAVE
              ask(ARMED);
              do
              :: mark_object(1)
              :: mark_object(2)
              :: mark_edge(1)
              :: mark_edge(2)
#if OBJECTS > 2
              :: mark_object(3)
              :: mark_edge(3)
#endif
              :: atomic { !pending[0] && !pending[1] && !edges -> target = 0; break }
              od;
#else
              handshake(ARMED);
#endif
              atomic {
                      if
                      :: IS_OVER && NEXT(COLLECTOR, COMMITTED, 0, 0, 0) ->
                              proposed = 0;
                              TAKE(COLLECTOR);
                              break
                      :: !IS_OVER && NEXT(COLLECTOR, REJECTED, 0, 0, 0) ->
                              proposed = 0;
                              TAKE(COLLECTOR)
                      fi
              }
#endif
           od;
           atomic {
                   find_reachable();
                   for (n : 1 .. OBJECTS) {
                           assert(!(reach & (1 << n)) || marked[n])
                   }
                   n = 0
           };
#ifndef DISARM_WHITENS
           handshake(BLACK);
           assert(!ANY_GREY(1) && !ANY_GREY(2) && !ANY_GREY(QUEUE) && !ANY_GREY(PAGE));
#endif
           closing = 1;
#ifdef SWEEP_EARLY
           ask(PLAIN);
#else
           handshake(PLAIN);
#endif
#ifdef REPLAY
           do
           :: next_transition[COLLECTOR] == SAW_FREED -> sweep(next_where[COLLECTOR])
           :: next_transition[COLLECTOR] == SAW_SWEPT -> break
           od;
           for (n : 1 .. OBJECTS) {
                   sweep(n)
           }
#else
           sweep(1);
           sweep(2);
#if OBJECTS > 2
           sweep(3);
#endif
#endif
           atomic {
                   NEXT(COLLECTOR, SWEPT, 0, 0, 0) ->
#ifdef SWEEP_EARLY
                   !pending[0] && !pending[1];
#endif
                   for (n : 1 .. OBJECTS) {
                           assert(!doomed[n] && !marked[n])
                   }
                   n = 0;
                   closing = 0;
                   TAKE(COLLECTOR)
           }
#ifndef CYCLES
           over = 1;
           break
#endif
        od
}
