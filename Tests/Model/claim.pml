/* Claiming the fill of one key, which has two buckets (Sources/ShmCache/Fill/FillTable.swift, claimFill, lookAcross).
 * However three lanes interleave, at most one of them fetches at a time.
 *
 * A bucket's word, as far as the key goes: NONE, CLAIMED (the fill is not open yet), RUNNING. Other keys' ways only make
 * an exchange fail that would be tried again.
 */
#define NONE 0
#define CLAIMED 1
#define RUNNING 2

byte bucket[2] = NONE;
byte owners = 0;

active [3] proctype Lane() {
    byte one, two, mine, seen, look; bool done = false, ok;
    do
    :: done -> break
    :: !done ->
        one = bucket[0];
        two = bucket[1];
        if
        :: one == RUNNING || two == RUNNING -> done = true               /* joins it */
        :: one != RUNNING && two != RUNNING && (one == CLAIMED || two == CLAIMED)
        :: one == NONE && two == NONE ->
            if :: mine = 0 :: mine = 1 fi;                                /* where there is more room */
            atomic { ok = (bucket[mine] == NONE); if :: ok -> bucket[mine] = CLAIMED :: else fi };
            if
            :: ok ->
                look = 0;
across:         seen = bucket[1 - mine];
                if
                :: seen == CLAIMED && mine == 0 && look < 2 -> look++; goto across
                :: else
                fi;
#ifdef M_NO_LOOK_ACROSS
                seen = NONE;
#endif
#ifdef M_FIRST_HOLDS_ON
                if :: mine == 0 -> seen = NONE :: else fi;
#endif
#ifdef M_SECOND_HOLDS_ON
                if :: mine == 1 && seen == CLAIMED -> seen = NONE :: else fi;
#endif
                if
                :: seen == NONE ->
                    owners++;
                    assert(owners == 1);
                    bucket[mine] = RUNNING;
                    owners--;
                    bucket[mine] = NONE;                                  /* stored, given back */
                    done = true
                :: seen != NONE -> bucket[mine] = NONE
                fi
            :: else
            fi
        fi
    od
}
