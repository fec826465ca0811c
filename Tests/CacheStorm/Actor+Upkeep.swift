// The storm's janitor: it evicts, compacts and compresses anew, makes dictionaries and takes them out of use, and keeps
// a second form of what is popular under a key of its own, as the node's janitor does.
import Dice
import ShmCache

extension Actor {
    /// One round of a janitor's work.
    mutating func keepUp(_ world: borrowing World, _ wanted: LanePhase) {
        let outcome = lane.keepUp(now: world.region.now(), maximumSegments: 4)
        counters.add(Count.upkeepEvictions.rawValue, UInt64(outcome.evictedSegments))
        counters.add(Count.recompressions.rawValue, outcome.recompressedObjects)
        if wanted == .dictionary || dice.next() % 64 == 0 { workOnDictionaries(world, wanted) }
        if !outcome.wantsMore || dice.next() % 4 == 0 { makeForms(world) }
        // A janitor rests; this one until there is something new.
        if !outcome.wantsMore, wanted == .idle { world.waitForOthers(turns: 10, but: index) }
    }

    /// As if the time that a dictionary must have been unused for were over: it then ends in a miss where it was not.
    private mutating func workOnDictionaries(_ world: borrowing World, _ wanted: LanePhase) {
        ahead += 1300
        let later = CacheInstant(nanoseconds: world.region.now().nanoseconds + ahead * 1_000_000_000)
        while lane.countDictionaries(now: later) {}
        guard lane.wantsTraining(now: later).wanted, wanted == .dictionary || dice.next() % 16 == 0 else { return }
        counters.add(Count.dictionaries.rawValue, UInt64(lane.trainDictionaries(now: later).published))
    }

    /// Makes a form of some popular objects: read in one turn, stored in another.
    private mutating func makeForms(_ world: borrowing World) {
        var found: [PopularObject] = []
        let first = Int(dice.next() % 8)
        var seen = 0
        _ = lane.findPopular(&walk, callerFlags: Content.formedFlag, now: world.region.now()) {
            seen += 1
            if seen > first, found.count < 4 { found.append($0) }
        }
        for object in found {
            lane.beginTurn(now: world.region.now())
            let content = Actor.read(object, lane)
            lane.endTurn()
            guard let content else { continue }
            lane.beginTurn(now: world.region.now())
            if Actor.store(content, object.stamp, lane, world) { count(.forms) }
            lane.endTurn()
            lane.maintain(now: world.region.now())
        }
    }

    private static func read(_ object: PopularObject, _ lane: borrowing Lane) -> Content? {
        guard let seen = lane.view(of: object.mark), let view = lane.lookup(hash: object.hash, key: seen.key),
            view.stamp == object.stamp
        else { return nil }
        return Content(header: view.header)
    }

    private static func store(
        _ content: Content, _ stamp: UInt64, _ lane: borrowing Lane, _ world: borrowing World
    ) -> Bool {
        let key = Content.formKeyBytes(content.key)
        let hash = unsafe world.region.hash(key: key.span.bytes)
        let (header, tags) = (content.formHeader(stamp: stamp), [UInt64(content.key % Purgeable.tags)])
        guard case .own(var permit) = unsafe lane.startFill(hash: hash, key: key.span.bytes, refreshing: true),
            unsafe permit.setHead(
                header.span.bytes, attributes: ItemAttributes(storedSeconds: 1), tags: tags.span,
                expectedBodyLength: content.length) == .accepted,
            permit.append(content.run(0..<content.length, world.library)) == .accepted
        else { return false }
        return permit.finish(budgetBytes: .max) == .committed
    }

    /// Whether the second form of an object, if it has one of that very commit, is what it should be.
    static func isFormRight(
        of view: borrowing ItemView, _ content: Content, _ lane: borrowing Lane, _ world: borrowing World,
        _ buffer: inout [UInt8]
    ) -> Bool {
        let key = Content.formKeyBytes(content.key)
        let hash = unsafe world.region.hash(key: key.span.bytes)
        guard let form = unsafe lane.lookup(hash: hash, key: key.span.bytes), !form.isPassMarker else { return true }
        guard let made = Content.form(form.header) else { return false }
        guard made.stamp == view.stamp else { return true }
        return made.content.key == content.key && made.content.version == content.version
            && made.content.confirmed == content.confirmed
            && Verifier.isBodyRight(form, content, world.library, &buffer)
    }
}
