/* Prefix purges in a ring that is overwritten, against a lookup. The ring has one place, so that every purge laps it.
 *
 * After the purge of prefix 1 has returned nobody may find the item, whose key has that prefix and which was born before;
 * after a soft purge of it nobody may find it fresh.
 *
 * Step -> code line (file:function)
 *   R1  Purge/Bans.swift:take           the place is taken by one exchange; who finds it taken purges everything instead
 *   R2  Purge/LanePurges.swift:purge    everything.raise(ban.clock): what is overwritten becomes a purge of everything,
 *                                       as soft as it was
 *   R3  Purge/LanePurges.swift:purge    nextPurge
 *   R4  Purge/Bans.swift:write          whether it is soft, head, prefix, then the clock
 *   R5  Purge/Bans.swift:give           the version is even again
 *   R6  Purge/LanePurges.swift:purge    newestBan.raise
 *   D1  Purge/Bans.swift:settle         a dead lane's place is given back as it is: R2 came first
 *   H1  Index/PurgeWords.swift:purgeState  everythingHard, then newestBan
 *   H2  Index/PurgeWords.swift:covers      version, soft, prefix, version again
 *   H3  Index/PurgeWords.swift:purgeState  everythingHard once more, after the look at the ring
 *   H4  Index/PurgeWords.swift:purgeState  everythingSoft, after the look at the ring
 */
byte clock = 0, everything = 0, everythingSoft = 0, newest = 0;
byte version = 0, banClock = 0, banPrefix = 0;
bool banSoft = false;
bool holderDead = false;
bool returned = false, softReturned = false;
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

proctype Purger(byte prefix; bool soft) {
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
#ifdef M_OVERWRITTEN_IS_SOFT
     raise(everythingSoft, banClock);
#else
     if                                                  /* R2 */
     :: banSoft -> raise(everythingSoft, banClock)
     :: else -> raise(everything, banClock)
     fi;
#endif
#endif
     atomic { clock++; mine = clock };                   /* R3 */
#ifdef M_NO_HOLDER
     version = version | 1;
#endif
     banSoft = soft;                                     /* R4 */
     banPrefix = prefix;
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
     if :: soft -> raise(everythingSoft, mine) :: else -> raise(everything, mine) fi
#endif
  fi;
  if
  :: prefix == 1 && soft -> softReturned = true
  :: prefix == 1 && !soft -> returned = true
  :: else
  fi;
over:
  settle()
}

proctype Reader() {
  bool must, mustBeStale, gone, stale, soft; byte seen, prefix, age;
  must = returned;
  mustBeStale = softReturned;
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
           soft = banSoft;
           prefix = banPrefix;
           gone = (prefix == 1 && !soft);
           stale = (prefix == 1 && soft);
           if :: version != seen -> gone = true :: else fi
        fi
     :: else
     fi;
#ifndef M_NO_SECOND_LOOK
     if :: everything > 0 -> gone = true :: else fi      /* H3 */
#endif
  :: else
  fi;
#ifndef M_NO_SOFT_LOOK
  if :: !gone && everythingSoft > 0 -> stale = true :: else fi;   /* H4 */
#endif
  assert(gone || !must);
  assert(gone || stale || !mustBeStale)
}

/* The purge in question is hard or soft, and so are those that it overwrites and that overwrite it. */
init {
  bool soft, first, last;
  if :: soft = false :: soft = true fi;
  if :: first = false :: first = true fi;
  if :: last = false :: last = true fi;
  atomic { run Purger(2, first); run Purger(1, soft); run Purger(2, last); run Reader() }
}
