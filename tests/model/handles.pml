/* SPDX-License-Identifier: MIT */
/*
 * Tables of handles (daemon/store/handle.c, vector.c, session.c; daemon/gc/roots.c, mark.c): an
 * executor binds and drops handles, widens and empties a table, ends a session and begins another
 * in the same root cell, while a marking thread walks the cells and scans tables word by word.
 *
 *   cell of session A -> table -> node (one word, or wider: two) -> objects
 *   cell of session B -> object, for short
 *
 *   GC-6     what a handle reaches is never freed, nor anything on the way to it;
 *   GC-8     what nobody reached when a cycle started is free at its end: all of an ended session;
 *   GC-9     (OVERFLOW) so it is when logs and queues are always full and pages are scanned again,
 *            nodes that are being filled included;
 *   STORE-5  an empty table is dropped;
 *   STORE-6  a session ends by one store of nil, whatever it held, and the cell it leaves is nil.
 *
 * There is no graveyard: the barrier shades the table that the last store of a session overwrites,
 * so it stays for this cycle, and the next one does not reach it.
 *
 * In C (file: function), and here:
 *   handle.c: handle_need_table, handle_bind, handle_drop, handle_drop_empty_table    bind, drop
 *   vector.c: vector_grow, vector_widen, vector_put, vector_prune                     bind, drop
 *   session.c: session_begin, session_end; roots.c: gc_root_new, gc_root_free         end_session
 *   mark.c: mark_roots, mark_words, mark_rescan                                       controller
 * One mutator, as in the daemon, where the executor runs all calls; what two do to each other is
 * the matter of barrier.pml. What it loads nobody else stores, so its loads are no steps.
 *
 * Bounds: two sessions, one of them with at most two handles; two tables, a narrow node and a wide
 * one, two other objects; one marking thread; cycle after cycle.
 *
 * Mutations:
 *   END_PLAIN       a session ends by a store past the barrier
 *   END_DIRTY       ... without a store: the cell is freed with what it holds
 *   FREE_TABLE      ... and its table is freed at once
 *   SWAP_PLAIN      a wider node takes the narrow one's place past the barrier
 *   MOVE_PLAIN      widening takes the words out of the narrow node, past the barrier
 *   FREE_NODE       a node that was replaced is freed at once
 *   DROP_PLAIN      a handle is dropped past the barrier
 *   KEEP_EMPTY      an empty table is kept
 *   BORN_WHITE      objects are born white during marking
 *   BORN_DIRTY      a node starts with what was in its memory
 *   SCAN_NARROW     a wide node is scanned as if it were narrow
 *   SKIP_CELLS      the marking thread does not walk the cells of sessions
 *   RESCAN_TABLES   (with OVERFLOW) a page is scanned again without its nodes
 */
#define OBJECTS   6
#define IS_TABLE(o) ((o) == 1 || (o) == 2)
#define NARROW    3
#define WIDE      4
#define WORDS(o)  ((o) == WIDE -> 2 : ((o) < WIDE -> 1 : 0))

/* What the executor is, after its last answer; see barrier.pml. */
#define PLAIN 0
#define GREY  1
#define ARMED 2
#define BLACK 3
#define IS_ARMED (level == GREY || level == ARMED)

byte level, target;
bit pending, closing;

byte cell_a, cell_b;
byte word[(OBJECTS + 1) * 2];
#define AT(o, k) word[(o) * 2 + (k)]

bit used[OBJECTS + 1];
bit marked[OBJECTS + 1];
bit grey[OBJECTS + 1];
bit fresh[OBJECTS + 1];
bit doomed[OBJECTS + 1]; /* not in the code: was unreachable when the cycle started */
bit flagged;

/* What the executor holds in a request. */
byte held, table, node;

hidden byte reach, o_, k_;

#define NODE (cell_a -> AT(cell_a, 0) : 0)
#define ANY_GREY (grey[1] || grey[2] || grey[3] || grey[4])

