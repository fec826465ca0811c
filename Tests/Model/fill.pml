/* A fill: its owner, who may be killed before any step, two readers that join, wait, take over and leave, and the entry's
 * reuse. Stores of the owner to bytesReady may become visible late (store buffer) until a fence.
 *
 * Step -> code line (file:function)
 *   F1  Fill/FillPermit.swift:appendBody            ready.release
 *   F2  Fill/LaneFills.swift:wakeReaders            fullFence()
 *   F3  Fill/LaneFills.swift:wakeReaders            the waiters' bits, sequential; wake each
 *   F4  Fill/FillPermit.swift:endFill               state.publish(done), wakeReaders
 *   F5  Fill/FillTable.swift:releaseFill            state.swap(over, releasing), if no bits
 *   F6  Fill/FillTable.swift:releaseFill            looks at the bits again, takes it back, and tries anew
 *   F7  Fill/FillTable.swift:finishRelease          state.publish(free, gen + 1)
 *   W1  Fill/FillTable.swift:join                   waiters.or(bit)
 *   W2  Fill/FillTable.swift:join                   state.sequential: same gen, not free, not releasing
 *   W3  Fill/FillTicket.swift:bytesReady            looks at the news after its bit is set, then sleeps until woken
 *   W4  Fill/FillTicket.swift:takeOver              liveness says dead: recoverIfDead, then state.swap(orphaned, mine)
 *   W5  Fill/FillTable.swift:leave                  waiters.and(~bit), releases what is over
 *   L1  Lane/Liveness.swift:takeFromDead            the lane's word is taken by exchange from a dead holder
 *   W6  Fill/FillTable.swift:leave                  the last reader of an orphan: failed, then released
 *   L2  Lane/LaneRecovery.swift:settleFills         state.publish(orphaned)
 *   L3  Lane/LaneRecovery.swift:settleFills         a release cut short: state.publish(failed), then as any that is over
 */
#define WAITERS 2
mtype = { FREE, STREAMING, DONE, ORPHANED, RELEASING, FAILED };

mtype state = STREAMING;
byte owner = 0;               /* 0: the first owner; 1, 2: a waiter; 9: nobody */
byte gen = 1;
bool waits[WAITERS];
bool woken[WAITERS];
bool seen[WAITERS];           /* has looked at the news */
byte ready = 0;               /* as others see it */
bool pendingReady = false;
bool dead = false;            /* the first owner's process */
bool releases = false;        /* RELEASING stands under the first owner's name */
bool laneTaken = false;       /* somebody recovers the dead lane */
byte liveOwners = 1;
byte joinedGen[WAITERS];      /* gen that a reader relies on; 0: none */

inline drain() { if :: pendingReady -> ready = 1; pendingReady = false :: else fi }

inline wakeAll() {
  k = 0;
  do
  :: k < WAITERS -> if :: waits[k] -> woken[k] = true :: else fi; k++   /* F3 */
  :: else -> break
  od
}

/* The entry is another fill's from now on: nobody may still rely on the old one. */
inline reuse() {
  atomic {
    gen++; state = FREE; owner = 9;                                    /* F7 */
    assert(joinedGen[0] != gen - 1 && joinedGen[1] != gen - 1)
  }
}

inline release() {
  do
  :: (state == DONE || state == FAILED) && !waits[0] && !waits[1] ->
     ok = false;
     atomic { if :: state == DONE || state == FAILED -> over = state; state = RELEASING; ok = true :: else fi };  /* F5 */
     if
     :: ok ->
#ifndef M_RELEASE_WITHOUT_SECOND_LOOK
        if
        :: waits[0] || waits[1] -> state = over                       /* F6 */
        :: else -> reuse(); break
        fi
#else
        reuse(); break
#endif
     :: else -> break
     fi;
#ifdef M_RELEASE_WITHOUT_THIRD_LOOK
     break
#endif
  :: else -> break
  od
}

inline finish() {
  wakeAll();
  atomic { assert(liveOwners <= 1); state = DONE; liveOwners-- }       /* F4 */
  wakeAll();
  release()
}

active proctype Drainer() { end: do :: atomic { pendingReady -> ready = 1; pendingReady = false } od }

