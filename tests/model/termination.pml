/* SPDX-License-Identifier: MIT */
/*
 * The end of marking (daemon/gc/mark.c, greywork.c, greylog.c, barrier.c, weak.c, cycle.c): two
 * marking threads with a packet each, a shared list, splits and waits; two mutators whose stores
 * and weak loads shade into logs; flagged pages where packets or logs run out; waves that propose
 * the end, and vetoes. One cycle, from the answers to BLACKEN to those to DISARM. Sequentially
 * consistent: marks, term, logs and flags are atomic, and the rest stands under the queue's lock.
 *
 *   GC-6   what is reachable at the end of marking is marked, and what a marked object names is;
 *   GC-9   what finds no place in a queue is found by its flagged page;
 *   GC-23  no marking thread runs during a wave, and all packets are back when marking goes on;
 *   GC-26  at the end nothing is grey, wherever that could be;
 *   GC-27  after DISARM no log comes in;
 *   GC-28  nobody marks anything behind the end;
 *   -      no marking thread waits for ever;
 *   -      LIVE: however long the mutators go on storing, marking ends (under weak fairness).
 *
 * In C (file: function), and here:
 *   greywork.c: grey_local_init, grey_push_slow, grey_share, grey_pop_slow    the same names
 *   mark.c: mark_edge, mark_roots, mark_rescan, mark_drain, mark_work, ...    the same names
 *   barrier.c: barrier_shade, barrier_veto; greylog.c: grey_log, _flag        shade
 *   weak.c: weak_look, weak_revive                                            weak_load
 *   cycle.c: cycle_mark, cycle_propose, cycle_end                             controller
 * A section under the queue's lock is one step. Who waits for `more` sleeps until it is signalled.
 * Packets are sets: which entry is popped first makes no difference to any rule.
 *
 * Bounds: four objects of one word on two pages, three root cells in two chunks, a weak word;
 * WORKERS (2) marking threads; packets of two entries, one to spare, and a log of one entry for
 * each mutator, or with -DSCARCE packets of one entry, none to spare, and LOGS (1) logs; STORES (1)
 * by the first mutator, OTHERS (1) by the second, or with -DLIVE any number of two kinds of
 * store. -DCHAIN: the object that the weak word names is reached by a strong one, too.
 *
 * Mutations:
 *   NO_WAVE_VETO    a barrier that marks while the end is proposed does not veto
 *   VETO_LATE       ... vetoes only after it has marked
 *   NO_VETO         a weak load while the end is proposed shades without a veto
 *   COMMIT_BLINDLY  the end is stored, not exchanged for PROPOSED
 *   REVIVE_LATE     a weak load shades whatever the term says
 *   KEEP_LOG        the wave does not hand the logs over
 *   LOOK_EARLY      the controller looks for logs and flags before the wave
 *   PROPOSE_LATE    the end is proposed after the wave
 *   RUN_IN_WAVE     the end is proposed while a marking thread still has an object
 *   SHARE_LOSES     a split loses the entry that it hands on
 *   NO_BROADCAST    the last thread to wait goes without waking the others
 *   NO_FLAGS        (the rest with SCARCE) the controller does not look for flagged pages
 *   DROP_OVERFLOW   an object that finds no packet is forgotten
 *   FLAG_UNTOLD     its page is flagged, and nobody is told
 *   TELL_FIRST      told before the page is flagged
 *   CLEAR_LATE      that pages are flagged is taken back after the rescan
 *   ROW_FIRST       a rescan reads the marks, then takes the flag
 *   NO_RESERVE      no packet is kept for a thread that comes late
 *   RESCAN_FLAGS    (with LIVE) a rescan flags the page that it has scanned
 *   ALWAYS_VETO     (with LIVE, not SCARCE) a barrier vetoes though the object is marked
 */
#define OBJECTS 4
#define PAGE(o) ((o) == 2 || (o) == 3) /* 1 and 4, 2 and 3 */

#ifdef SCARCE
#define PACKETS  2
#define CAPACITY 1
#ifndef LOGS
#define LOGS 1
#endif
#else
#define PACKETS  3
#define CAPACITY 2
#define LOGS 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef STORES /* of the first mutator */
#define STORES 1
#endif
#ifndef OTHERS /* of the second */
#define OTHERS 1
#endif

