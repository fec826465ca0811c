/* A full bucket grows: its last slot becomes a link to one more bucket (Sources/ShmCache/Index/Chains.swift, extend)
 * while a reader looks the entry up (Index.swift, find) and an evictor removes it (Eviction.swift, drop). The entry must
 * be seen by every reader as long as nobody has begun to remove it, and never after the evictor has gone.
 *
 * Words: 0 empty, ENTRY and ENTRY1 the entry before and after a hit is counted, LINK.
 */
#define ENTRY 1
#define ENTRY1 2
#define LINK 3
#define IS_ENTRY(x) ((x) == ENTRY || (x) == ENTRY1)

byte last = ENTRY;   /* the bucket's last slot */
byte moved = 0;      /* the new bucket's first slot */
bool removing = false, removed = false;

/* Chains.swift, extend: copy, then one exchange; the copy follows a counted hit. */
proctype Extender() {
    byte seen; bool done = false;
    seen = last;
    if
    :: IS_ENTRY(seen) ->
        do
        :: done -> break
        :: !done ->
#ifndef M_LINK_BEFORE_COPY
            moved = seen;
#endif
#ifdef M_PLAIN_LINK
            last = LINK; done = true;
#else
            atomic { if :: last == seen -> last = LINK; done = true :: else fi }
#endif
#ifdef M_LINK_BEFORE_COPY
            if :: done -> moved = seen :: else fi;
#endif
            if
            :: done
            :: !done ->
                seen = last;
                if
                :: IS_ENTRY(seen)
                :: else ->
                    moved = 0;
                    break
                fi
            fi
        od
    :: else
    fi
}

/* Lane.swift, lookup: counts the hit, an exchange whose failure is ignored. */
proctype Counter() {
    atomic { if :: last == ENTRY -> last = ENTRY1 :: else fi }
}

/* Index.swift, find: the bucket, then what hangs on it; each slot read once. */
proctype Reader() {
    byte seen; bool found = false, wasRemoving, wasRemoved;
    wasRemoved = removed;
    seen = last;
    if
    :: IS_ENTRY(seen) -> found = true
#ifndef M_NO_FOLLOW
    :: seen == LINK -> seen = moved; found = IS_ENTRY(seen)
#endif
    :: else
    fi;
    wasRemoving = removing;
    assert(found || wasRemoving);
    assert(!(found && wasRemoved))
}

/* Eviction.swift, drop: looks until nothing names the place. */
proctype Evictor() {
    byte seen; bool gone = false;
    removing = true;
    do
    :: gone -> break
    :: !gone ->
        seen = last;
        if
        :: IS_ENTRY(seen) ->
            atomic { if :: last == seen -> last = 0; gone = true :: else fi }
#ifdef M_NO_SECOND_LOOK
            gone = true;
#endif
        :: seen == LINK ->
            seen = moved;
            if
            :: IS_ENTRY(seen) -> atomic { if :: moved == seen -> moved = 0; gone = true :: else fi }
            :: else -> gone = true
            fi
        :: else -> gone = true
        fi
    od;
    removed = true;
    assert(!IS_ENTRY(last) && !(last == LINK && IS_ENTRY(moved)))
}

init {
    atomic { run Extender(); run Counter(); run Reader(); run Reader(); run Evictor() }
}