inline find_reachable()
{
        reach = (1 << cell_a) | (1 << cell_b) | (1 << held) | (1 << table) | (1 << node);
        /* Tables, then nodes: what they name has a greater number. */
        o_ = 1;
        do
        :: o_ <= WIDE ->
                if
                :: reach & (1 << o_) -> reach = reach | (1 << AT(o_, 0)) | (1 << AT(o_, 1))
                :: else
                fi;
                o_++
        :: else -> break
        od;
        o_ = 0
}

inline mark(o)
{
        d_step {
                if
                :: (o) && !marked[o] ->
                        assert(used[o]);
                        marked[o] = 1;
#ifdef OVERFLOW
                        flagged = flagged || WORDS(o)
#else
                        grey[o] = WORDS(o) > 0
#endif
                :: else
                fi;
                o = 0
        }
}

/* gc_store(), gc_root_store(); `slot` is an lvalue. */
inline store(slot, value)
{
        d_step { old = slot; slot = value };
        if
        :: IS_ARMED ->
                mark(old);
                d_step { if :: level == GREY -> old = value :: else fi };
                mark(old)
        :: else -> old = 0
        fi
}

inline store_plain(slot, value)
{
        slot = value
}

inline allocate(o, ret)
{
        assert(!used[o] && !marked[o] && !grey[o]);
        used[o] = 1;
#ifndef BORN_DIRTY
        AT(o, 0) = 0;
        AT(o, 1) = 0;
#endif
#ifndef BORN_WHITE
        marked[o] = level == ARMED || level == BLACK;
#endif
        fresh[o] = closing && level == PLAIN;
        ret = o
}

inline release(o)
{
        d_step { used[o] = 0; marked[o] = 0; grey[o] = 0; AT(o, 0) = 0; AT(o, 1) = 0 }
}

/* Binds `held` to the first free number of session A; of no effect for want of memory. */
inline bind()
{
        if
        :: !cell_a && (!used[1] || !used[2]) && !used[NARROW] ->
                d_step {
                        if
                        :: !used[1] -> allocate(1, table)
                        :: else -> allocate(2, table)
                        fi
                };
                store(cell_a, table);
                d_step { allocate(NARROW, node) };
                store(AT(table, 0), node);
                store(AT(node, 0), held)
        :: cell_a && NODE == NARROW && !AT(NARROW, 0) -> store(AT(NARROW, 0), held)
        :: cell_a && NODE == NARROW && AT(NARROW, 0) && !used[WIDE] ->
                d_step { table = cell_a; allocate(WIDE, node) };
                store(AT(WIDE, 0), AT(NARROW, 0));
#ifdef MOVE_PLAIN
                AT(NARROW, 0) = 0;
#endif
#ifdef SWAP_PLAIN
                store_plain(AT(table, 0), WIDE);
#else
                store(AT(table, 0), WIDE);
#endif
#ifdef FREE_NODE
                release(NARROW);
#endif
                store(AT(WIDE, 1), held)
        :: cell_a && NODE == WIDE && !AT(WIDE, 0) -> store(AT(WIDE, 0), held)
        :: cell_a && NODE == WIDE && AT(WIDE, 0) && !AT(WIDE, 1) -> store(AT(WIDE, 1), held)
        :: else
        fi
}

inline drop(k)
{
        node = NODE;
#ifdef DROP_PLAIN
        store_plain(AT(node, k), 0);
#else
        store(AT(node, k), 0);
#endif
        if
        :: !AT(node, 0) && !AT(node, 1) ->
                store(AT(cell_a, 0), 0);
#ifndef KEEP_EMPTY
                store(cell_a, 0)
#endif
        :: else
        fi
}

/* And begins another: the cell is taken by the next. */
inline end_session()
{
#if defined(END_PLAIN)
        store_plain(cell_a, 0)
#elif defined(END_DIRTY)
        skip
#elif defined(FREE_TABLE)
        table = cell_a;
        store(cell_a, 0);
        release(table)
#else
        store(cell_a, 0)
#endif
        ;
        assert(!cell_a)
}

inline done()
{
        d_step { held = 0; table = 0; node = 0; assert(!cell_a || NODE) }
}

#define FREE_OBJECT (!used[5] || !used[6])