/* Where a grey object is: a packet (1 ...), or one of these. */
#define NOWHERE    0
#define HAND(t)    (12 + (t)) /* marked, on its way to a place: marking thread 0, 1, mutator 2, 3 */

/* What a packet is: EMPTY, LOCAL or FULL; or, of the logs, EMPTY, LOG, FILLED, FULL or LOCAL. */
#define EMPTY  0
#define LOCAL  1
#define FULL   2
#define LOG    3
#define FILLED 4
#define IS_LOG(p) ((p) > PACKETS)

#define MARKING   0
#define PROPOSED  1
#define COMMITTED 2

byte field[OBJECTS + 1];
byte cell[3];
byte weak;
bit marked[OBJECTS + 1];
byte where[OBJECTS + 1];
bit flagged[2];
bit overflowed;

byte role[PACKETS + LOGS + 1];
byte n_empty; /* of the packets that are no logs */
byte n_expected, n_idle;
bit asleep[2];

byte term;
bit armed[2];
bit pending[2];
bit disarm;
bit over;

byte held[2];
byte log[2];  /* a packet, or 0 */
byte n_stores[2];

bit rescan;   /* the job: flagged pages instead of roots */
byte next_chunk;
byte n_busy;
bit job[2];

#define COUNT(p)                                                                                   \
        ((where[1] == (p)) + (where[2] == (p)) + (where[3] == (p)) + (where[4] == (p)))
#define ANY(what)                                                                                  \
        (role[1] == (what) || role[2] == (what) || role[PACKETS + LOGS] == (what) ||               \
         (PACKETS + LOGS > 3 && role[3] == (what)) ||                                              \
         (PACKETS + LOGS > 4 && role[4] == (what)))

/* --- marking threads ------------------------------------------------------------------------ */

/* Under the lock. */
inline take_empty(ret)
{
        ret = 0;
        if
#ifdef NO_RESERVE
        :: n_empty > 0 ->
#else
        :: n_empty > n_expected ->
#endif
                if
                :: role[1] == EMPTY -> ret = 1
                :: else ->
                        if
                        :: role[2] == EMPTY -> ret = 2
                        :: else -> assert(PACKETS > 2 && role[3] == EMPTY); ret = PACKETS
                        fi
                fi;
                role[ret] = LOCAL;
                n_empty--
        :: else
        fi
}

inline put_empty(p)
{
        assert(COUNT(p) == 0);
        role[p] = EMPTY;
        if :: !IS_LOG(p) -> n_empty++ :: else fi
}

inline put_full(p)
{
        role[p] = FULL;
        asleep[1 - me] = 0
}

inline grey_local_init()
{
        d_step {
                n_expected--;
                take_empty(mine);
                assert(mine)
        }
}

inline flag(o)
{
#ifdef TELL_FIRST
        overflowed = 1;
        d_step { flagged[PAGE(o)] = 1; where[o] = NOWHERE }
#else
        d_step { flagged[PAGE(o)] = 1; where[o] = NOWHERE };
#ifndef FLAG_UNTOLD
        overflowed = 1
#endif
#endif
}

inline grey_push_slow(o)
{
        d_step {
                take_empty(fresh);
                if
                :: fresh -> put_full(mine); mine = fresh; where[o] = mine; o = 0
                :: else
                fi;
                fresh = 0
        };
        if
        :: o ->
#ifdef DROP_OVERFLOW
                where[o] = NOWHERE;
#else
                flag(o);
#endif
                o = 0
        :: else
        fi
}

/* marks_try_set(), and a push to the own packet, which nobody else sees. */
inline mark_edge(o)
{
        if
        :: d_step {
                !(o) || marked[o] || COUNT(mine) < CAPACITY ->
                if
                :: (o) && !marked[o] ->
                        assert(term != COMMITTED);
                        marked[o] = 1;
                        where[o] = mine
                :: else
                fi;
                o = 0
           }
        :: d_step {
                (o) && !marked[o] && COUNT(mine) == CAPACITY ->
                assert(term != COMMITTED);
                marked[o] = 1;
                where[o] = HAND(me)
           };
           grey_push_slow(o)
        fi
}

