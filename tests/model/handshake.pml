/* SPDX-License-Identifier: MIT */
/*
 * Handshakes (daemon/gc/handshake.c, mutator.c) on x86 memory: every thread has a store buffer of
 * two entries; loads look into the own buffer first, locked operations wait until it is empty.
 *
 * Mutators attach, run requests with polls, and detach; the controller runs handshake after
 * handshake, numbered 1, 2, 3, 1, ... What a handshake hands over is its number.
 *
 *   GC-22  only one acts for a mutator, and each handshake is answered exactly once;
 *   -      what is taken over is what this handshake published, and is what requests then see;
 *   -      when the controller goes on, every attached mutator has taken over;
 *   GC-24  LIVE: under weak fairness handshakes go on completing, though a mutator may stay away
 *          for ever (and nobody attaches or detaches: a mutex promises no turn).
 *
 * Mutations:
 *   NO_RECHECK         a proxy does not look again whether the mutator has answered meanwhile
 *   PLAIN_ENTER        AWAY to IN by a load and a store
 *   PLAIN_PROXY        AWAY to PROXY by a load and a store
 *   NUMBER_FIRST       the number is published before the target
 *   ACKNOWLEDGE_FIRST  answered before the target is read
 *   SKIP_AWAY          those away count as answered, and nobody acts for them
 *   NO_PROXY           the controller waits until those away come back
 *   ATTACH_STALE       a newcomer reads the target before it takes the lock
 *   DETACH_UNLOCKED    a mutator goes without the lock
 */
#ifndef MUTATORS
#define MUTATORS 2
#endif
#define THREADS    (MUTATORS + 1)
#define CONTROLLER MUTATORS

/* Memory: four cells for each mutator, and the target. */
#define STATE(m)        ((m) * 4)
#define REQUESTED(m)    ((m) * 4 + 1)
#define ACKNOWLEDGED(m) ((m) * 4 + 2)
#define FLAGS(m)        ((m) * 4 + 3)
#define TARGET          (MUTATORS * 4)
#define CELLS           (MUTATORS * 4 + 1)

#define AWAY  0
#define IN    1
#define PROXY 2

byte memory[CELLS];
byte n_stores[THREADS];
byte store_cell[THREADS * 2];
byte store_value[THREADS * 2];

bit locked;
bit attached[MUTATORS];
byte number;

/* Not in the code: who acts, and the last handshake answered. */
bit running[MUTATORS];
bit proxied[MUTATORS];
byte answered[MUTATORS];

inline load(cell, ret)
{
        d_step {
                if
                :: n_stores[me] == 2 && store_cell[me * 2 + 1] == cell ->
                        ret = store_value[me * 2 + 1]
                :: n_stores[me] > 0 && store_cell[me * 2] == cell &&
                   !(n_stores[me] == 2 && store_cell[me * 2 + 1] == cell) ->
                        ret = store_value[me * 2]
                :: else -> ret = memory[cell]
                fi
        }
}

inline store(cell, value)
{
        atomic {
                n_stores[me] < 2;
                store_cell[me * 2 + n_stores[me]] = cell;
                store_value[me * 2 + n_stores[me]] = value;
                n_stores[me]++
        }
}

/* A store buffer empties itself, the oldest entry first. */
proctype drain(byte owner)
{
end:
        do
        :: d_step {
                n_stores[owner] > 0 ->
                memory[store_cell[owner * 2]] = store_value[owner * 2];
                store_cell[owner * 2] = store_cell[owner * 2 + 1];
                store_value[owner * 2] = store_value[owner * 2 + 1];
                store_cell[owner * 2 + 1] = 0;
                store_value[owner * 2 + 1] = 0;
                n_stores[owner]--;
           }
        od
}

inline lock()
{
        atomic { !locked && n_stores[me] == 0 -> locked = 1 }
}

inline unlock()
{
        atomic { n_stores[me] == 0 -> locked = 0 }
}

/* handshake_acknowledge(), by the owner or its proxy. */
inline acknowledge(m, asked)
{
        d_step {
                assert(me != CONTROLLER || attached[m]);
                assert(running[m] + proxied[m] == 1);
                assert(answered[m] != asked);
                answered[m] = asked
        };
#ifdef ACKNOWLEDGE_FIRST
        store(ACKNOWLEDGED(m), asked);
#endif
        load(TARGET, seen);
        assert(seen == asked);
        store(FLAGS(m), seen);
#ifndef ACKNOWLEDGE_FIRST
        store(ACKNOWLEDGED(m), asked);
#endif
        seen = 0
}

