// What a lookup with validation costs, alone and with two processes at once.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

enum LookupTimes {
    private static let rounds = 8_000_000
    private static let lookupsPerTurn = 64

    static func measure(objects: Int) throws -> [(String, Double)] {
        let region = try CacheRegion.create(
            RegionOptions(sizeBytes: max(16 << 20, objects * 240), laneCount: 4, averageObjectBytes: 200))
        let node = try NodeRegion.create(laneCount: 4, slotCount: 1, counterCount: 4)
        var lane = try region.attachLane(3)
        let stored = BenchObjects.fill(&lane, region, 0..<objects, bodyBytes: 40)
        let keys = (0..<objects).flatMap { BenchObjects.key($0) }
        let hashes = (0..<objects).map { unsafe region.hash(key: BenchObjects.key($0).span.bytes) }
        var results = [("objects", Double(stored))]
        var single = 0.0
        for processes in [1, 2] {
            var pids: [pid_t] = []
            for index in 0..<processes {
                let pid = cl_fork()
                if pid == 0 {
                    do {
                        try look(region, node, index, keys, hashes)
                    } catch { Terminal.complain("\(error)") }
                    exit(0)
                }
                pids.append(pid)
            }
            for pid in pids where cl_wait(pid) != 0 { throw ToolFailure.failed("a process of the measurement failed") }
            var perSecond = 0.0
            var cost = 0.0
            for index in 0..<processes {
                perSecond += Double(rounds) * 1e9 / Double(node.value(counter: 0, lane: index))
                cost += Double(node.value(counter: 1, lane: index)) / Double(rounds) / Double(processes)
            }
            if processes == 1 { single = perSecond }
            let name = processes == 1 ? "one process" : "two processes"
            results.append(("nanoseconds a lookup, \(name)", cost))
            results.append(("lookups a second, \(name)", perSecond))
            if processes == 2 { results.append(("two processes against one", perSecond / single)) }
        }
        return results
    }

    private static func look(
        _ region: borrowing CacheRegion, _ node: borrowing NodeRegion, _ index: Int, _ keys: [UInt8],
        _ hashes: [UInt64]
    ) throws {
        var lane = try region.attachLane(index)
        let counters = node.counters(lane: index)
        counters.add(0, 0 &- node.value(counter: 0, lane: index))
        counters.add(1, 0 &- node.value(counter: 1, lane: index))
        var state = UInt64(index + 1)
        // In the order of the lookups, as a worker has the key of the request that it has just read.
        let length = BenchObjects.keyLength
        var (wanted, texts): ([UInt64], [UInt8]) = ([], [])
        for _ in 0..<min(1 << 20, rounds) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let n = Int((state >> 33) % UInt64(hashes.count))
            wanted.append(hashes[n])
            texts += keys[n * length..<(n + 1) * length]
        }
        let text = unsafe texts.span.bytes
        var hits = 0
        // The first pass brings everything in and counts the objects popular.
        for pass in 0..<2 {
            hits = 0
            let (wall, processor) = (Clock.wall, Clock.processor)
            var i = 0
            while i < rounds {
                lane.beginTurn(now: CacheInstant(seconds: 1))
                for _ in 0..<lookupsPerTurn {
                    let n = i & (wanted.count - 1)
                    let key = text.extracting(n * length..<(n + 1) * length)
                    if lane.lookup(hash: wanted[n], key: key) != nil { hits += 1 }
                    i += 1
                }
                lane.endTurn()
            }
            if pass == 1 {
                counters.add(0, UInt64(Clock.wall - wall))
                counters.add(1, UInt64(Clock.processor - processor))
            }
        }
        guard hits * 1000 >= rounds * 999 else { throw ToolFailure.failed("only \(hits) of \(rounds) lookups hit") }
    }
}
