// A reader's side of a fill, in any process. Reading never blocks and never changes the fill.

/// A reader of a running fill. Its bytes stay in place until it is dropped, also after the commit.
public struct FillTicket: ~Copyable {
    let core: LaneCore
    let fill: Int
    let gen: UInt32

    /// Takes over one count of interest that the caller has joined.
    init(joined core: LaneCore, fill: Int, gen: UInt32) {
        self.core = core
        self.fill = fill
        self.gen = gen
    }

    deinit { core.leave(fill) }

    private var map: RegionMap { core.map }

    /// How far the fill is.
    public var phase: FillPhase {
        let state = map.fillState(fill)
        let flags = map.fill32(fill, FillWords.flags).acquired
        if flags & FillWords.isComplete != 0, flags & FillWords.hasHead != 0, state.state != .orphaned {
            return .complete
        }
        switch state.state {
        case .failed, .free, .releasing:
            let reason = UInt8(truncatingIfNeeded: map.fill32(fill, FillWords.failure).relaxed)
            return .failed(FillFailure(rawValue: reason) ?? .abandoned)
        case .orphaned: return .orphaned
        case .done: return .complete
        case .waiting, .streaming, .committing:
            if Liveness(map, lane: state.owner).isDead { return .orphaned }
            return flags & FillWords.hasHead != 0 ? .streaming : .waiting
        }
    }

    /// Stored or failed: nobody works on it any more.
    public var isOver: Bool {
        let state = map.fillState(fill)
        return state.gen != gen || state.state.isOver || state.state == .releasing
    }

    /// Which fill of the node it is.
    public var number: Int { fill }

    /// Segments that it keeps to itself, about.
    public var segmentsKept: Int { Int(map.fill64(fill, FillWords.wholes).relaxed & 0xffff_ffff) + 1 }

    /// Bytes of the body that can be read.
    public var bytesReady: Int { Int(clamping: map.fill64(fill, FillWords.bytesReady).acquired) }

    /// The body's length as far as it is known.
    public var bodyLength: Int? {
        if map.fill32(fill, FillWords.flags).acquired & FillWords.isComplete != 0 { return bytesReady }
        let expected = map.fill64(fill, FillWords.expectedLength).relaxed
        return expected == UInt64.max ? nil : Int(clamping: expected)
    }

    /// Attributes given with the head. Meaningful from `.streaming` on.
    public var attributes: ItemAttributes { map.fillAttributes(fill) }

    /// The purge clock when the fill began.
    public var born: UInt32 { map.fill32(fill, FillWords.born).relaxed }

    /// A purge issued since the fill began covers it: do not start serving from it.
    public var isPurged: Bool { purgeState == .gone }

    /// A soft purge does: what comes will be stale. Rather start anew, once.
    public var isSoftlyPurged: Bool { purgeState == .stale }

    private var purgeState: PurgeState {
        let length = Int(map.fill32(fill, FillWords.keyLength).relaxed)
        let block = map.fill32(fill, FillWords.headBlock).acquired
        guard let head = unsafe map.headAddress(block, bytes: length) else { return .gone }
        return unsafe map.purgeState(fill: fill, key: RawSpan(_unsafeStart: head, byteCount: length))
    }

    /// The header block. Empty before `.streaming`.
    public var header: RawSpan {
        @_lifetime(borrow self)
        get {
            guard map.fill32(fill, FillWords.flags).acquired & FillWords.hasHead != 0 else { return RawSpan() }
            let (start, count) = unsafe map.fillHeader(fill)
            return unsafe _overrideLifetime(RawSpan(_unsafeStart: start, byteCount: count), borrowing: self)
        }
    }

    /// A run of body bytes that starts at `offset`; empty when none is there yet.
    @_lifetime(borrow self)
    public borrowing func read(at offset: Int) -> RawSpan {
        guard let (start, count) = unsafe map.fillRun(fill, at: offset, limit: bytesReady) else { return RawSpan() }
        return unsafe _overrideLifetime(RawSpan(_unsafeStart: start, byteCount: count), borrowing: self)
    }

