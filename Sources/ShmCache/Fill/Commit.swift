// Making a packed object findable: write the item into the log, then its slot, by way of PENDING, so that a purge that
// races with it is never missed.
internal import CLinux

/// What an item consists of besides its body.
@unsafe
struct ItemHead {
    var hash: UInt64
    var born: UInt32
    var attributes: ItemAttributes
    var keyLength: Int
    var tagCount: Int
    var headerLength: Int
    var flags: ItemHeader.Flags
    /// Key, tags and header block, contiguous.
    var bytes: UnsafeRawPointer

    /// Bytes of these that the item holds as they are.
    var variableLength: Int {
        unsafe keyLength + tagCount * 8 + (flags.contains(.packed) ? 0 : headerLength)
    }
}

extension Packer {
    /// Stores the packed body of a fill under its key.
    mutating func commit(_ core: LaneCore, fill: Int, gen: UInt32) -> FinishOutcome {
        let map = core.map
        let length = adoptedLength ?? Int(clamping: map.fill64(fill, FillWords.bytesReady).relaxed)
        guard length == 0 || !entries.isEmpty else { return .rejected(.abandoned) }
        let single = entries.count == 1
        let rawBody = isRaw || (single && entries[0].isRaw)
        var head = unsafe ItemHead(
            hash: map.fill64(fill, FillWords.hash).relaxed, born: map.fill32(fill, FillWords.born).relaxed,
            attributes: map.fillAttributes(fill), keyLength: Int(map.fill32(fill, FillWords.keyLength).relaxed),
            tagCount: Int(map.fill32(fill, FillWords.tagCount).relaxed),
            headerLength: Int(map.fill32(fill, FillWords.headerLength).relaxed),
            flags: rawBody ? .raw : [], bytes: map.blockAddress(map.fill32(fill, FillWords.headBlock).relaxed))
        if rawBody || length == 0, extents.isEmpty, let form = unsafe pack(core, head, length) {
            unsafe head.flags = .packed
            return unsafe commit(core, fill: fill, gen: gen, head, length: length, packed: form)
        }
        if single || length == 0 { countUnpacked(core, unsafe head.attributes, unsafe head.headerLength, length) }
        let directory = rawBody || single ? 0 : entries.count * ChunkEntry.size
        let behind = directory + extents.count * ExtentReference.size(inRaw: rawBody) + inline.count
        let total = unsafe ItemHeader.size + head.variableLength + behind
        guard let place = unsafe core.reserve(item: total, head: head, extents: extents) else {
            return .rejected(total > map.segmentSize ? .tooLarge : .noSpace)
        }
        let item = unsafe ItemHeader(map.address(segment: place.segment, offset: place.offset))
        let segmentGen = map.state(place.segment).gen
        unsafe item.write(head: head, total: total, gen: segmentGen, bodyLength: length)
        item.store(extentCount: extents.count)
        item.store(bodyChecksum: bodyChecksum)
        if directory > 0 {
            for (i, entry) in entries.enumerated() { item.store(entry, item.directoryOffset + i * ChunkEntry.size) }
        }
        item.store(extents: extents, map.chunkShift)
        unsafe inline.copy(to: item.address + item.bodyOffset(map.chunkShift))
        item.store(sequence: map.global64(GlobalWords.commitSequence).add(1))
        item.seal(map.chunkShift)
        let stored = total + extents.reduce(0) { $0 + Int($1.storedLength) }
        core.word64(LaneWords.admitted).bumpOwn(UInt64(stored))
        core.word64(LaneWords.written).bumpOwn(UInt64(stored - total))
        map.note(stored: item.sequence, by: fill, gen: gen)
        return core.during(.commit) { core.commit(item, at: place, extents: extents, adopted: adopted) }
    }

    /// Header block and body as one block, if their kind has a dictionary. The body lies raw in the inline buffer.
    private func pack(_ core: LaneCore, _ head: ItemHead, _ length: Int) -> PackedForm? {
        guard inline.count == length else { return nil }
        return unsafe core.pack(
            kind: head.attributes.kind, header: head.bytes + head.keyLength + head.tagCount * 8, head.headerLength,
            body: inline.bytes, length)
    }

    private func countUnpacked(_ core: LaneCore, _ attributes: ItemAttributes, _ headerLength: Int, _ length: Int) {
        guard attributes.kind != 0, Packing.isSmall(headerLength: headerLength, bodyLength: length) else { return }
        core.countUnpacked()
    }

    /// Stores an object in its packed form.
    private func commit(
        _ core: LaneCore, fill: Int, gen: UInt32, _ head: ItemHead, length: Int, packed: PackedForm
    ) -> FinishOutcome {
        let map = core.map
        let total = unsafe ItemHeader.size + head.variableLength + packed.length
        guard let place = unsafe core.reserve(item: total, head: head, extents: []) else { return .rejected(.noSpace) }
        let item = unsafe ItemHeader(map.address(segment: place.segment, offset: place.offset))
        unsafe item.write(head: head, total: total, gen: map.state(place.segment).gen, bodyLength: length)
        item.store(
            packedHeader: unsafe head.headerLength, body: length, dictionary: packed.dictionary, stamp: packed.stamp)
        unsafe (item.address + item.headerOffset).copyMemory(from: packed.bytes, byteCount: packed.length)
        item.store(bodyChecksum: unsafe checksum32(packed.bytes, packed.length))
        item.store(sequence: map.global64(GlobalWords.commitSequence).add(1))
        item.seal(map.chunkShift)
        core.word64(LaneWords.admitted).bumpOwn(UInt64(total))
        map.note(stored: item.sequence, by: fill, gen: gen)
        return core.during(.commit) { core.commit(item, at: place, extents: [], adopted: adopted) }
    }
}

