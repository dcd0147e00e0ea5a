/* SPDX-License-Identifier: MIT */
/*
 * What a model needs to be driven by a record of a real run (README.md): for each of three streams,
 * two mutators and the collector, the transition that comes next.
 *
 *   NEXT(who, transition, where, what, was)   it is this one, and none that is still to come in
 *                                             another stream was over before it began
 *   TAKE(who)                                 has happened; the last statement of its step
 *
 * Everything here follows from `position`, so it makes no states of its own. trace.c fills it in.
 */
#define CYCLES
#define OBJECTS   24 /* as in record_barrier.c */
#define COLLECTOR 2

short position[3];
bit ready[3];
byte next_transition[3];
byte next_where[3];
byte next_what[3];
byte next_was[3];
byte taker;

#define NEXT(who, transition, where, what, was)                                                    \
        (ready[who] && next_transition[who] == SAW_##transition && next_where[who] == (where) &&   \
         next_what[who] == (what) && next_was[who] == (was))
#define TAKE(who)                                                                                  \
        taker = who;                                                                               \
        c_code { trace_take(); }

/* In a replay what is one step of a search may have to wait. */
#define d_step atomic

c_code { \#include "replay/trace.c" }
