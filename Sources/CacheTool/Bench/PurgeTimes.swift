// How long purges take over many objects, and that another process's lane is bound by them at once.
import CLinux
import ShmCache

enum PurgeTimes {
    static func measure(objects: Int) throws -> [(String, Double)] {
        let region = try CacheRegion.create(
            RegionOptions(sizeBytes: max(16 << 20, objects * 230), laneCount: 4, averageObjectBytes: 200))
        var lane = try region.attachLane(0)
        var other = try region.attachLane(1)
        let stored = BenchObjects.fill(&lane, region, 0..<objects, bodyBytes: 40, tags: [7])
        var results = [("objects", Double(stored))]
        lane.beginTurn(now: region.now())
        other.beginTurn(now: region.now())
        let (first, last) = (BenchObjects.key(objects - 1), objects - 2)
        let hash = unsafe region.hash(key: first.span.bytes)
        results.append(
            ("microseconds, url", Clock.microseconds { _ = unsafe lane.purge(hash: hash, key: first.span.bytes) }))
        guard !BenchObjects.isStored(other, region, objects - 1), BenchObjects.isStored(other, region, last) else {
            throw ToolFailure.failed("the purge of one URL did not do what it should")
        }
        results.append(("microseconds, tag, soft", Clock.microseconds { lane.purge(tag: 7, soft: true) }))
        results.append(("microseconds, tag", Clock.microseconds { lane.purge(tag: 7) }))
        guard !BenchObjects.isStored(other, region, last) else {
            throw ToolFailure.failed("a tagged object was found after the purge of its tag")
        }
        results.append(("microseconds, everything", Clock.microseconds { lane.purgeEverything() }))
        other.endTurn()
        lane.endTurn()
        return results
    }
}
