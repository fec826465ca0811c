// Replays a request trace (`key size` lines) through the engine and prints miss ratios and costs as one line of JSON.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

struct Replay {
    var requests: [(key: Int, size: Int)] = []

    /// Reads an unpacked trace.
    init(path: String) {
        guard let file = unsafe fopen(path, "r") else { Storm.fail("cannot open \(path)") }
        var line = [CChar](repeating: 0, count: 64)
        while unsafe fgets(&line, 64, file) != nil {
            var numbers: [Int] = [0]
            for c in line {
                if c >= 48 && c <= 57 { numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int(c) - 48 }
                if c == 32 { numbers.append(0) }
                if c == 10 || c == 0 { break }
            }
            if numbers.count == 2 { requests.append((numbers[0], numbers[1])) }
        }
        unsafe fclose(file)
    }

    /// Region bytes for a body capacity: what objects take besides their bodies comes on top.
    static func regionBytes(capacity: Int, meanObject: Int) -> Int {
        capacity + capacity / meanObject * 150 + capacity / 33 + (1 << 20)
    }

    func run(capacity: Int, byteWeight: Int) throws {
        let distinct = Dictionary(requests.map { ($0.key, $0.size) }, uniquingKeysWith: { a, _ in a })
        let mean = max(64, distinct.values.reduce(0, +) / max(1, distinct.count))
        let region = try CacheRegion.create(
            RegionOptions(
                sizeBytes: Replay.regionBytes(capacity: capacity, meanObject: mean), laneCount: 8, averageObjectBytes: max(64, mean / 3),
                byteWeight: byteWeight))
        var lane = try region.attachLane(0)
        let noise = Content(key: 0, version: 2).bytes(0..<(1 << 20))
        var (misses, missBytes, bytes, declined) = (0, 0, 0, 0)
        var lookupTime: Int64 = 0
        let started = cl_monotonic_nanoseconds()
        for (key, size) in requests {
            let name = Array("t/\(key)".utf8)
            let hash = unsafe region.hash(key: name.span.bytes)
            lane.beginTurn(now: CacheInstant(seconds: 1000))
            bytes += size
            let before = cl_monotonic_nanoseconds()
            let isHit = unsafe lane.lookup(hash: hash, key: name.span.bytes) != nil
            lookupTime += cl_monotonic_nanoseconds() - before
            if !isHit {
                misses += 1
                missBytes += size
                if !Replay.store(&lane, hash, name, size, noise) { declined += 1 }
            }
            lane.endTurn()
            lane.maintain(now: CacheInstant(seconds: 1000))
        }
        let elapsed = cl_monotonic_nanoseconds() - started
        let f = region.statistics()
        print(
            "{\"requests\":\(requests.count),\"objectMissRatio\":\(Double(misses) / Double(requests.count)),"
                + "\"byteMissRatio\":\(Double(missBytes) / Double(bytes)),\"declined\":\(declined),"
                + "\"writeAmplification\":\(Double(f.writtenBytes) / Double(max(1, f.admittedBytes))),"
                + "\"objects\":\(f.objects),\"bodyBytes\":\(f.bodyBytes),\"capacity\":\(capacity),\"regionBytes\":\(f.regionBytes),"
                + "\"segmentBytes\":\(region.segmentSizeBytes),\"tableBytes\":\(f.tableBytes),\"perClass\":\(f.objectsPerClass),"
                + "\"segments\":[\(f.segmentsFree),\(f.segmentsOpen),\(f.segmentsSealed),\(f.segmentsLimbo),\(f.segmentsStaging),\(f.segmentsWhole)],\"stored\":\(f.storedBytes),\"lookupNanoseconds\":\(lookupTime / Int64(requests.count)),\"seconds\":\(Double(elapsed) / 1e9)}")
    }

    /// Stores an object in the way a worker does: some of it a turn.
    static func store(_ lane: inout Lane, _ hash: UInt64, _ name: [UInt8], _ size: Int, _ noise: [UInt8]) -> Bool {
        guard case .own(var permit) = unsafe lane.startFill(hash: hash, key: name.span.bytes) else { return false }
        let (header, tags) = ([] as [UInt8], [] as [UInt64])
        let attributes = ItemAttributes(storedSeconds: 1)
        guard unsafe permit.setHead(header.span.bytes, attributes: attributes, tags: tags.span, expectedBodyLength: size) == .accepted
        else { return false }
        var done = 0
        while done < size {
            let count = min(size - done, 65536)
            let from = (done &* 7) & 0xffff
            guard unsafe permit.append(noise.span.bytes.extracting(from..<from + count)) == .accepted else { return false }
            done += count
            lane.endTurn()
            lane.maintain(now: CacheInstant(seconds: 1000))
            lane.beginTurn(now: CacheInstant(seconds: 1000))
        }
        while true {
            switch permit.finish(budgetBytes: 1 << 20) {
            case .again: continue
            case .committed: return true
            case .rejected: return false
            }
        }
    }
}