proctype executor()
{
        byte old;

end:
        do
        :: d_step { pending -> level = target; pending = 0 }
        /* obj.new; handle.dup of what B holds; of what A holds, to B; drop; end */
        :: d_step {
                !pending && FREE_OBJECT ->
                if
                :: !used[5] -> allocate(5, held)
                :: else -> allocate(6, held)
                fi
           };
           bind();
           done()
        :: atomic { !pending && cell_b -> held = cell_b }; bind(); done()
        :: atomic { !pending && NODE && AT(NODE, 0) -> held = AT(NODE, 0) };
           store(cell_b, held);
           done()
        :: atomic { !pending && cell_b -> skip }; store(cell_b, 0)
        :: atomic { !pending && NODE && AT(NODE, 0) -> skip }; drop(0); done()
        :: atomic { !pending && NODE == WIDE && AT(WIDE, 1) -> skip }; drop(1); done()
        :: atomic { !pending && cell_a -> skip }; end_session(); done()
        od
}

inline handshake(becomes)
{
        d_step { target = becomes; pending = 1 };
        !pending
}

/* A word at a time. */
inline scan(o)
{
        assert(used[o]);
        edge = AT(o, 0);
        mark(edge);
        if
#ifndef SCAN_NARROW
        :: o == WIDE -> assert(used[o]); edge = AT(o, 1); mark(edge)
#endif
        :: else
        fi
}

inline mark_drain()
{
        do
        :: d_step { grey[1] -> grey[1] = 0 }; scan(1)
        :: d_step { grey[2] -> grey[2] = 0 }; scan(2)
        :: d_step { grey[NARROW] -> grey[NARROW] = 0 }; scan(NARROW)
        :: d_step { grey[WIDE] -> grey[WIDE] = 0 }; scan(WIDE)
        :: atomic { !ANY_GREY -> break }
        od
}

/* All objects lie on one page; its marks are read at once. */
inline mark_rescan()
{
        d_step {
                flagged = 0;
                row = marked[1] + 2 * marked[2] + 4 * marked[NARROW] + 8 * marked[WIDE]
        };
        if :: row & 1 -> scan(1) :: else fi;
        if :: row & 2 -> scan(2) :: else fi;
#ifndef RESCAN_TABLES
        if :: row & 4 -> scan(NARROW) :: else fi;
        if :: row & 8 -> scan(WIDE) :: else fi;
#endif
        row = 0
}

inline sweep(o)
{
        d_step {
                if
                :: used[o] && !fresh[o] && marked[o] -> marked[o] = 0
                :: used[o] && !fresh[o] && !marked[o] ->
                        find_reachable();
                        assert(!(reach & (1 << (o)))); /* GC-6 */
                        used[o] = 0;
#ifndef BORN_DIRTY
                        AT(o, 0) = 0; /* in C when it is allocated; there are fewer states so */
                        AT(o, 1) = 0;
#endif
                        doomed[o] = 0
                :: else
                fi
        }
}

active proctype controller()
{
        byte edge, row, i;

        run executor();
        do
        :: d_step {
                find_reachable();
                i = 1;
                do
                :: i <= OBJECTS ->
                        assert(!marked[i] && !grey[i]);
                        doomed[i] = used[i] && !(reach & (1 << i));
                        fresh[i] = 0;
                        i++
                :: else -> break
                od;
                i = 0
           };
           handshake(GREY);
           handshake(ARMED);
           edge = cell_b;
           mark(edge);
#ifndef SKIP_CELLS
           edge = cell_a;
           mark(edge);
#endif
           do
           :: mark_drain();
              handshake(ARMED);
              if
              :: ANY_GREY
              :: !ANY_GREY && flagged -> mark_rescan()
              :: !ANY_GREY && !flagged -> break
              fi
           od;
           handshake(BLACK);
           closing = 1;
           handshake(PLAIN);
           sweep(1);
           sweep(2);
           sweep(NARROW);
           sweep(WIDE);
           sweep(5);
           sweep(6);
           d_step {
                i = 1;
                do
                :: i <= OBJECTS -> assert(!doomed[i] && !marked[i]); i++ /* GC-8 */
                :: else -> break
                od;
                i = 0;
                closing = 0;
                target = 0
           }
        od
}
