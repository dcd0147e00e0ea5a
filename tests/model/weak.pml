/* SPDX-License-Identifier: MIT */
/*
 * Weak words: two mutators load, make, copy (as a weak map does when it grows) and remove weak
 * words while cycles run. Objects have no fields: what they keep alive is the matter of
 * termination.pml. Sequentially consistent, as the operations concerned are.
 *
 *   ARM  BLACKEN  MARK  PROPOSE...  COMMIT  SETTLE  CLEAR  DISARM  WHITEN  SWEEP
 *
 * A weak load takes the word, looks at the object's mark, then at `term`. While marking may go on
 * it shades; when its end is proposed it vetoes; after that an unmarked object is dead. A copy is
 * looked at in the same way before it is stored, and a dead one is stored as DEAD. After SETTLE
 * nobody who saw `term` before COMMITTED stores any more, so CLEAR meets every dead word; after
 * CLEAR there is none, so who has answered DISARM need not look.
 *
 *   GC-6   what a cell or a request holds is not freed;
 *   -      what is reachable is never called dead; what was called dead is never loaded again;
 *          no weak word outlives its object;
 *   GC-7   no mark is left when a cycle starts.
 *
 * Mutations:
 *   NO_SHADE        a weak load while marking does not shade
 *   NO_VETO         a weak load while the end is proposed shades without a veto
 *   NO_TERM         a weak load shades whatever `term` says
 *   NO_SETTLE       CLEAR follows COMMIT at once
 *   CHECK_AFTER     a copy is stored, then looked at
 *   NO_CHECK        a copy is not looked at
 *   CLEAR_STORES    CLEAR overwrites a cell without comparing
 *   EARLY_TERM      `term` is taken back before all have answered DISARM
 *   DISARM_WHITENS  DISARM and WHITEN are one handshake
 *   SHADE_FIRST     a weak load marks before it looks at `term`
 */
#ifndef OBJECTS
#define OBJECTS 1
#endif
#define DEAD 7

/* What a mutator is, after its last answer. */
#define PLAIN   0 /* stores plainly, allocates white */
#define GREY    1 /* ARM: shades what it overwrites and what it writes */
#define ARMED   2 /* BLACKEN: shades what it overwrites, allocates black */
#define BLACK   3 /* DISARM: stores plainly, still allocates black */
#define IS_ARMED(m) (level[m] == GREY || level[m] == ARMED)

#define MARKING   0
#define PROPOSED  1
#define COMMITTED 2

byte level[2];
byte target;
bit pending[2];
byte term;
bit news;    /* a log was handed over in this wave */
bit logged[2];
bit closing; /* from WHITEN to the end of SWEEP: who is PLAIN draws on the other generation */

byte strong;      /* a root cell */
byte weak[2];  /* words of weak maps' leaves */
byte held[2];     /* the strong reference that a request holds */
byte word[2];     /* and the weak one */

bit used[OBJECTS + 1];
bit marked[OBJECTS + 1];
bit fresh[OBJECTS + 1]; /* of the other generation */
bit dead[OBJECTS + 1];  /* not in the code: somebody was told so */

#define REACHABLE(o) (strong == (o) || held[0] == (o) || held[1] == (o))

inline shade(m, o)
{
        atomic {
                if
                :: (o) && !marked[o] -> marked[o] = 1; logged[m] = 1
                :: else
                fi
        }
}

inline tell_dead(o)
{
        assert(!REACHABLE(o));
        dead[o] = 1
}

/* gc_weak_load() into held[me]. */
inline weak_load(c)
{
        d_step {
                word[me] = weak[c];
                if :: word[me] == DEAD -> word[me] = 0 :: else fi
        };
        if
        :: IS_ARMED(me) && word[me] && !marked[word[me]] ->
#ifdef SHADE_FIRST
                shade(me, word[me]);
#endif
                do
                :: atomic { term == MARKING -> skip };
#ifndef NO_SHADE
                   shade(me, word[me]);
#endif
                   break
#ifdef NO_VETO
                :: atomic { term == PROPOSED -> skip };
                   shade(me, word[me]);
                   break
#else
                :: atomic { term == PROPOSED -> skip };
                   atomic { if :: term == PROPOSED -> term = MARKING :: else fi }
#endif
                :: atomic { term == COMMITTED -> skip };
#ifdef NO_TERM
                   shade(me, word[me]);
#else
                   atomic { tell_dead(word[me]); word[me] = 0 };
#endif
                   break
                od
        :: else
        fi;
        atomic {
                assert(!word[me] || (used[word[me]] && !dead[word[me]]));
                held[me] = word[me];
                word[me] = 0
        }
}