inline grey_share()
{
        take_empty(fresh);
        /* The older half: one. */
        if
        :: where[1] == mine -> at = 1
        :: where[2] == mine -> at = 2
        :: where[3] == mine -> at = 3
        :: where[4] == mine -> at = 4
        fi;
#ifdef SHARE_LOSES
        where[at] = NOWHERE;
#else
        where[at] = fresh;
#endif
        put_full(fresh);
        at = 0;
        fresh = 0
}

inline fetch_logs()
{
        i = PACKETS + 1;
        do
        :: i <= PACKETS + LOGS ->
                if :: role[i] == FILLED -> put_full(i) :: else fi;
                i++
        :: else -> break
        od;
        i = 0
}

/* Into the ring, or found = 0. */
inline grey_pop_slow()
{
        d_step {
                n_idle++;
                if :: !ANY(FULL) -> fetch_logs() :: else fi;
                if :: !ANY(FULL) && n_idle < WORKERS -> asleep[me] = 1 :: else fi
        };
        do
        :: atomic {
                !asleep[me] ->
                if
                :: ANY(FULL) ->
                        put_empty(mine);
                        if
                        :: role[1] == FULL -> mine = 1
                        :: role[2] == FULL -> mine = 2
#if PACKETS + LOGS > 2
                        :: role[3] == FULL -> mine = 3
#endif
#if PACKETS + LOGS > 3
                        :: role[4] == FULL -> mine = 4
                        :: role[5] == FULL -> mine = 5
#endif
                        fi;
                        role[mine] = LOCAL;
                        n_idle--;
                        break
                :: else ->
                        if
                        :: n_idle < WORKERS -> asleep[me] = 1
                        :: else ->
                                found = 0;
#ifndef NO_BROADCAST
                                asleep[1 - me] = 0;
#endif
                                break
                        fi
                fi
           }
        od
}

/* The way through the ring is nobody else's business; where it ends the object is scanned. */
inline mark_scan()
{
        if
        :: where[1] == mine -> at = 1
        :: where[2] == mine -> at = 2
        :: where[3] == mine -> at = 3
        :: where[4] == mine -> at = 4
        fi;
        where[at] = NOWHERE;
        edge = field[at];
        at = 0
}

inline mark_drain()
{
        do
        :: atomic { COUNT(mine) > 0 -> mark_scan() };
           mark_edge(edge)
        /* Whether others wait is looked at without the lock: a hint. */
        :: atomic { CAPACITY > 1 && COUNT(mine) == 2 && !ANY(FULL) && n_empty > n_expected ->
                grey_share()
           }
        :: COUNT(mine) == 0 ->
                grey_pop_slow();
                if
                :: atomic { !found || COUNT(mine) == 0 -> break }
                :: atomic { found && COUNT(mine) > 0 -> mark_scan() }
                fi;
                mark_edge(edge)
        od
}

inline mark_roots()
{
        do
        :: atomic {
                if
                :: next_chunk < 2 -> at = next_chunk * 2; next_chunk++
                :: else -> break
                fi
           };
           edge = cell[at];
           mark_edge(edge);
           if
           :: at == 0 -> edge = cell[1]; mark_edge(edge)
           :: else
           fi;
           at = 0
        od
}

/* The marks of a page lie in one word. */
inline read_row()
{
        row = marked[1 + page] + 2 * marked[4 - page]
}

inline mark_rescan()
{
        do
        :: atomic {
                if
                :: next_chunk < 2 -> page = next_chunk; next_chunk++
                :: else -> break
                fi
           };
#ifdef ROW_FIRST
           read_row();
#endif
           if
           :: atomic { flagged[page] -> flagged[page] = 0 };
#ifndef ROW_FIRST
              read_row();
#endif
              if
              :: row & 1 -> edge = field[1 + page]; mark_edge(edge)
              :: else
              fi;
              if
              :: row & 2 -> edge = field[4 - page]; mark_edge(edge)
              :: else
              fi;
#ifdef RESCAN_FLAGS
              flagged[page] = 1;
              overflowed = 1
#endif
           :: !flagged[page]
           fi;
           d_step { row = 0; page = 0 }
        od
}

