// The owner's side of a fill. Dropping the permit without finishing abandons the fill; there is no other way out.

/// The right and duty to fetch one object for every process. All calls belong inside a turn.
public struct FillPermit: ~Copyable {
    let core: LaneCore
    let fill: Int
    let gen: UInt32
    var told = 0
    var toldAt = CacheInstant(nanoseconds: 0)
    var packer = Packer()
    var isOver = false

    init(core: LaneCore, fill: Int, gen: UInt32) {
        self.core = core
        self.fill = fill
        self.gen = gen
    }

    deinit {
        if !isOver { core.endFill(fill, gen: gen, failure: .abandoned) }
    }

    var map: RegionMap { core.map }

    /// The purge clock read before the origin request; anything purged later makes the commit fail.
    public var born: UInt32 { map.fill32(fill, FillWords.born).relaxed }
    /// Bytes of the body appended so far (by a dead predecessor too).
    public var bytesReady: Int { Int(clamping: map.fill64(fill, FillWords.bytesReady).relaxed) }
    /// Whether readers, of any process, hang on this fill (the owner's own tickets count).
    public var hasReaders: Bool { map.hasWaiters(fill) }
    /// Whether a head was set (by a dead predecessor too).
    public var hasHead: Bool { map.fill32(fill, FillWords.flags).relaxed & FillWords.hasHead != 0 }
    /// The header block that was set (by a dead predecessor too). Empty before.
    public var header: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            guard hasHead else { return RawSpan() }
            let (start, count) = unsafe map.fillHeader(fill)
            return unsafe _overrideLifetime(RawSpan(_unsafeStart: start, byteCount: count), borrowing: self)
        }
    }
    /// Whether the body is whole already (a dead predecessor had only to finish).
    public var isComplete: Bool { map.fill32(fill, FillWords.flags).relaxed & FillWords.isComplete != 0 }

    /// A run of the body's bytes that starts at `offset`; empty where none is.
    @_lifetime(borrow self)
    public borrowing func read(at offset: Int) -> RawSpan {
        guard let (start, count) = unsafe map.fillRun(fill, at: offset, limit: bytesReady) else { return RawSpan() }
        return unsafe _overrideLifetime(RawSpan(_unsafeStart: start, byteCount: count), borrowing: self)
    }

    /// A reader of this fill, for the owner's own client.
    public borrowing func ticket() -> FillTicket {
        // Cannot fail: the entry is this permit's.
        _ = core.join(fill, gen: gen)
        return FillTicket(joined: core, fill: fill, gen: gen)
    }

    /// Publishes the head to all readers. `tags` are hashes of the purge tags, at most 64; include the host's.
    /// `expectedBodyLength` lets an object that is too large be declined at once.
    public mutating func setHead(
        _ header: RawSpan, attributes: ItemAttributes, tags: Span<UInt64>, expectedBodyLength: Int?
    ) -> AppendOutcome {
        guard !isOver, !hasHead else { return .declined(.abandoned) }
        if let expectedBodyLength, expectedBodyLength > core.maximumObjectBytes { return decline(.tooLarge) }
        if let expectedBodyLength, !core.admits(fill, bytes: expectedBodyLength) { return decline(.firstSight) }
        guard tags.count <= 64 else { return decline(.pass) }
        if let expectedBodyLength { core.expect(bytes: expectedBodyLength) }
        guard core.writeHead(fill, gen: gen, header, tags) else { return decline(.noSpace) }
        map.setFillAttributes(fill, attributes)
        map.fill64(fill, FillWords.expectedLength).relax(expectedBodyLength.map { UInt64($0) } ?? UInt64.max)
        map.fill32(fill, FillWords.flags).release(FillWords.hasHead)
        map.fill64(fill, FillWords.state).publish(FillStateWord(.streaming, owner: core.lane, gen: gen).word)
        core.wakeReaders(of: fill)
        return .accepted
    }

    /// Appends body bytes, any amount. Wakes readers at most every 64 KiB or 2 ms. Who `mayWait` is asked to offer the
    /// same bytes again in a later turn when there is no room for them: what is evicted in a turn is free only after
    /// it.
    public mutating func append(_ bytes: RawSpan, mayWait: Bool = false) -> AppendOutcome {
        guard !isOver, !isComplete else { return .declined(.abandoned) }
        guard bytesReady + bytes.byteCount <= core.maximumObjectBytes else { return decline(.tooLarge) }
        if passesLimit(bytes.byteCount), !core.admits(fill, bytes: bytesReady + bytes.byteCount) {
            return decline(.firstSight)
        }
        let core = core
        let fill = fill
        let gen = gen
        guard core.during(.append, { core.appendBody(fill, gen: gen, bytes) }) else {
            return mayWait ? .full : decline(.noSpace)
        }
        let ready = bytesReady
        if ready - told >= 65536 || core.now.nanoseconds - toldAt.nanoseconds >= 2_000_000 { flush() }
        return .accepted
    }

    /// Whether a body of unknown length becomes a large one with that many more bytes.
    private func passesLimit(_ more: Int) -> Bool {
        let (limit, ready) = (LaneCore.freelyAdmittedBytes, bytesReady)
        return ready <= limit && ready + more > limit
            && map.fill64(fill, FillWords.expectedLength).relaxed == UInt64.max
    }

    /// Wakes readers that have not been told of all bytes yet. For the end of the owner's loop turn.
    public mutating func flush() {
        guard told != bytesReady else { return }
        told = bytesReady
        toldAt = core.now
        core.wakeReaders(of: fill)
    }

    /// Says that the body is whole; readers can be served to the end from here on. Then `finish` until it does not
    /// answer `.again`.
    public mutating func complete() {
        guard !isOver, !isComplete else { return }
        let flags = map.fill32(fill, FillWords.flags)
        flags.release(flags.relaxed | FillWords.isComplete)
        map.fill64(fill, FillWords.state).publish(FillStateWord(.committing, owner: core.lane, gen: gen).word)
        core.wakeReaders(of: fill)
    }

    /// One step of compressing, packing and committing, about `budgetBytes` of body long. Implies `complete()`. A fill
    /// without a head is rejected.
    public mutating func finish(budgetBytes: Int) -> FinishOutcome {
        guard !isOver else { return .rejected(.abandoned) }
        guard hasHead else { return reject(.abandoned) }
        complete()
        let outcome: FinishOutcome = finishStep(budgetBytes)
        switch outcome {
        case .again: return .again
        case .committed:
            isOver = true
            core.endFill(fill, gen: gen, failure: nil)
            return .committed
        case .rejected(let reason): return reject(reason)
        }
    }

    /// Instead of a head and a body: stores a new head in front of the body of an existing object of the same key,
    /// after the origin has confirmed it (304). Readers of this fill are told to look it up again.
    public mutating func freshen(
        _ old: borrowing ItemView, header: RawSpan, attributes: ItemAttributes, tags: Span<UInt64>
    ) -> FinishOutcome {
        guard !isOver, !hasHead else { return .rejected(.abandoned) }
        guard old.record.hash == map.fill64(fill, FillWords.hash).relaxed, tags.count <= 64,
            core.writeHead(fill, gen: gen, header, tags)
        else { return reject(.noSpace) }
        map.setFillAttributes(fill, attributes)
        guard packer.adopt(old, map) else { return reject(.noSpace) }
        let outcome = packer.commit(core, fill: fill, gen: gen)
        guard outcome == .committed else { return reject(.purged) }
        isOver = true
        core.endFill(fill, gen: gen, failure: .freshened)
        return .committed
    }

    private mutating func finishStep(_ budgetBytes: Int) -> FinishOutcome {
        let word = map.lane32(core.lane, LaneWords.phase)
        word.release(LanePhase.finish.rawValue)
        defer { word.release(LanePhase.idle.rawValue) }
        guard packer.pack(core, fill: fill, gen: gen, budgetBytes: budgetBytes) else { return .again }
        word.release(LanePhase.commit.rawValue)
        return packer.commit(core, fill: fill, gen: gen)
    }

    /// Ends the fill. With `.pass` and `markerSeconds` above 0 a short note remains under the key
    /// (`ItemView.isPassMarker`).
    public consuming func fail(_ reason: FillFailure, markerSeconds: Int = 0) {
        guard !isOver else { return }
        isOver = true
        if reason == .pass, markerSeconds > 0 { core.storePassMarker(fill, seconds: markerSeconds) }
        core.endFill(fill, gen: gen, failure: reason)
    }

    mutating func decline(_ reason: FillFailure) -> AppendOutcome {
        isOver = true
        core.endFill(fill, gen: gen, failure: reason)
        return .declined(reason)
    }

    mutating func reject(_ reason: FillFailure) -> FinishOutcome {
        isOver = true
        core.endFill(fill, gen: gen, failure: reason)
        return .rejected(reason)
    }
}