/* mutator_answer() */
inline answer()
{
        load(REQUESTED(me), asked);
        load(ACKNOWLEDGED(me), known);
        if
        :: asked != known -> acknowledge(me, asked)
        :: else
        fi;
        asked = 0;
        known = 0
}

inline enter()
{
#ifdef PLAIN_ENTER
        do
        :: load(STATE(me), seen); if :: seen == AWAY -> break :: else fi
        od;
        store(STATE(me), IN);
#else
        atomic { n_stores[me] == 0 && memory[STATE(me)] == AWAY -> memory[STATE(me)] = IN };
#endif
        d_step { seen = 0; assert(!proxied[me]); running[me] = 1 };
        answer()
}

/* Under the lock: who reads these cells holds it too. */
inline attach()
{
#ifdef ATTACH_STALE
        load(TARGET, seen);
        lock();
#else
        lock();
        load(TARGET, seen);
#endif
        d_step {
                memory[STATE(me)] = AWAY;
                memory[FLAGS(me)] = seen;
                memory[REQUESTED(me)] = number;
                memory[ACKNOWLEDGED(me)] = number;
                answered[me] = number;
                attached[me] = 1;
                seen = 0
        };
        unlock()
}

inline detach()
{
        enter();
#ifdef DETACH_UNLOCKED
        n_stores[me] == 0;
#else
        lock();
#endif
        d_step {
                attached[me] = 0;
                running[me] = 0;
                answered[me] = 0;
                memory[STATE(me)] = AWAY;
                memory[FLAGS(me)] = 0;
                memory[REQUESTED(me)] = 0;
                memory[ACKNOWLEDGED(me)] = 0
        };
#ifndef DETACH_UNLOCKED
        unlock()
#endif
}

proctype mutator(byte me)
{
        byte seen, asked, known;

        attach();
        do
        :: enter();
           do
           :: load(FLAGS(me), seen);
              d_step { assert(!proxied[me] && seen == answered[me]); seen = 0 };
              if
              :: answer() /* gc_poll() */
              :: break
              fi
           od;
           answer();
           running[me] = 0;
           store(STATE(me), AWAY)
#ifdef LIVE
        :: break
#else
        :: detach();
           attach()
#endif
        od
}

/* handshake_answered() */
inline ask(m)
{
        load(ACKNOWLEDGED(m), seen);
        if
        :: seen == number
        :: else ->
#if defined(NO_PROXY)
                all = 0;
#elif defined(SKIP_AWAY)
                load(STATE(m), seen);
                if :: seen == IN -> all = 0 :: else fi
#else
#ifdef PLAIN_PROXY
                load(STATE(m), seen);
                won = seen == AWAY;
                if :: won -> store(STATE(m), PROXY) :: else fi;
#else
                atomic {
                        n_stores[me] == 0;
                        won = memory[STATE(m)] == AWAY;
                        if :: won -> memory[STATE(m)] = PROXY :: else fi
                };
#endif
                if
                :: won ->
                        proxied[m] = 1;
#ifndef NO_RECHECK
                        load(ACKNOWLEDGED(m), seen);
                        if :: seen != number -> acknowledge(m, number) :: else fi;
#else
                        acknowledge(m, number);
#endif
                        assert(attached[m]);
                        proxied[m] = 0;
                        store(STATE(m), AWAY)
                :: else -> all = 0
                fi
#endif
        fi;
        d_step { won = 0; seen = 0 }
}

active proctype controller()
{
        byte me = CONTROLLER;
        byte m, seen;
        bit all, won;

        atomic {
                for (m : 0 .. CONTROLLER) { run drain(m) }
                for (m : 0 .. MUTATORS - 1) { run mutator(m) }
        }
        do
        :: lock();
           number = number % 3 + 1;
#ifndef NUMBER_FIRST
           store(TARGET, number);
#endif
           for (m : 0 .. MUTATORS - 1) {
                   if :: attached[m] -> store(REQUESTED(m), number) :: else fi
           }
#ifdef NUMBER_FIRST
           store(TARGET, number);
#endif
           unlock();
           do
           :: lock();
              all = 1;
              for (m : 0 .. MUTATORS - 1) {
                      if :: attached[m] -> ask(m) :: else fi
              }
              unlock();
              if :: all -> break :: else fi
           od;
           atomic {
                   for (m : 0 .. MUTATORS - 1) {
                           assert(!attached[m] || answered[m] == number)
                   }
                   m = 0
           };
           all = 0;
done:      skip
        od
}

#ifdef LIVE
ltl completes { []<> controller@done }
#endif
