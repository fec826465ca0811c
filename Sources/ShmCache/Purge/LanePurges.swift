// Purging: each returns when every later lookup, join and commit, in every process, is bound by it.
internal import CLinux

extension Lane {
    /// Whether a key has been purged for good since the purge clock stood there, or, seldom, another key that shares
    /// its word.
    public borrowing func isPurged(hash: UInt64, since born: UInt32) -> Bool {
        core.map.addressWord(hash).sequential.isAfter(born)
    }

    /// Removes one object. Inside a turn. Returns whether it was stored. Soft: it becomes stale instead, and with it
    /// every object that carries the key's hash as a tag.
    @discardableResult
    public borrowing func purge(hash: UInt64, key: RawSpan, soft: Bool = false) -> Bool {
        let core = core
        if soft {
            purge(tag: hash, soft: true)
            return core.map.find(hash: hash, key: key) != nil
        }
        return core.during(.purge) {
            // First the word that commits and joins read, then the slots: a commit does it the other way round.
            core.map.addressWord(hash).raise(toPurge: core.nextPurge())
            exchangeFence()
            var removed = false
            while let found = core.map.find(hash: hash, key: key, pendingToo: true) {
                guard core.map.slot(found.slot).swap(found.word.word, to: 0) else { continue }
                core.forget(found.word)
                removed = true
            }
            core.map.persist(core.map.addressWord(hash))
            return removed
        }
    }

    /// Purges all objects that carry a tag (or a host, which is a tag). Soft: they become stale instead.
    public borrowing func purge(tag: UInt64, soft: Bool = false) {
        let core = core
        core.during(.purge) {
            let map = core.map
            let clock = core.nextPurge()
            (soft ? map.softTag(tag) : map.hardTag(tag)).raise(toPurge: clock)
            map.global32(soft ? GlobalWords.newestTagSoft : GlobalWords.newestTagHard).raise(toPurge: clock)
            map.persist(soft ? map.softTag(tag) : map.hardTag(tag))
        }
    }

    /// Purges all objects whose key begins with `head` and has `prefix` at byte `offset` (both below 64 KiB). Soft:
    /// they become stale instead. The oldest of 256 such purges becomes a purge of everything before it (as soft as it
    /// was) when another is added: true says that this happened, or that another process was at that very place and
    /// everything of before is purged.
    @discardableResult
    public borrowing func purge(
        keyHead head: RawSpan, prefix: RawSpan, at offset: Int, soft: Bool = false
    ) -> Bool {
        // A raw span cannot be captured by a closure.
        let phase = core.map.lane32(core.lane, LaneWords.phase)
        let before = phase.relaxed
        phase.release(LanePhase.purge.rawValue)
        defer { phase.release(before) }
        let map = core.map
        func everything(soft: Bool) -> SharedWord32 {
            map.global32(soft ? GlobalWords.everythingSoft : GlobalWords.everythingHard)
        }
        let index = Int(map.global32(GlobalWords.bansWritten).add(1))
        let ban = Ban(map: map, index: index % Ban.count)
        guard ban.take(lane: core.lane) else {
            // Lapped by 256 others: theirs must stay.
            everything(soft: soft).raise(toPurge: core.nextPurge())
            map.persist(everything(soft: soft))
            return true
        }
        let old = ban.clock.sequential
        // In the first lap too, if 256 others have come between the number and the place.
        let isOverwritten = index >= Ban.count || old != 0
        if isOverwritten {
            // Before a word of it is overwritten; who reads the ring looks at these two words before and after.
            map.global32(GlobalWords.newestBan).raise(toPurge: old)
            everything(soft: ban.isSoft).raise(toPurge: old)
            // On disk too: a power cut may keep the page of the ring and lose that of these words.
            map.persist(everything(soft: ban.isSoft))
        }
        let clock = core.nextPurge()
        ban.write(clock: clock, head: head, prefix: prefix, at: offset, soft: soft)
        map.global32(GlobalWords.newestBan).raise(toPurge: clock)
        map.persist(ban.clock)
        return isOverwritten
    }

    /// Purges everything.
    public borrowing func purgeEverything(soft: Bool = false) {
        let core = core
        core.during(.purge) {
            let word = core.map.global32(soft ? GlobalWords.everythingSoft : GlobalWords.everythingHard)
            word.raise(toPurge: core.nextPurge())
            core.map.persist(core.map.global32(GlobalWords.everythingHard))
        }
    }
}

extension RegionMap {
    /// Writes a purge word and the purge clock to disk, if the region lies on one: after a power cut no purged object
    /// may come back. May block, so workers with a disk file leave purging to the supervisor.
    func persist(_ word: SharedWord32) {
        guard global32(GlobalWords.durable).relaxed == 1 else { return }
        let page = RegionLayout.pageSize
        let offset = unsafe (word.address - base) & ~(page - 1)
        if offset != globals { _ = unsafe cl_sync_mapping(base + offset, page) }
        _ = unsafe cl_sync_mapping(base + globals, page)
    }
}
