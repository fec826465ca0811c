// Processor time of a lookup: hot (a few objects) and cold (many). Prints one line of JSON.
import CLinux
import Dice
@unsafe @preconcurrency import Glibc
import ShmCache

enum LookupBench {
    static func cpuNanoseconds() -> Int64 { cl_clock_nanoseconds(Int32(CLOCK_PROCESS_CPUTIME_ID)) }

    static func run(objects: Int, rounds: Int) throws {
        let region = try CacheRegion.create(
            RegionOptions(sizeBytes: max(64 << 20, objects * 400), laneCount: 8, averageObjectBytes: 200))
        var lane = try region.attachLane(0)
        let (body, header, tags) = ([UInt8](repeating: 7, count: 40), [UInt8](repeating: 1, count: 20), [] as [UInt64])
        var keys: [[UInt8]] = []
        for n in 0..<objects {
            let key = Array("https|bench.example|/an/object/of/the/bench/\(1_000_000 + n)".utf8)
            keys.append(key)
            lane.beginTurn(now: region.now())
            if case .own(var permit) = unsafe lane.startFill(
                hash: region.hash(key: key.span.bytes), key: key.span.bytes)
            {
                _ = unsafe permit.setHead(
                    header.span.bytes, attributes: ItemAttributes(storedSeconds: 1), tags: tags.span,
                    expectedBodyLength: nil)
                _ = unsafe permit.append(body.span.bytes)
                _ = permit.finish(budgetBytes: .max)
            }
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        var dice = Dice(seed: 3)
        let order = (0..<min(rounds, 1 << 20)).map { _ in Int(dice.next() % UInt64(objects)) }
        let hashes = keys.map { unsafe region.hash(key: $0.span.bytes) }
        let (flat, width) = (keys.flatMap { $0 }, keys[0].count)
        var hits = 0
        for pass in 0..<2 {
            let text = unsafe flat.span.bytes
            let start = cpuNanoseconds()
            hits = 0
            lane.beginTurn(now: region.now())
            for i in 0..<rounds {
                let n = order[i % order.count]
                if lane.lookup(hash: hashes[n], key: text.extracting(n * width..<(n + 1) * width)) != nil { hits += 1 }
            }
            lane.endTurn()
            let each = Double(cpuNanoseconds() - start) / Double(rounds)
            if pass == 1 {
                print("{\"objects\":\(objects),\"hits\":\(Double(hits) / Double(rounds)),\"nanoseconds\":\(each)}")
            }
        }
    }
}