proctype worker(byte me)
{
        byte mine, fresh, edge, at, i, page, row;
        bit found;

end:
        do
        :: atomic { job[me] -> job[me] = 0; found = 1 };
           grey_local_init();
           if
           :: rescan -> mark_rescan()
           :: else -> mark_roots()
           fi;
           mark_drain();
           atomic {
                   assert(term == MARKING); /* GC-23 */
                   put_empty(mine);
                   mine = 0;
                   found = 0;
                   n_busy--
           }
        od
}

/* --- mutators -------------------------------------------------------------------------------- */

inline veto()
{
        d_step { if :: term == PROPOSED -> term = MARKING :: else fi }
}

/* `o` is a variable, and 0 afterwards. */
inline shade(o)
{
        if
#ifdef ALWAYS_VETO
        :: (o) -> veto();
#else
        :: (o) && !marked[o] ->
#if !defined(NO_WAVE_VETO) && !defined(VETO_LATE)
                veto();
#endif
#endif
                d_step {
                        if
                        :: !marked[o] ->
                                assert(term != COMMITTED); /* GC-28 */
                                marked[o] = 1;
                                where[o] = HAND(2 + me)
                        :: else -> o = 0
                        fi
                };
#ifdef VETO_LATE
                if :: o -> veto() :: else fi;
#endif
                if
                :: o ->
                        /* grey_log(): logs have room for one. */
                        if
                        :: log[me] && COUNT(log[me]) == 1 -> d_step { role[log[me]] = FILLED; log[me] = 0 }
                        :: else
                        fi;
                        d_step {
                                i = PACKETS + 1;
                                do
                                :: !log[me] && i <= PACKETS + LOGS ->
                                        if
                                        :: role[i] == EMPTY -> role[i] = LOG; log[me] = i
                                        :: else
                                        fi;
                                        i++
                                :: else -> break
                                od;
                                i = 0;
                                if
                                :: log[me] -> where[o] = log[me]; o = 0
                                :: else
                                fi
                        };
                        if
                        :: o -> flag(o); o = 0
                        :: else
                        fi
                :: else
                fi
        :: else -> o = 0
        fi
}

/* gc_store_armed(); `slot` is an lvalue. */
inline store(slot, value)
{
        d_step { old = slot; slot = value; n_stores[me]++; to = 0 };
        if
        :: armed[me] -> shade(old)
        :: else -> old = 0
        fi
}

/* gc_weak_load() into held[me], of a word that nobody changes. */
inline weak_load()
{
        if
        :: d_step { marked[weak] -> held[me] = weak }
        :: !marked[weak];
           d_step {
                   if
#ifndef REVIVE_LATE
                   :: term == COMMITTED -> skip
#endif
                   :: else ->
#ifndef NO_VETO
                        if :: term == PROPOSED -> term = MARKING :: else fi;
#endif
                        held[me] = weak;
                        old = weak
                   fi
           };
           shade(old)
        fi
}

#ifdef LIVE
#define MAY_STORE true
#else
#define MAY_STORE (n_stores[me] < (me == 0 -> STORES : OTHERS))
#endif

/* A request may end and another begin wherever nothing is held: a boundary, where it answers. */
proctype mutator(byte me)
{
        byte old, to, i;

end:
        do
        :: d_step {
                pending[me] && !held[me] ->
                armed[me] = !disarm;
#ifndef KEEP_LOG
                if
                :: log[me] -> role[log[me]] = FILLED; log[me] = 0
                :: else
                fi;
#endif
                pending[me] = 0
           }
        :: d_step { held[me] -> held[me] = 0 }
#ifdef LIVE
        :: d_step { me == 0 && !pending[me] && !over -> held[me] = field[1] }
        :: atomic { me == 0 && held[me] -> skip }; store(cell[2], held[me]); held[me] = 0
        :: atomic { me == 1 && !pending[me] && !over -> skip }; store(cell[2], 0)
#else
        :: d_step { me == 0 && MAY_STORE -> held[me] = cell[1] }
        :: d_step { me == 1 && MAY_STORE -> held[me] = cell[2] }
        :: d_step { MAY_STORE && held[me] -> held[me] = field[held[me]] }
        :: atomic { MAY_STORE && me == 1 && !held[me] -> skip }; weak_load()
        :: atomic { MAY_STORE && me == 0 && held[me] -> skip }; store(cell[2], held[me])
        :: atomic { MAY_STORE && me == 1 && cell[2] -> skip }; store(cell[2], 0)
        :: atomic { MAY_STORE && me == 0 && cell[1] -> to = cell[1] }; store(field[to], 0)
        :: atomic { MAY_STORE && me == 1 && held[me] -> skip }; store(cell[0], held[me])
#endif
        od
}