/* Turns a dead word into DEAD: word[me] before it is stored. */
inline check_word()
{
        if
        :: IS_ARMED(me) && word[me] && word[me] != DEAD && !marked[word[me]] ->
                atomic {
                        if
                        :: term == COMMITTED -> tell_dead(word[me]); word[me] = DEAD
                        :: else
                        fi
                }
        :: else
        fi
}

inline weak_store(c)
{
#if !defined(NO_CHECK) && !defined(CHECK_AFTER)
        check_word();
#endif
        weak[c] = word[me];
#ifdef CHECK_AFTER
        check_word();
        if :: word[me] == DEAD -> weak[c] = DEAD :: else fi;
#endif
        word[me] = 0
}

/* gc_root_store() of held[me] or nil. */
inline strong_store(value)
{
        d_step {
                old = strong;
                strong = value
        };
        if
        :: IS_ARMED(me) ->
                shade(me, old);
                if :: level[me] == GREY -> shade(me, value) :: else fi
        :: else
        fi;
        old = 0
}

inline allocate()
{
        d_step {
                held[me] = 1;
#if OBJECTS == 2
                if :: used[1] -> held[me] = 2 :: else fi;
#endif
                used[held[me]] = 1;
                marked[held[me]] = level[me] == ARMED || level[me] == BLACK;
                fresh[held[me]] = closing && level[me] == PLAIN
        }
}

proctype mutator(byte me)
{
        byte old;

end:
        do
        :: d_step {
                /* A boundary: mutator_answer(), or the proxy. */
                pending[me] ->
                level[me] = target;
                news = news | logged[me];
                logged[me] = 0;
                pending[me] = 0
           }
        :: atomic { !pending[me] -> skip };
           do
           :: atomic { me == 0 -> skip };
              if
              :: weak_load(0)
              :: word[me] = weak[0]; weak_store(1) /* a leaf is split */
              :: strong_store(held[me])
              :: atomic { weak[1] == DEAD -> weak[1] = 0 }
              fi
           :: atomic { me == 1 -> skip };
              if
              :: held[me] = strong
              :: weak_load(1)
              :: atomic { !held[me] && !(used[1] && used[OBJECTS]) -> allocate() }
              :: strong_store(held[me])
              :: strong_store(0)
              :: word[me] = held[me]; weak_store(0)
              fi
           :: atomic { held[me] = 0; break }
           od
        od
}

inline handshake(becomes)
{
        d_step { target = becomes; pending[0] = 1 };
        pending[1] = 1;
        atomic { !pending[0] && !pending[1] -> target = 0 }
}

inline clear(c)
{
        word_seen = weak[c];
        if
        :: word_seen && word_seen != DEAD && !marked[word_seen] ->
#ifdef CLEAR_STORES
                d_step { assert(weak[c] == word_seen); tell_dead(word_seen); weak[c] = DEAD }
#else
                d_step {
                        if
                        :: weak[c] == word_seen -> tell_dead(word_seen); weak[c] = DEAD
                        :: else
                        fi
                }
#endif
        :: else
        fi;
        word_seen = 0
}

inline sweep(o)
{
        d_step {
                if
                :: used[o] && !fresh[o] && marked[o] -> marked[o] = 0
                :: used[o] && !fresh[o] && !marked[o] ->
                        assert(!REACHABLE(o));
                        assert(weak[0] != o && weak[1] != o && word[0] != o && word[1] != o);
                        used[o] = 0;
                        dead[o] = 0
                :: else
                fi
        }
}

active proctype controller()
{
        byte word_seen;

        atomic { run mutator(0); run mutator(1) }
        do
        :: d_step { assert(!marked[1] && !marked[OBJECTS] && term == MARKING) };
           handshake(GREY);
           handshake(ARMED);
           do
           :: d_step {
                   if
                   :: strong && !marked[strong] -> marked[strong] = 1
                   :: else
                   fi
              };
              d_step { term = PROPOSED; news = 0 };
              handshake(ARMED);
              d_step {
                      if
                      :: !news && term == PROPOSED -> term = COMMITTED
                      :: else -> term = MARKING
                      fi;
                      news = 0
              };
              if :: term == COMMITTED -> break :: else fi
           od;
#ifndef NO_SETTLE
           handshake(ARMED);
#endif
           clear(0);
           clear(1);
#ifdef EARLY_TERM
           term = MARKING;
#endif
#ifdef DISARM_WHITENS
           closing = 1;
           handshake(PLAIN);
#else
           handshake(BLACK);
           term = MARKING;
           closing = 1;
           handshake(PLAIN);
#endif
           term = MARKING;
           sweep(1);
#if OBJECTS == 2
           sweep(2);
#endif
           d_step { fresh[1] = 0; fresh[OBJECTS] = 0; closing = 0; news = 0 }
        od
}
