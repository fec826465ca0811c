// The outcomes around fills, one documented case each. No logic here.

/// What a miss may do.
public enum FillStart: ~Copyable {
    /// The caller fetches the object, for everybody.
    case own(FillPermit)
    /// Somebody is fetching it: stream from there.
    case join(FillTicket)
    /// It was stored in the meantime: look it up again.
    case appeared
    /// Somebody is just starting or ending a fill of it: ask again in the next turn.
    case retryNextTurn
    /// No room to keep track of one more fill: serve uncached.
    case unavailable
}

/// How far a fill is, as a reader sees it.
public enum FillPhase: Equatable, Sendable {
    /// No head yet: send nothing.
    case waiting
    /// The head is there, the body is coming.
    case streaming
    /// The whole body is there. `bytesReady` is its length.
    case complete
    /// Ended without a whole object.
    case failed(FillFailure)
    /// Its owner died: `FillTicket.takeOver` may make the caller the owner.
    case orphaned
}

/// Why a fill did not become an object.
public enum FillFailure: UInt8, Sendable {
    /// The answer may not be shared: go to the origin.
    case pass = 1
    /// The origin failed or its answer was cut.
    case originFailed
    /// The object is larger than the cache admits.
    case tooLarge
    /// No space could be freed in time.
    case noSpace
    /// A purge covers the answer.
    case purged
    /// The owner dropped its permit.
    case abandoned
    /// The owner died and what it had cannot be continued.
    case ownerLost
    /// No failure: the stored object was confirmed instead (`FillPermit.freshen`). Look it up again.
    case freshened
    /// A large object that was seen for the first time, and the cache is full: the next fetch of it is stored.
    case firstSight
    /// The origin did not answer in time, or not at all where only its answer will do.
    case originTimedOut
    /// The origin has as many requests as it may have.
    case originBusy
}

/// What became of appended bytes.
public enum AppendOutcome: Equatable, Sendable {
    /// Taken.
    case accepted
    /// Not taken, none of them: there is no room now. Only for who may wait.
    case full
    /// Not taken: the fill has ended for that reason, for all readers. The caller may go on as a mere relay.
    case declined(FillFailure)
}

/// What a step of finishing did.
public enum FinishOutcome: Equatable, Sendable {
    /// More to do: call again, in a later turn if this one is long already.
    case again
    /// The object is stored and can be found.
    case committed
    /// It is not stored. Readers still got it whole.
    case rejected(FillFailure)
}
