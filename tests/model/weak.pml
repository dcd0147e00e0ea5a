/* SPDX-License-Identifier: MIT */
/*
 * Weak words (daemon/gc/weak.c): two mutators load, make, copy (as a weak map does when it grows)
 * and remove weak words while cycles run. Objects have no fields: what they keep alive is the
 * matter of termination.pml. Sequentially consistent, as the operations concerned are.
 *
 *   ARM  BLACKEN  MARK  PROPOSE...  DISARM  CLEAR  WHITEN  SWEEP
 *
 *   GC-6   what a cell or a request holds is not freed;
 *   GC-7   no mark is left when a cycle starts;
 *   GC-27  after DISARM no log comes in, and no newborn is shaded or taken for dead;
 *   GC-31  what is reachable is never called dead; what was called dead is never loaded again;
 *   GC-32  when `term` goes IDLE no weak word of a dead object is left, and none outlives one.
 *
 * Bounds: two mutators, one object and its reuse (-DOBJECTS=2: two), two weak words.
 *
 * Mutations:
 *   NO_SHADE        a weak load while marking does not shade
 *   NO_VETO         a weak load while the end is proposed shades without a veto
 *   NO_WAVE_VETO    a barrier that marks while the end is proposed does not veto
 *   NO_TERM         a weak load shades whatever `term` says
 *   SHADE_FIRST     a weak load marks before it looks at `term`
 *   NO_RELOAD       who reads IDLE does not read the word again
 *   NO_LOOK         a copy is not looked at
 *   CLEAR_FIRST     CLEAR comes before DISARM
 *   CLEAR_STORES    CLEAR overwrites a word without comparing
 *   EARLY_IDLE      `term` goes IDLE before CLEAR
 *   LATE_IDLE       `term` goes IDLE after WHITEN
 *   DISARM_WHITENS  DISARM and WHITEN are one handshake
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

#define IDLE      0
#define MARKING   1
#define PROPOSED  2
#define COMMITTED 3

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

/* barrier_shade(). Who marks while the end of marking is proposed vetoes first: it may have answered
 * the wave, and another, which has not, may count on this mark (GC-26). */
inline shade(m, o)
{
        if
        :: (o) && !marked[o] ->
#ifndef NO_WAVE_VETO
                atomic { if :: term == PROPOSED -> term = MARKING :: else fi };
#endif
                atomic {
                        if
                        :: !marked[o] -> marked[o] = 1; logged[m] = 1
                        :: else
                        fi
                }
        :: else
        fi
}

inline tell_dead(o)
{
        assert(!REACHABLE(o));
        dead[o] = 1
}

/* weak_look(): word[me] := the word, and how := how marking stands with it. */
inline weak_look(c)
{
        do
        :: word[me] = weak[c];
           if
           :: word[me] == 0 || word[me] == DEAD -> how = IDLE; break
           :: else
           fi;
           if
           :: marked[word[me]] -> how = IDLE; break
           :: else
           fi;
           how = term;
#ifdef NO_RELOAD
           break
#else
           if
           :: how != IDLE || weak[c] == word[me] -> break
           :: else
           fi
#endif
        od
}

/* gc_weak_load() into held[me]. */
inline weak_load(c)
{
        weak_look(c);
#ifdef SHADE_FIRST
        if :: how != IDLE -> shade(me, word[me]) :: else fi;
#endif
#ifndef NO_VETO
        do
        :: how == PROPOSED ->
                atomic { how = term; if :: how == PROPOSED -> term = MARKING; break :: else fi }
        :: else -> break
        od;
#endif
        if
        :: word[me] == DEAD -> word[me] = 0
#ifndef NO_TERM
        :: word[me] != DEAD && how == COMMITTED ->
                atomic { tell_dead(word[me]); word[me] = 0 }
        :: else ->
#ifdef NO_SHADE
                skip
#else
                if :: how == MARKING || how == PROPOSED -> shade(me, word[me]) :: else fi
#endif
#else
        :: else -> shade(me, word[me])
#endif
        fi;
        atomic {
                assert(!word[me] || (used[word[me]] && !dead[word[me]]));
                held[me] = word[me];
                word[me] = 0;
                how = IDLE
        }
}

/* gc_weak_copy(), and the store of what it returns. */
inline weak_copy(c, to)
{
#ifdef NO_LOOK
        word[me] = weak[c];
#else
        weak_look(c);
        atomic {
                if
                :: how == COMMITTED -> tell_dead(word[me]); word[me] = DEAD
                :: else
                fi;
                how = IDLE
        };
#endif
        weak[to] = word[me];
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
        byte old, how;

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
              :: weak_copy(0, 1) /* a leaf is split */
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
              :: weak[0] = held[me] /* gc_weak_make() */
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
        :: d_step { assert(!marked[1] && !marked[OBJECTS] && term == IDLE); term = MARKING };
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
              atomic {
                      if
                      :: !news && term == PROPOSED -> term = COMMITTED; break
                      :: else -> term = MARKING
                      fi
              }
           od;
#if !defined(CLEAR_FIRST) && !defined(DISARM_WHITENS)
           handshake(BLACK);
           assert(!news);
#endif
#ifdef EARLY_IDLE
           term = IDLE;
#endif
           clear(0);
           clear(1);
#ifdef CLEAR_FIRST
           handshake(BLACK);
#endif
#ifndef LATE_IDLE
           term = IDLE;
#endif
           closing = 1;
           handshake(PLAIN);
           term = IDLE;
           sweep(1);
#if OBJECTS == 2
           sweep(2);
#endif
           d_step { fresh[1] = 0; fresh[OBJECTS] = 0; closing = 0; news = 0 }
        od
}
