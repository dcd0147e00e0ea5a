/* SPDX-License-Identifier: MIT */
/*
 * A weak map that grows (daemon/gc/weak.c, gc_weak_copy(); daemon/gc/mutator.c, gc_alloc()): a
 * mutator makes another leaf, copies the weak words of the old one into it and puts it in its place,
 * again and again, while CLEAR goes over the leaves; another loads, makes and removes weak words
 * in whichever leaf it met. weak.pml is about words that stay where they are.
 *
 *   GC-6   neither a leaf in use nor what a request holds is freed;
 *   GC-30  CLEAR finds leaves by their page's flag, their mark and their header;
 *   GC-31  what is reachable is never called dead; what was called dead is never loaded again;
 *   GC-32  when a dead object is freed no leaf in use has a word of it.
 *
 * In C (file: function), and here:
 *   weak.c: weak_look, gc_weak_load, gc_weak_copy, weak_revive            weak_look, weak_load, grow
 *   weak.c: weak_clear_page, weak_clear_object                            clear
 *   mutator.c: gc_alloc; cache.c: cache_find_hole (marks the hole)        grow
 *   barrier.c: gc_store_armed                                             store
 *   cycle.c: cycle_begin, cycle_propose, cycle_end                        controller
 *
 * Bounds: two mutators; two leaves of two words, each on a page of its own, taken in turn; one
 * object and its reuse; a root cell each for map and object; cycle after cycle.
 *
 * Mutations:
 *   COPY_PLAIN   a weak word is copied without a look
 *   NO_RELOAD    who reads IDLE does not read the word again
 *   UNFLAGGED    the page of a new leaf is not flagged
 *   LEAF_WHITE   a leaf is born white
 *   MAP_PLAIN    the new leaf takes its place past the barrier, and the old is freed at once
 *   CLEAR_FIRST  CLEAR comes before DISARM
 *   CLEAR_HALF   CLEAR visits the first word of a leaf only
 *   EARLY_IDLE   the term goes IDLE before CLEAR
 */
#define OBJECT 3 /* 1 and 2 are leaves */
#define DEAD   7

/* What a mutator is, after its last answer; see weak.pml. */
#define PLAIN 0
#define GREY  1
#define ARMED 2
#define BLACK 3
#define IS_ARMED(m)   (level[m] == GREY || level[m] == ARMED)
#define BORN_BLACK(m) (level[m] == ARMED || level[m] == BLACK)

#define IDLE      0
#define MARKING   1
#define PROPOSED  2
#define COMMITTED 3

byte level[2], target;
bit pending[2];
byte term;
bit news, closing;
bit logged[2];

byte map;    /* root cells: of the map's leaf */
byte strong; /* and of the object */
byte weak[6];
#define AT(l, k) weak[(l) * 2 + (k)]
bit header[3], flagged[3]; /* of a leaf */

byte held[2];
byte leaf[2]; /* that a request goes to */
byte copy;    /* the leaf that is being made */

bit used[4], marked[4], fresh[4];
bit dead; /* not in the code: somebody was told so */

#define REACHABLE (strong || held[0] || held[1])
#define IN_USE(l) (map == (l) || leaf[0] == (l) || leaf[1] == (l) || copy == (l))
#define NAMED(l)  (AT(l, 0) == OBJECT || AT(l, 1) == OBJECT)

inline tell_dead()
{
        assert(!REACHABLE);
        dead = 1
}

inline shade(o)
{
        if
        :: d_step { !(o) || marked[o] -> o = 0 }
        :: d_step {
                (o) && !marked[o] ->
                if :: term == PROPOSED -> term = MARKING :: else fi
           };
           d_step {
                   if :: !marked[o] -> marked[o] = 1; logged[me] = 1 :: else fi;
                   o = 0
           }
        fi
}

/* gc_store_armed() */
inline store(slot, value)
{
        d_step { old = slot; slot = value };
        if
        :: IS_ARMED(me) ->
                shade(old);
                d_step { if :: level[me] == GREY -> old = value :: else fi };
                shade(old)
        :: else -> old = 0
        fi
}

/* word := the word, and how := how marking stands with it. */
inline weak_look(l, k)
{
        do
        :: word = AT(l, k);
           if
           :: word != OBJECT || marked[OBJECT] -> how = IDLE; break
           :: else -> how = term
           fi;
#ifdef NO_RELOAD
           break
#else
           if
           :: how != IDLE || AT(l, k) == word -> break
           :: else
           fi
#endif
        od
}

inline weak_load(l, k)
{
        weak_look(l, k);
        atomic {
                if
                :: how == PROPOSED -> how = term; if :: how == PROPOSED -> term = MARKING :: else fi
                :: else
                fi;
                if
                :: word != OBJECT -> word = 0; how = IDLE
                :: word == OBJECT && how == COMMITTED -> tell_dead(); word = 0; how = IDLE
                :: else
                fi;
                assert(!word || (used[OBJECT] && !dead));
                held[me] = word;
                word = (how != IDLE -> word : 0);
                how = IDLE
        };
        shade(word)
}

/* gc_weak_copy(), and the store of what it returns into the new leaf. */
inline weak_copy(k)
{
#ifdef COPY_PLAIN
        word = AT(leaf[me], k);
#else
        weak_look(leaf[me], k);
        atomic {
                if
                :: how == COMMITTED -> tell_dead(); word = DEAD
                :: else
                fi;
                how = IDLE
        };
#endif
        d_step { AT(copy, k) = word; word = 0 }
}