extension LaneCore {
    /// Objects with a longer body are not stored.
    var maximumObjectBytes: Int { (map.usableSegments << map.segmentShift) / 4 }

    /// Ends a fill of this lane, tells its readers, and gives the entry back if it has none.
    func endFill(_ fill: Int, gen: UInt32, failure: FillFailure?) {
        if let failure { map.fill32(fill, FillWords.failure).relax(UInt32(failure.rawValue)) }
        let over = FillStateWord(failure == nil ? .done : .failed, owner: lane, gen: gen)
        map.fill64(fill, FillWords.state).publish(over.word)
        wakeReaders(of: fill)
        _ = releaseFill(fill, gen: gen)
    }

    /// Writes tags and header behind the key, in a longer run of blocks if need be.
    func writeHead(_ fill: Int, gen: UInt32, _ header: RawSpan, _ tags: borrowing Span<UInt64>) -> Bool {
        let keyLength = Int(map.fill32(fill, FillWords.keyLength).relaxed)
        let total = keyLength + tags.count * 8 + header.byteCount
        guard total <= map.segmentSize / 4 else { return false }
        var place = map.fill32(fill, FillWords.headBlock).relaxed
        let blocks = (total + map.blockSize - 1) >> map.blockShift
        if blocks > 1 {
            guard let run = takeBlocks(blocks, tag: map.fillTag(fill, gen: gen)) else { return false }
            unsafe map.blockAddress(run).copyMemory(from: map.blockAddress(place), byteCount: keyLength)
            place = run
        }
        let start = unsafe map.blockAddress(place)
        for i in 0..<tags.count {
            unsafe start.storeBytes(of: tags[i], toByteOffset: keyLength + i * 8, as: UInt64.self)
        }
        unsafe header.withUnsafeBytes {
            if let bytes = $0.baseAddress {
                unsafe (start + keyLength + tags.count * 8).copyMemory(from: bytes, byteCount: $0.count)
            }
        }
        map.fill32(fill, FillWords.tagCount).relax(UInt32(tags.count))
        map.fill32(fill, FillWords.headerLength).relax(UInt32(header.byteCount))
        map.fill32(fill, FillWords.headBlocks).relax(UInt32(max(1, blocks)))
        map.fill32(fill, FillWords.headBlock).release(place)
        return true
    }