extension Packer {
    /// The checksum of a body without a directory.
    private var bodyChecksum: UInt32 {
        guard let first = entries.first else { return 0 }
        return entries.dropFirst().reduce(first.checksum) { ChunkEntry.fold($0, $1.checksum) }
    }
}

extension ItemHeader {
    /// Writes the fixed header and the bytes behind it; body fields are the caller's.
    func write(head: ItemHead, total: Int, gen: UInt32, bodyLength: Int) {
        unsafe address.initializeMemory(as: UInt8.self, repeating: 0, count: ItemHeader.size)
        unsafe store(head.hash, 0)
        store(gen, 8)
        unsafe store(head.born, 12)
        store(UInt32(total), 16)
        unsafe store(UInt16(head.keyLength), 20)
        unsafe store(UInt8(head.tagCount), 22)
        unsafe store(flags: head.flags)
        unsafe store(headerLength: head.headerLength, bodyLength: bodyLength)
        let attributes = unsafe head.attributes
        store(attributes.storedSeconds, 32)
        store(attributes.expiresSeconds, 36)
        store(attributes.site, 48)
        store(attributes.fetchCostMilliseconds, 50)
        store(attributes.contentClass, 52)
        store(attributes.callerFlags, 54)
        unsafe (address + ItemHeader.size).copyMemory(from: head.bytes, byteCount: head.variableLength)
    }
}

extension LaneCore {
    /// Finds room for an item in the log of its class; a key evicted lately goes straight to the main queue.
    func reserve(item total: Int, head: ItemHead, extents: [ExtentReference]) -> LogPlace? {
        let sizeClass = SizeClass.of(itemLength: total, extents: extents.count, segmentSize: map.segmentSize)
        let wasEvicted = unsafe map.takeGhost(head.hash)
        if wasEvicted {
            countGhostHit(sizeClass: sizeClass, size: total + extents.reduce(0) { $0 + Int($1.storedLength) })
        }
        return reserve(length: total, sizeClass: sizeClass, main: wasEvicted)
    }

    /// Publishes a written item. Whole segments change hands before the slot goes live.
    /// Those of an adopted body already are the older item's of the same key.
    func commit(
        _ item: ItemHeader, at place: LogPlace, extents: [ExtentReference], adopted: ItemHeader? = nil
    ) -> FinishOutcome {
        let ownExtents = adopted == nil ? extents : []
        // A dead predecessor may have died behind its commit: the whole segments are that object's already.
        if !ownExtents.isEmpty, !Faults.skips(.predecessor),
            let old = findWhole(hash: item.hash, key: unsafe item.key), map.haveSameExtents(old.item, item)
        {
            return .committed
        }
        guard take(ownExtents, for: item) else { return .rejected(.purged) }
        publish(place, expires: item.expiresSeconds, extents: extents.count)
        let isLive = makeLive(item, at: place, adopted: adopted)
        for extent in ownExtents { release(extent, to: isLive ? .whole : .filling) }
        if !isLive {
            map.subtractLive(place.segment, length: place.length, extents: extents.count)
            return .rejected(.purged)
        }
        word64(LaneWords.committed).bumpOwn(1)
        return .committed
    }

    /// Makes a fill's segments an object's, under this lane's name until it can be found. False when one has gone: a
    /// dead predecessor's object had them, and was purged or evicted.
    private func take(_ extents: [ExtentReference], for item: ItemHeader) -> Bool {
        for (i, extent) in extents.enumerated() {
            let segment = Int(extent.segment)
            let state = map.state(segment)
            map.own(segment, by: item)
            let isTaken =
                state.phase == .filling && state.gen == extent.gen
                && map.segment64(segment, SegmentWords.state).swap(
                    state.word, to: state.with(.whole, owner: lane).word)
            if !isTaken {
                for taken in extents[..<i] { release(taken, to: .filling) }
                return false
            }
        }
        return true
    }

    /// Ends that, unless somebody has removed the object already and with it the segment.
    private func release(_ extent: ExtentReference, to phase: SegmentPhase) {
        let state = map.state(Int(extent.segment))
        guard state.phase == .whole, state.gen == extent.gen, state.owner == lane else { return }
        _ = map.segment64(Int(extent.segment), SegmentWords.state).swap(state.word, to: state.with(phase).word)
    }

