/* Prefix purges in a ring that is overwritten, against a lookup. The ring has one place, so that every purge laps it.
 *
 * After the purge of prefix 1 has returned nobody may find the item, whose key has that prefix and which was born before.
 *
 * Step -> code line (file:function)
 *   R1  Purge/Bans.swift:take           the place is taken by one exchange; who finds it taken purges everything instead
 *   R2  Purge/LanePurges.swift:purge    everythingHard.raise(ban.clock): what is overwritten becomes a purge of everything
 *   R3  Purge/LanePurges.swift:purge    nextPurge
 *   R4  Purge/Bans.swift:write          head, prefix, then the clock
 *   R5  Purge/Bans.swift:give           the version is even again
 *   R6  Purge/LanePurges.swift:purge    newestBan.raise
 *   D1  Purge/Bans.swift:settle         a dead lane's place is given back as it is: R2 came first
 *   H1  Index/PurgeWords.swift:purgeState  everythingHard, then newestBan
 *   H2  Index/PurgeWords.swift:covers      version, prefix, version again
 *   H3  Index/PurgeWords.swift:purgeState  everythingHard once more, after the look at the ring
 */
byte clock = 0, everything = 0, newest = 0;
byte version = 0, banClock = 0, banPrefix = 0;
bool holderDead = false;
bool returned = false;
byte deaths = 1;

inline raise(word, value) { atomic { if :: word < value -> word = value :: else fi } }

/* D1: the dead holder's lane is recovered. */
inline settle() {
  atomic {
    if
    :: holderDead ->
       version++;
       holderDead = false
    :: else
    fi
  }
}

proctype Purger(byte prefix) {
  byte mine; bool have;
#ifdef M_NO_HOLDER
  have = true;
#else
  atomic { if :: version % 2 == 0 -> version++; have = true :: else -> have = false fi };   /* R1 */
#endif
  if
  :: have ->
#ifndef M_NO_RAISE
     raise(newest, banClock);
     raise(everything, banClock);                        /* R2 */
#endif
     atomic { clock++; mine = clock };                   /* R3 */
#ifdef M_NO_HOLDER
     version = version | 1;
#endif
     banPrefix = prefix;                                 /* R4 */
     if
     :: atomic { deaths > 0 -> deaths--; holderDead = true }; goto over
     :: banClock = mine
     fi;
#ifdef M_NO_HOLDER
     version = (version | 1) + 1;
#else
     version++;                                          /* R5 */
#endif
#ifndef M_NO_NEWEST
     raise(newest, mine)                                 /* R6 */
#endif
  :: else ->
     atomic { clock++; mine = clock };
#ifndef M_TAKEN_IS_IGNORED
     raise(everything, mine)
#endif
  fi;
  if :: prefix == 1 -> returned = true :: else fi;
over:
  settle()
}

proctype Reader() {
  bool must, gone; byte seen, prefix, age;
  must = returned;
  gone = everything > 0;                                 /* H1 */
  if
  :: !gone && newest > 0 ->
     age = banClock;
     if
     :: age > 0 ->
        seen = version;                                  /* H2 */
        if
        :: seen % 2 == 1 -> gone = true
        :: else ->
           prefix = banPrefix;
           gone = (prefix == 1);
           if :: version != seen -> gone = true :: else fi
        fi
     :: else
     fi;
#ifndef M_NO_SECOND_LOOK
     if :: everything > 0 -> gone = true :: else fi      /* H3 */
#endif
  :: else
  fi;
  assert(gone || !must)
}

init { atomic { run Purger(2); run Purger(1); run Purger(2); run Reader() } }