/* The first owner: at each label it may be killed. */
active proctype Owner() {
  byte k; bool ok; mtype over;
  if :: goto killed :: skip fi;
#ifdef M_WAKE_BEFORE_NEWS
  wakeAll();
  pendingReady = true;
  d_step { drain() };
#else
  pendingReady = true;                                                 /* F1 */
#ifndef M_NO_OWNER_FENCE
  d_step { drain() };                                                  /* F2 */
#endif
  if :: goto killed :: skip fi;
  k = 0;
  do
  :: k < WAITERS -> if :: waits[k] -> woken[k] = true :: else fi; k++
  :: else -> break
  od;
#endif
  if :: goto killed :: skip fi;
  /* The origin pauses: nobody who has joined may sleep through the news, and whoever mistakes the pause for death takes
     over a living owner's fill. */
  (joinedGen[0] == 0 || seen[0]) && (joinedGen[1] == 0 || seen[1]);
  if :: goto killed :: skip fi;
  d_step { drain() };
  if
  :: atomic { state == STREAMING && owner == 0 -> state = DONE; liveOwners-- }
  :: else -> assert(false)                                             /* somebody else owns it while this one lives */
  fi;
  wakeAll();
  if :: goto gone :: skip fi;
  /* Its release, step by step, since it may be killed between any two. */
  if
  :: state == DONE && !waits[0] && !waits[1] ->
     atomic { if :: state == DONE -> state = RELEASING; releases = true :: else -> goto gone fi };   /* F5 */
     if :: goto gone :: skip fi;
     if
     :: waits[0] || waits[1] ->
        if :: goto gone :: skip fi;
        atomic { state = DONE; releases = false };                       /* F6 */
        release()
     :: else ->
        if :: goto gone :: skip fi;
        releases = false;
        reuse()
     fi
  :: else
  fi;
  goto gone;
killed:
  atomic { drain(); dead = true; liveOwners-- };
gone: dead = true
}

active [WAITERS] proctype Reader() {
  byte i = _pid - 2;
  byte k; bool ok; mtype over; bool mine = false; byte joined;
  joined = gen;
#ifdef M_LOOK_BEFORE_BIT
  byte early = ready;
#endif
  waits[i] = true;                                                       /* W1 */
  atomic {
#ifdef M_JOIN_WITHOUT_LOOK
    joinedGen[i] = joined;
#else
    if
    :: gen == joined && state != FREE && state != RELEASING -> joinedGen[i] = joined     /* W2 */
    :: else
    fi
#endif
  };
  if
  :: joinedGen[i] == 0 -> goto left
  :: else
  fi;
wait:
  /* W3: what is new, else sleep. A sleeper has no timer here, so that a lost wake is a deadlock. */
#ifdef M_LOOK_BEFORE_BIT
  if :: early != 0 -> goto decide :: else fi;
#else
  if :: ready != 0 -> goto decide :: else fi;
#endif
  if
  :: woken[i] -> woken[i] = false
  :: dead                                                              /* the kernel says so */
  fi;
decide:
  seen[i] = true;
  if
  :: state == DONE || state == FAILED || state == FREE -> goto leave
  :: else
  fi;
#ifdef M_TIMEOUT_IS_DEATH
  if :: owner == 0 && state == STREAMING :: else -> goto orphan fi;
  if :: atomic { !laneTaken -> laneTaken = true; state = ORPHANED; owner = 9 } :: laneTaken fi;
#else
  if
  :: dead && owner == 0 && state == STREAMING ->
     if
     :: atomic { !laneTaken -> laneTaken = true };                     /* L1 */
        if :: atomic { owner == 0 && state == STREAMING -> state = ORPHANED; owner = 9 } :: else fi   /* L2 */
     :: laneTaken
     fi
  :: else
  fi;
#endif
orphan:
#ifdef M_TAKEOVER_WITHOUT_EXCHANGE
  if :: state == ORPHANED -> state = STREAMING; owner = i + 1; liveOwners++; mine = true :: else fi;
#else
  atomic { if :: state == ORPHANED -> state = STREAMING; owner = i + 1; liveOwners++; mine = true :: else fi };  /* W4 */
#endif
  assert(liveOwners <= 1);
  if
  :: mine -> ready = 1; finish()
  :: else ->
     /* Its owner, or a new one, goes on with it. */
     (state != STREAMING || (dead && owner == 0));
     goto decide
  fi;
leave:
  atomic { joinedGen[i] = 0 };
left:
  waits[i] = false;                                                      /* W5 */
#ifndef M_LEAVE_WITHOUT_RELEASE
  atomic { if :: state == ORPHANED && !waits[0] && !waits[1] -> state = FAILED :: else fi };
  release()
#endif
}

/* Whoever recovers the dead lane at last: a janitor, the successor. */
active proctype Recoverer() {
  bool ok; mtype over;
  dead;
  atomic { if :: !laneTaken -> laneTaken = true :: else fi };
  atomic { if :: owner == 0 && state == STREAMING -> state = ORPHANED; owner = 9 :: else fi };
#ifdef M_RECOVERY_FINISHES_RELEASE
  if :: state == RELEASING && releases -> releases = false; reuse() :: else fi;
#else
  if :: state == RELEASING && releases -> releases = false; state = FAILED :: else fi;                /* L3 */
#endif
  atomic { if :: state == ORPHANED && !waits[0] && !waits[1] -> state = FAILED :: else fi };
  release()
}

/* When nothing moves any more, the entry has been given back. */
active proctype Rest() { timeout -> assert(state == FREE) }
