/* A purge of one address against a fill's commit, a confirmation (304) of the stored object and a lookup.
 *
 * The origin's content changes before the purge begins; after the purge has returned nobody may find the old content,
 * and what a fill that began after it has stored stays, whenever an overtaken fill ends.
 *
 * Step -> code line (file:function)
 *   P1  Purge/LanePurges.swift:purge(hash:key:)     nextPurge
 *   P2  Purge/LanePurges.swift:purge(hash:key:)     addressWord.raise
 *   P3  Purge/LanePurges.swift:purge(hash:key:)     while find(pendingToo) { slot.swap(word, 0) }
 *   B1  Fill/LaneFills.swift:openFill               born = purgeClock, before the origin is asked
 *   B2  (the origin answers)
 *   C0  Fill/Commit.swift:makeLive                  gives way to an item born later
 *   C1  Fill/Commit.swift:makeLive                  slot.swap(old, pending)
 *   C2  Fill/Commit.swift:makeLive                  isPurgedForCommit: addressWord against born, after C1
 *   C3  Fill/Commit.swift:makeLive                  slot.swap(pending, live or 0)
 *   H1  Lane/Lane.swift:lookup                      ignores PENDING
 *   A1  Fill/FillPermit.swift:freshen               takes over the stored body; C2 also by that body's own age
 */
mtype = { EMPTY, PENDING, LIVE };
mtype kind = LIVE;            /* the slot: kind, born and content of its item; tag tells two writers apart */
byte born = 0;
byte content = 1;
byte tag = 0;

byte clock = 0;
byte word = 0;
byte origin = 1;
bool purged = false;
byte ended = 0;
bool confirmed = false;       /* the confirmation is over: no two fills of a key run unless a purge came between */
bool renewed = false;         /* the fill after the purge has made its object live */

inline lookup() {
  atomic {
#ifdef M_SERVE_PENDING
    if :: kind != EMPTY && purged -> assert(content == 2) :: else fi
#else
    if :: kind == LIVE && purged -> assert(content == 2) :: else fi    /* H1 */
#endif
  }
}

active proctype Purger() {
  byte seenTag; mtype seen; bool found;
  origin = 2;
#ifdef M_SLOT_BEFORE_WORD
  atomic { if :: kind != EMPTY -> kind = EMPTY; tag++ :: else fi };
  clock++;
  word = clock;
#else
  clock++;                                               /* P1 */
#ifndef M_NO_ADDRESS_WORD
  word = clock;                                          /* P2 */
#endif
  do                                                     /* P3 */
  :: atomic { seen = kind; seenTag = tag };
     if
#ifdef M_PURGE_SKIPS_PENDING
     :: seen != LIVE -> break
#else
     :: seen == EMPTY -> break
#endif
     :: else
     fi;
     atomic { if :: tag == seenTag && kind == seen -> kind = EMPTY; tag++; found = true :: else found = false fi };
#ifdef M_NO_PURGE_RETRY
     break
#endif
  od;
#endif
  purged = true;
  lookup()
}

/* Two fills of the key, one of them perhaps a confirmation. */
proctype Filler(bool confirms) {
  byte myBorn; byte oldBorn; byte mine; byte myTag; byte oldTag; bool gone; bool done;
#ifdef M_BORN_AFTER_ANSWER
  mine = origin; myBorn = clock;
#else
  myBorn = clock;                                        /* B1 */
  mine = origin;                                         /* B2 */
#endif
  oldBorn = 255;
  if
  :: confirms ->
     /* The origin has confirmed its content of now; the stored body is taken if it is that, or seems to be (A1). */
     atomic { if :: kind == LIVE -> oldBorn = born; mine = content :: else -> goto over fi }
  :: else
  fi;
#ifdef M_CHECK_BEFORE_PENDING
  gone = word > myBorn || (oldBorn != 255 && word > oldBorn);
#endif
  do
  :: atomic {
       oldTag = tag;
#ifndef M_OLDER_REPLACES
       if :: kind != EMPTY && born > myBorn -> goto over :: else fi               /* C0 */
#endif
     };
     atomic {
       if
       :: tag == oldTag -> kind = PENDING; born = myBorn; content = mine; tag++; myTag = tag; done = true  /* C1 */
       :: else
       fi
     };
     if :: done -> break :: else fi
  od;
#ifndef M_CHECK_BEFORE_PENDING
#ifdef M_CONFIRM_BY_NEW_AGE
  gone = word > myBorn;
#else
  gone = word > myBorn || (oldBorn != 255 && word > oldBorn);          /* C2 */
#endif
#endif
#ifdef M_NO_CHECK
  gone = false;
#endif
#ifdef M_LIVE_BY_STORE
  atomic { kind = (gone -> EMPTY : LIVE); born = myBorn; content = mine; tag++ };
#else
  atomic {
    if
    :: kind == PENDING && tag == myTag ->                                         /* C3 */
       kind = (gone -> EMPTY : LIVE); tag++;
       if :: kind == LIVE && myBorn > 0 -> renewed = true :: else fi
    :: else
    fi
  };
#endif
  lookup();
over: atomic { ended++; confirmed = confirmed || confirms }
}

init {
  atomic { run Filler(false); run Filler(true) };
  (purged);
  lookup();
  (confirmed);
  run Filler(false);
  (ended == 3);
  if :: renewed -> assert(kind == LIVE && content == 2) :: else fi
}