/* --- the controller -------------------------------------------------------------------------- */

inline mark_work(again)
{
        d_step {
                assert(!ANY(FULL) && !ANY(LOCAL) && n_empty == PACKETS); /* grey_queue_reset() */
                rescan = again;
                next_chunk = 0;
                n_expected = WORKERS;
                n_idle = 0;
                n_busy = WORKERS;
                job[0] = 1;
                job[1] = WORKERS == 2
        };
#ifdef RUN_IN_WAVE
        n_busy == 0 || (n_idle > 0 && !ANY(FULL))
#else
        n_busy == 0
#endif
}

inline take_overflowed(ret)
{
        d_step {
                ret = overflowed;
#ifndef CLEAR_LATE
                overflowed = 0
#endif
        }
}

/* mark_run() */
inline mark_run(roots)
{
        if
        :: roots -> mark_work(0)
        :: else ->
                take_overflowed(told);
                mark_work(1)
        fi;
#ifdef CLEAR_LATE
        if :: told -> overflowed = 0 :: else fi;
#endif
        do
        :: take_overflowed(told);
           if
           :: told -> mark_work(1)
           :: else -> break
           fi;
#ifdef CLEAR_LATE
           overflowed = 0
#endif
        od
}

inline handshake()
{
        d_step { pending[0] = 1; pending[1] = 1 };
        !pending[0] && !pending[1]
}

inline look()
{
        pended = ANY(FILLED);
#ifndef NO_FLAGS
        pended = pended || overflowed
#endif
}

inline check_end()
{
        d_step {
                i = 1;
                do
                :: i <= OBJECTS ->
                        assert(where[i] == NOWHERE);             /* GC-26 */
                        assert(!marked[i] || marked[field[i]]);  /* GC-6 */
                        i++
                :: else -> break
                od;
                i = 0;
                assert(!flagged[0] && !flagged[1]);
                assert(marked[cell[0]] && marked[cell[1]] && marked[cell[2]]);
                assert(marked[held[0]] && marked[held[1]])
        }
}

active proctype controller()
{
        bit pended, told;
        bit first = 1;
        byte i;

        atomic {
                marked[0] = 1; /* nil: nobody's */
                cell[0] = 2;
                cell[1] = 1;
#ifdef CHAIN
                field[1] = 4;
#else
                field[1] = 3;
#endif
                field[4] = 3;
                weak = 4;
                armed[0] = 1;
                armed[1] = 1;
                n_empty = PACKETS;
                run worker(0);
#if WORKERS == 2
                run worker(1);
#endif
                run mutator(0);
                run mutator(1)
        };
        do
        :: mark_run(first);
           first = 0;
#ifdef LOOK_EARLY
           look();
#endif
#ifndef PROPOSE_LATE
           term = PROPOSED;
#endif
           handshake();
#ifdef PROPOSE_LATE
           term = PROPOSED;
#endif
#ifndef LOOK_EARLY
           look();
#endif
           atomic {
                   if
#ifdef COMMIT_BLINDLY
                   :: !pended -> term = COMMITTED; check_end(); break
#else
                   :: !pended && term == PROPOSED -> term = COMMITTED; check_end(); break
#endif
                   :: else -> term = MARKING; pended = 0
                   fi
           }
        od;
        disarm = 1;
        handshake();
        d_step {
                assert(!ANY(FILLED) && !ANY(LOG) && !overflowed); /* grey_logs_assert_empty() */
                over = 1
        }
}

#ifdef LIVE
ltl ends { <> over }
#endif