    /// Turns the key's slot to the item, unless a purge covers it.
    private func makeLive(_ item: ItemHeader, at place: LogPlace, adopted: ItemHeader?) -> Bool {
        let key = unsafe item.key
        let pending = Slot(
            kind: .pending, tag: Slot.tag(item.hash), frequency: 0, gen: item.gen, segment: place.segment,
            unit: place.offset >> map.unitShift)
        while true {
            let old = findWhole(hash: item.hash, key: key, pendingToo: true)
            // A purge came between the two, so that a later fill could begin: what that one stored stays.
            if let old, old.item.born.isAfter(item.born) { return false }
            if let adopted, adopted.extentCount > 0 {
                // Whoever drops an object retires its whole segments: they are only ours while the object is there.
                guard let old, old.word.kind == .live, map.haveSameExtents(old.item, adopted) else { return false }
            }
            guard let target = old.map({ ($0.slot, $0.word) }) ?? map.roomForSlot(hash: item.hash, lane: lane) else {
                return false
            }
            word64(LaneWords.pendingValue).relax(pending.word)
            word64(LaneWords.pendingSlot).release(UInt64(target.0 + 1))
            guard map.slot(target.0).swap(target.1.word, to: pending.word) else { continue }
            // PENDING is visible, now look at the purge words: whoever purges does it the other way round.
            exchangeFence()
            let isLatest = old != nil || removeOlder(than: item, key: key, besides: target.0)
            let isPurged =
                !isLatest || map.isPurgedForCommit(item) || (adopted.map { map.isPurgedForCommit($0) } ?? false)
            let live = map.slot(target.0).swap(pending.word, to: isPurged ? 0 : pending.with(kind: .live).word)
            word64(LaneWords.pendingSlot).release(0)
            if old == nil, target.1.kind == .live {
                word64(LaneWords.evicted).bumpOwn(1)
                map.countDisplaced()
            }
            forget(target.1, keepingExtents: adopted != nil && live && !isPurged && old != nil)
            return live && !isPurged
        }
    }

    /// Two fills of a key that a soft purge lies between can come to their ends at once, each in a slot of its own.
    /// Both look for the other when their own can be seen, so one of them at least sees both: the older goes. False
    /// when that is this one.
    private func removeOlder(than item: ItemHeader, key: RawSpan, besides own: Int) -> Bool {
        while let other = findWhole(hash: item.hash, key: key, pendingToo: true, besides: own) {
            if other.item.born.isAfter(item.born) { return false }
            if map.slot(other.slot).swap(other.word.word, to: 0) { forget(other.word) }
        }
        return true
    }

    /// Accounts for the item that a slot named until now. The caller holds an epoch.
    func forget(_ slot: Slot, keepingExtents: Bool = false) {
        guard slot.kind == .live, slot.segment < map.usableSegments else { return }
        let offset = slot.unit << map.unitShift
        let item = unsafe ItemHeader(map.address(segment: slot.segment, offset: offset))
        guard item.gen & 255 == slot.gen, item.isPlausible(room: map.segmentSize - offset, chunkShift: map.chunkShift)
        else {
            return
        }
        map.subtractLive(slot.segment, length: item.itemLength, extents: item.extentCount)
        map.forgetRawCopy(item)
        if !keepingExtents { releaseExtents(of: item) }
    }

    /// Leaves a note under a fill's key that its answers may not be shared.
    func storePassMarker(_ fill: Int, seconds: Int) {
        let attributes = ItemAttributes(
            storedSeconds: now.seconds, expiresSeconds: now.seconds &+ UInt32(clamping: seconds))
        let head = unsafe ItemHead(
            hash: map.fill64(fill, FillWords.hash).relaxed, born: map.fill32(fill, FillWords.born).relaxed,
            attributes: attributes, keyLength: Int(map.fill32(fill, FillWords.keyLength).relaxed), tagCount: 0,
            headerLength: 0, flags: [.raw, .passMarker],
            bytes: map.blockAddress(map.fill32(fill, FillWords.headBlock).relaxed))
        let total = unsafe ItemHeader.size + head.keyLength
        guard let place = reserve(length: total, sizeClass: 0, main: false) else { return }
        let item = unsafe ItemHeader(map.address(segment: place.segment, offset: place.offset))
        unsafe item.write(head: head, total: total, gen: map.state(place.segment).gen, bodyLength: 0)
        item.store(sequence: map.global64(GlobalWords.commitSequence).add(1))
        item.seal(map.chunkShift)
        _ = during(.commit) { commit(item, at: place, extents: []) }
    }
}

extension RegionMap {
    /// Whether a purge forbids to make an item findable. A confirmed body must pass by its own age too: it may have
    /// been read while a purge of its address had raised the word and not yet removed the slot.
    func isPurgedForCommit(_ item: ItemHeader) -> Bool {
        purgeState(item) == .gone || addressWord(item.hash).sequential.isAfter(item.born)
    }

    /// Whether two items name the same whole segments.
    func haveSameExtents(_ a: ItemHeader, _ b: ItemHeader) -> Bool {
        guard a.extentCount == b.extentCount else { return false }
        for i in 0..<a.extentCount {
            let (one, other) = (a.extent(i, self), b.extent(i, self))
            guard one.segment == other.segment, one.isOf(gen: other.gen) else { return false }
        }
        return true
    }
}
