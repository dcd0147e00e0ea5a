/* SPDX-License-Identifier: MIT */
/*
 * The mutators of barrier.pml when a record drives them: what they do next is in the record; what
 * becomes of it is in the model. A request may use what it has loaded or made since it began, and
 * nothing else (GC-5).
 */
proctype mutator(byte me)
{
        byte old, to, what;

end:
        do
        :: answer()
        :: atomic { !pending[me] && next_transition[me] != SAW_NOTHING -> skip };
           do
           :: atomic {
                   to == 0 && NEXT(me, LOADED, 0, root[0], 0) ->
                   held_set[me] = held_set[me] | (1 << root[0]);
                   TAKE(me)
              }
           :: atomic {
                   next_where[me] && HOLDS(me, next_where[me]) &&
                   NEXT(me, LOADED, next_where[me], field[next_where[me]], 0) ->
                   assert(used[next_where[me]]);
                   held_set[me] = held_set[me] | (1 << field[next_where[me]]);
                   TAKE(me)
              }
           :: atomic {
                   !used[next_where[me]] && NEXT(me, ALLOCATED, next_where[me], BORN(me), 0) ->
                   make(next_where[me]);
                   held_set[me] = held_set[me] | (1 << next_where[me]);
                   TAKE(me)
              }
           :: atomic {
                   IS_STORE(me) && HOLDS(me, next_where[me]) && HOLDS(me, next_what[me]) ->
                   to = next_where[me];
                   what = next_what[me]
              };
              if
              :: to == 0 -> store(root[0], what)
              :: else -> store(field[to], what)
              fi;
              what = 0
           :: atomic { NEXT(me, BOUNDARY, 0, 0, 0) -> held_set[me] = 0; TAKE(me); break }
           od
        od
}