    /// After the owner's death: makes the caller the owner, unless another reader was faster. The permit continues with
    /// what is there (`hasHead`, `bytesReady`): resume with a strong validator, or fail it and start anew.
    public borrowing func takeOver() -> FillPermit? {
        let core = core
        return core.during(.takeover) {
            let owner = map.fillState(fill)
            if owner.state.isRunning, owner.state != .orphaned, Liveness(map, lane: owner.owner).isDead {
                _ = LaneRecovery.recoverIfDead(map, lane: owner.owner)
            }
            let seen = map.fillState(fill)
            guard seen.gen == gen, seen.state == .orphaned, map.isWithinBounds(fill) else { return nil }
            let flags = map.fill32(fill, FillWords.flags).acquired
            let next: FillState =
                flags & FillWords.isComplete != 0 ? .committing : flags & FillWords.hasHead != 0 ? .streaming : .waiting
            guard map.fill64(fill, FillWords.state).swap(seen.word, to: seen.with(next, owner: core.lane).word) else {
                return nil
            }
            return FillPermit(core: core, fill: fill, gen: gen)
        }
    }
}

extension Lane {
    /// The object that a finished fill was stored as, while it is the one under the key: a slow reader goes on with it,
    /// under a pin or a mark, so that the fill's own space need not wait. Nil before the end of the fill, and once the
    /// object is gone, replaced or purged.
    @_lifetime(borrow self)
    public borrowing func stored(by ticket: borrowing FillTicket) -> ItemView? {
        let (map, fill) = (core.map, ticket.fill)
        guard map.fillState(fill) == FillStateWord(.done, owner: map.fillState(fill).owner, gen: ticket.gen),
            map.fill32(fill, FillWords.storedBy).relaxed == ticket.gen &+ 1
        else { return nil }
        let length = Int(map.fill32(fill, FillWords.keyLength).relaxed)
        let block = map.fill32(fill, FillWords.headBlock).acquired
        guard let head = unsafe map.headAddress(block, bytes: length) else { return nil }
        let key = unsafe RawSpan(_unsafeStart: head, byteCount: length)
        guard let found = core.findWhole(hash: map.fill64(fill, FillWords.hash).relaxed, key: key),
            found.item.sequence == map.fill64(fill, FillWords.stored).relaxed
        else { return nil }
        let purge = map.purgeState(found.item)
        guard purge != .gone else { return nil }
        let view = unsafe ItemView(
            found.item.address, mapPointer, softlyPurged: purge == .stale, popular: false, kept: .all, lane: self)
        return view.isReadable ? view : nil
    }
}

extension RegionMap {
    /// Notes what a fill is about to be stored as.
    func note(stored sequence: UInt64, by fill: Int, gen: UInt32) {
        fill64(fill, FillWords.stored).relax(sequence)
        fill32(fill, FillWords.storedBy).relax(gen &+ 1)
    }

    func fillAttributes(_ fill: Int) -> ItemAttributes {
        let low = fill64(fill, FillWords.attributes).relaxed
        let high = fill64(fill, FillWords.attributes + 8).relaxed
        return ItemAttributes(
            storedSeconds: UInt32(truncatingIfNeeded: low), expiresSeconds: UInt32(low >> 32),
            site: UInt16(truncatingIfNeeded: high), fetchCostMilliseconds: UInt16(truncatingIfNeeded: high >> 16),
            contentClass: UInt16(truncatingIfNeeded: high >> 32), callerFlags: UInt16(high >> 48))
    }

    func setFillAttributes(_ fill: Int, _ a: ItemAttributes) {
        fill64(fill, FillWords.attributes).relax(UInt64(a.storedSeconds) | UInt64(a.expiresSeconds) << 32)
        fill64(fill, FillWords.attributes + 8).relax(
            UInt64(a.site) | UInt64(a.fetchCostMilliseconds) << 16 | UInt64(a.contentClass) << 32
                | UInt64(a.callerFlags) << 48)
    }

    func fillHeader(_ fill: Int) -> (UnsafeMutableRawPointer, Int) {
        let block = fill32(fill, FillWords.headBlock).acquired
        let start = Int(fill32(fill, FillWords.keyLength).relaxed) + Int(fill32(fill, FillWords.tagCount).relaxed) * 8
        let count = Int(fill32(fill, FillWords.headerLength).relaxed)
        guard let head = unsafe headAddress(block, bytes: start + count) else { return unsafe (base, 0) }
        return unsafe (head + start, count)
    }
}