inline grow()
{
        /* A slot out of a hole: marked, if it is born black, before it has a header. */
        d_step {
                copy = 3 - leaf[me];
                used[copy] = 1;
#ifndef LEAF_WHITE
                marked[copy] = BORN_BLACK(me);
#endif
                fresh[copy] = closing && level[me] == PLAIN
        };
#ifndef UNFLAGGED
        flagged[copy] = 1;
#endif
        header[copy] = 1;
        weak_copy(0);
        weak_copy(1);
#ifdef MAP_PLAIN
        d_step { map = copy; used[leaf[me]] = 0 };
#else
        store(map, copy);
#endif
        d_step { copy = 0; leaf[me] = 0 }
}

/* Removed by the executor, when it comes by. */
inline remove_dead(l)
{
        d_step {
                if :: AT(l, 0) == DEAD -> AT(l, 0) = 0 :: else fi;
                if :: AT(l, 1) == DEAD -> AT(l, 1) = 0 :: else fi
        }
}

/* Where nothing is held a request may end and another begin: a boundary. */
#define BOUNDARY (!held[me] && !leaf[me])

proctype mutator(byte me)
{
        byte old, word, how;

end:
        do
        :: d_step {
                pending[me] && BOUNDARY ->
                level[me] = target;
                news = news | logged[me];
                logged[me] = 0;
                pending[me] = 0
           }
        :: d_step { !BOUNDARY -> held[me] = 0; leaf[me] = 0 }
        :: d_step { !leaf[me] -> leaf[me] = map }
        /* The first makes leaves and clears up; */
        :: atomic { me == 0 && leaf[me] == map && leaf[me] && !used[3 - leaf[me]] -> skip }; grow()
        :: atomic { me == 0 && leaf[me] -> remove_dead(leaf[me]) }
        /* the second has the object, and makes weak words of it. */
        :: atomic { me == 1 && leaf[me] && !held[me] -> skip }; weak_load(leaf[me], 1)
        :: d_step { me == 1 && !held[me] && strong -> held[me] = strong }
        :: d_step {
                me == 1 && !held[me] && !used[OBJECT] ->
                held[me] = OBJECT;
                used[OBJECT] = 1;
                marked[OBJECT] = BORN_BLACK(me);
                fresh[OBJECT] = closing && level[me] == PLAIN
           }
        :: atomic { me == 1 && (held[me] || strong) && strong != held[me] -> skip };
           store(strong, held[me])
        :: d_step { me == 1 && held[me] && leaf[me] && AT(leaf[me], 0) != OBJECT ->
                AT(leaf[me], 0) = OBJECT;
                AT(leaf[me], 1) = OBJECT
           }
        od
}

inline handshake(becomes)
{
        d_step { target = becomes; pending[0] = 1; pending[1] = 1 };
        !pending[0] && !pending[1]
}

inline clear_word(l, k)
{
        word_seen = AT(l, k);
        if
        :: word_seen == OBJECT && !marked[OBJECT] ->
                d_step {
                        if
                        :: AT(l, k) == word_seen -> tell_dead(); AT(l, k) = DEAD
                        :: else
                        fi
                }
        :: else
        fi;
        word_seen = 0
}

inline clear(l)
{
        if
        :: !flagged[l]
        :: flagged[l];
           if
           :: !marked[l]
           :: marked[l];
              if
              :: !header[l]
              :: header[l];
                 clear_word(l, 0);
#ifndef CLEAR_HALF
                 clear_word(l, 1)
#endif
              fi
           fi
        fi
}

inline sweep(o)
{
        d_step {
                if
                :: used[o] && !fresh[o] && marked[o] -> marked[o] = 0
                :: used[o] && !fresh[o] && !marked[o] ->
                        used[o] = 0;
                        if
                        :: o == OBJECT ->
                                assert(!REACHABLE);
                                assert(!IN_USE(1) || !NAMED(1));
                                assert(!IN_USE(2) || !NAMED(2));
                                dead = 0
                        :: else ->
                                assert(!IN_USE(o));
                                header[o] = 0;
                                AT(o, 0) = 0;
                                AT(o, 1) = 0
                        fi
                :: else
                fi
        }
}

inline mark(o)
{
        d_step { if :: (o) -> marked[o] = 1 :: else fi; o = 0 }
}

active proctype controller()
{
        byte word_seen, edge;

        d_step { map = 1; used[1] = 1; header[1] = 1; flagged[1] = 1 };
        atomic { run mutator(0); run mutator(1) };
        do
        :: d_step {
                assert(!marked[1] && !marked[2] && !marked[OBJECT] && term == IDLE);
                term = MARKING
           };
           handshake(GREY);
           handshake(ARMED);
           do
           :: edge = map;
              mark(edge);
              edge = strong;
              mark(edge);
              d_step { term = PROPOSED; news = 0 };
              handshake(ARMED);
              atomic {
                      if
                      :: !news && term == PROPOSED -> term = COMMITTED; break
                      :: else -> term = MARKING
                      fi
              }
           od;
           news = 0;
#ifndef CLEAR_FIRST
           handshake(BLACK);
#endif
#ifdef EARLY_IDLE
           term = IDLE;
#endif
           clear(1);
           clear(2);
#ifdef CLEAR_FIRST
           handshake(BLACK);
#endif
           d_step { term = IDLE; closing = 1 };
           handshake(PLAIN);
           sweep(1);
           sweep(2);
           sweep(OBJECT);
           d_step {
                   fresh[1] = 0;
                   fresh[2] = 0;
                   fresh[OBJECT] = 0;
                   closing = 0;
                   news = 0;
                   target = 0
           }
        od
}
