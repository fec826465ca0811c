/* Reclaiming a segment under readers: epochs, pins, slots and the order of their stores.
 *
 * Shared memory is modelled with a store buffer per reader for the words whose order matters (its epoch and its pins): a plain
 * store may become visible late, a fence or a release waits for the earlier ones. Everything else is one atomic step, as on
 * the machine.
 *
 * Step -> code line (file:function)
 *   R0 R1  Lane/Lane.swift:Epoch.enter              epoch.release(globalEpoch.acquired)
 *   RF     Lane/Lane.swift:Epoch.enter              fullFence()
 *   R2     Index/Index.swift:find(hash:key:)        slot(index).acquired
 *   RU     Item/ItemView.swift:bytes                the reader uses the bytes
 *   R3     Lane/Pin.swift:pinSegment                setPin
 *   R4     Lane/Lane.swift:Epoch.leave              epoch.release(0)
 *   R5     Lane/Pin.swift:unpinSegment              setPin
 *   E1     Log/Eviction.swift:evict                 state.swap(sealed, evicting)
 *   E2     Log/Eviction.swift:drop / copy           slot.swap in a loop
 *   E3a    Log/SegmentSupply.swift:retire           gen + 1
 *   E3b    Log/SegmentSupply.swift:retire           fullFence()
 *   E3c    Log/SegmentSupply.swift:retire           epoch.add(1), limboEpoch
 *   E4a    Log/SegmentSupply.swift:freeIfUnread     every lane's epoch is 0 or new
 *   E4b    Log/SegmentSupply.swift:freeIfUnread     no pin
 *   E5     Log/SegmentSupply.swift:freeIfUnread     state.swap(limbo, free), later reused
 *   C1     Index/Index.swift:item                   the slot's gen against the item's
 *
 * Mutants (-DM_...) that must fail are listed in `mutants`.
 */
#define READERS 2
#define ROUNDS 2

byte globalEpoch = 1;
byte epoch[READERS];          /* what others see */
byte pins[READERS];
byte slotGen = 1;             /* gen that the slot names; 0: empty */
byte segGen = 1;              /* gen of the segment's items */
byte content = 1;             /* whose bytes lie in the segment: the gen they were written for */

/* One pending store of a reader's epoch that is not visible yet. */
bool pendingEpoch[READERS];
byte pendingValue[READERS];

inline flush(i) { if :: pendingEpoch[i] -> epoch[i] = pendingValue[i]; pendingEpoch[i] = false :: else fi }

/* Stores drain from the buffer at any time. */
active [READERS] proctype Drain() {
  byte i = _pid;
  end: do :: atomic { pendingEpoch[i] -> epoch[i] = pendingValue[i]; pendingEpoch[i] = false } od
}

active [READERS] proctype Reader() {
  byte i = _pid - READERS;
  byte seen; byte round; byte g; bool pinned;
  for (round : 1 .. ROUNDS) {
#ifdef M_NO_EPOCH
    skip;                                                /* the reader announces nothing */
#else
    g = globalEpoch;                                     /* R0 */
    d_step { flush(i); pendingEpoch[i] = true; pendingValue[i] = g }   /* R1 */
#ifndef M_NO_READER_FENCE
    atomic { flush(i) }                                  /* RF */
#endif
#endif
    seen = slotGen;                                      /* R2 */
    if
    :: seen != 0 ->
       d_step { if :: segGen == seen -> skip :: else -> seen = 0 fi }  /* C1: checked against the item */
       if
       :: seen != 0 ->
          assert(content == seen);                       /* RU: bytes within the turn */
          if
          :: pinned = true;
#ifdef M_PIN_AFTER_LEAVE
             d_step { flush(i); epoch[i] = 0 };          /* wrong order: the epoch is dropped first */
             pins[i] = 1
#else
             pins[i] = 1                                 /* R3 */
#endif
          :: pinned = false; assert(content == seen)     /* RU again, later in the turn */
          fi;
          d_step { flush(i); epoch[i] = 0 };             /* R4: a release, after the pin */
          if
          :: pinned -> assert(content == seen); assert(content == seen); pins[i] = 0  /* R5, turns later */
          :: else
          fi
       :: else -> d_step { flush(i); epoch[i] = 0 }
       fi
    :: else -> d_step { flush(i); epoch[i] = 0 }
    fi
  }
}

#ifdef M_NO_EPOCH_WAIT
#define WAIT_EPOCHS skip
#else
#define WAIT_EPOCHS k = 0; do :: k < READERS -> (epoch[k] == 0 || epoch[k] >= limbo); k++ :: else -> break od
#endif
#ifdef M_NO_PIN_SCAN
#define SCAN_PINS skip
#else
#define SCAN_PINS k = 0; do :: k < READERS -> (pins[k] == 0); k++ :: else -> break od
#endif

active proctype Evictor() {
  byte round; byte limbo; byte k;
  for (round : 1 .. ROUNDS) {
    /* E1: the segment is this process's now. */
#ifdef M_GEN_AFTER_EPOCH
    limbo = globalEpoch + 1; globalEpoch = limbo;        /* wrong order: the epoch before slot and gen */
    slotGen = 0;
    segGen++;
#else
    slotGen = 0;                                         /* E2 */
    segGen++;                                            /* E3a */
#ifdef M_LIMBO_OLD_EPOCH
    limbo = globalEpoch; globalEpoch++;                  /* E3c: one too low */
#else
    atomic { limbo = globalEpoch + 1; globalEpoch = limbo }            /* E3c */
#endif
#endif
#ifdef M_PINS_BEFORE_EPOCHS
    SCAN_PINS; WAIT_EPOCHS;
#else
    WAIT_EPOCHS;                                         /* E4a */
    SCAN_PINS;                                           /* E4b */
#endif
    content = segGen;                                    /* E5 and reuse: other bytes */
    slotGen = segGen                                     /* the new item is committed */
  }
}