    /// Copies body bytes into blocks, then into whole segments. They can be read when all are there: false, and none of
    /// them, when no space could be had.
    func appendBody(_ fill: Int, gen: UInt32, _ bytes: RawSpan) -> Bool {
        let ready = map.fill64(fill, FillWords.bytesReady)
        var written = Int(clamping: ready.relaxed)
        var done = 0
        while done < bytes.byteCount {
            guard let (target, room) = unsafe writable(fill, gen: gen, at: written) else { return false }
            let count = min(room, bytes.byteCount - done)
            unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0.baseAddress! + done, byteCount: count) }
            done += count
            written += count
        }
        ready.release(UInt64(written))
        return true
    }

    /// Where the byte at `offset` goes, and how many fit there.
    private func writable(_ fill: Int, gen: UInt32, at offset: Int) -> (UnsafeMutableRawPointer, Int)? {
        let tag = map.fillTag(fill, gen: gen)
        if offset < map.blockBytes {
            let index = offset >> map.blockShift
            let count = map.fill32(fill, FillWords.blockCount)
            if index >= Int(count.relaxed) {
                let previous = index > 0 ? map.fill32(fill, FillWords.blocks + (index - 1) * 4).relaxed : nil
                guard let place = takeBlocks(1, tag: tag, after: previous) else { return nil }
                map.fill32(fill, FillWords.blocks + index * 4).release(place)
                count.release(UInt32(index + 1))
            }
            let inner = offset & (map.blockSize - 1)
            let place = map.fill32(fill, FillWords.blocks + index * 4).relaxed
            return unsafe (map.blockAddress(place) + inner, map.blockSize - inner)
        }
        let index = (offset - map.blockBytes) >> map.segmentShift
        let wholes = map.fill64(fill, FillWords.wholes)
        if index >= Int(wholes.relaxed & 0xffff_ffff) {
            guard let segment = takeWhole(tag: tag) else { return nil }
            if index == 0 {
                map.fill32(fill, FillWords.firstWhole).release(UInt32(segment))
            } else {
                map.segment32(Int(wholes.relaxed >> 32), SegmentWords.next).release(UInt32(segment))
            }
            wholes.release(UInt64(index + 1) | UInt64(segment) << 32)
        }
        let inner = (offset - map.blockBytes) & (map.segmentSize - 1)
        let segment = wholes.relaxed >> 32
        return unsafe (map.address(segment: Int(segment), offset: inner), map.segmentSize - inner)
    }
}
