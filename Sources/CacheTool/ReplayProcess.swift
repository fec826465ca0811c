// One process of a replay: its share of the requests, in order, each as one loop turn of a worker would do it.
// Started by the replay with the two regions as descriptors 3 and 4.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

struct ReplayProcess: ~Copyable {
    /// A process waits when it is this many requests ahead of the slowest.
    static let leadLimit = 2048

    private var lane: Lane
    private let counters: LaneCounters
    private let bodies: Bodies
    private var buffer: [UInt8]
    private let clockCost: Int64

    /// The hidden command that a replay of several processes starts: `replay-process TRACE INDEX PROCESSES MODE`.
    static func run(_ words: [String]) throws {
        guard words.count == 4, let index = Int(words[1]), let processes = Int(words[2]) else {
            throw ToolFailure.usage("replay-process is started by replay")
        }
        let region = try CacheRegion.attach(descriptor: 3)
        let node = try NodeRegion.attach(descriptor: 4)
        try run(
            Trace(path: words[0]), region: region, node: node, index: index, processes: processes,
            compressible: words[3] == "compressible")
    }

    static func run(
        _ trace: Trace, region: borrowing CacheRegion, node: borrowing NodeRegion, index: Int, processes: Int,
        compressible: Bool
    ) throws {
        var process = ReplayProcess(
            lane: try region.attachLane(index), counters: node.counters(lane: index),
            bodies: Bodies(compressible: compressible),
            chunkSize: region.chunkSizeBytes)
        var done = 0
        for i in stride(from: index, to: trace.count, by: processes) {
            process.request(region, key: trace.keys[i], size: Int(trace.sizes[i]))
            done += 1
            if done % 256 == 0 {
                if processes > 1 { waitForOthers(node, done: done, index: index, processes: processes) }
                if processes == 1, done % 16384 == 0 { Replay.showProgress(node, of: trace.count) }
            }
        }
    }

    private init(lane: consuming Lane, counters: consuming LaneCounters, bodies: Bodies, chunkSize: Int) {
        self.lane = lane
        self.counters = counters
        self.bodies = bodies
        buffer = [UInt8](repeating: 0, count: chunkSize)
        clockCost = ReplayProcess.measureClock()
    }

    /// Keeps the processes near each other, so that the order of the trace holds roughly.
    private static func waitForOthers(_ node: borrowing NodeRegion, done: Int, index: Int, processes: Int) {
        for other in 0..<processes where other != index {
            // A process that never started would hang the rest for ever; its parent notices and ends them all.
            while done > Int(node.value(counter: ReplayCount.requests.rawValue, lane: other)) + leadLimit {
                usleep(100)
            }
        }
    }

    private static func measureClock() -> Int64 {
        var costs = (0..<1001).map { _ in
            let began = cl_monotonic_nanoseconds()
            return cl_monotonic_nanoseconds() - began
        }
        costs.sort()
        return costs[500]
    }

    private mutating func request(_ region: borrowing CacheRegion, key: UInt32, size: Int) {
        let name = Array(String(key).utf8)
        counters.add(ReplayCount.requestBytes.rawValue, UInt64(size))
        lane.beginTurn(now: region.now())
        switch ReplayProcess.look(lane, region, name, key: key, size: size, bodies, clockCost, counters, &buffer) {
        case .hit:
            counters.add(ReplayCount.hits.rawValue)
            counters.add(ReplayCount.hitBytes.rawValue, UInt64(size))
        case .miss: store(region, name, key: key, size: size)
        case .wrong: counters.add(ReplayCount.wrong.rawValue)
        }
        lane.endTurn()
        lane.maintain(now: region.now())
        counters.add(ReplayCount.requests.rawValue)
    }

    private enum Finding { case hit, miss, wrong }

    private static func look(
        _ lane: borrowing Lane, _ region: borrowing CacheRegion, _ name: [UInt8], key: UInt32, size: Int,
        _ bodies: Bodies,
        _ clockCost: Int64, _ counters: borrowing LaneCounters, _ buffer: inout [UInt8]
    ) -> Finding {
        let hash = unsafe region.hash(key: name.span.bytes)
        let began = cl_monotonic_nanoseconds()
        let found = unsafe lane.lookup(hash: hash, key: name.span.bytes)
        let took = cl_monotonic_nanoseconds() - began - clockCost
        counters.add(ReplayCount.histogram.rawValue + Histogram.bucket(took))
        guard let found else { return .miss }
        return found.bodyLength == size && isRight(found, key: key, bodies, &buffer) ? .hit : .wrong
    }

    /// Reads the whole body and compares it.
    private static func isRight(
        _ view: borrowing ItemView, key: UInt32, _ bodies: Bodies, _ buffer: inout [UInt8]
    ) -> Bool {
        var offset = 0
        while true {
            switch view.bodyPiece(at: offset) {
            case .end: return true
            case .missing: return false
            case .raw(let span):
                guard bodies.matches(span, key: key, offset: offset) else { return false }
                offset += span.byteCount
            case .compressed(let chunk):
                let (start, length) = (chunk.bodyOffset, chunk.rawLength)
                let same = unsafe buffer.withUnsafeMutableBytes { bytes in
                    var target = unsafe MutableRawSpan(_unsafeBytes: bytes)
                    guard chunk.decode(into: &target) else { return false }
                    return bodies.matches(target.bytes.extracting(0..<length), key: key, offset: start)
                }
                guard same else { return false }
                offset = start + length
            }
        }
    }

    /// Fetches and stores an object. A trace has no clock, so that a process may outrun the reclaiming of space that
    /// waits for another one's turn to end, as no worker at an origin's pace would: it pauses then.
    private mutating func store(_ region: borrowing CacheRegion, _ name: [UInt8], key: UInt32, size: Int) {
        let hash = unsafe region.hash(key: name.span.bytes)
        for _ in 0..<ReplayProcess.attempts {
            switch tryToStore(hash, name, key: key, size: size) {
            case .stored: return
            case .joined: return counters.add(ReplayCount.joined.rawValue)
            case .refused: return counters.add(ReplayCount.declined.rawValue)
            case .noSpace: break
            }
            lane.endTurn()
            usleep(200)
            lane.maintain(now: region.now())
            lane.beginTurn(now: region.now())
        }
        counters.add(ReplayCount.declined.rawValue)
    }

    /// Of 200 us each: a second in all, since on a busy machine the others may have no turn for long.
    private static let attempts = 5_000

    private enum Storing { case stored, joined, refused, noSpace }

    private func tryToStore(_ hash: UInt64, _ name: [UInt8], key: UInt32, size: Int) -> Storing {
        switch unsafe lane.startFill(hash: hash, key: name.span.bytes) {
        case .own(let permit):
            guard let failure = fill(permit, key: key, size: size) else { return .stored }
            return failure == .noSpace ? .noSpace : .refused
        case .join: return .joined
        case .appeared: return .joined
        case .retryNextTurn: return .joined
        case .unavailable: return .noSpace
        }
    }

    /// Why the object was not stored, or nil.
    private func fill(_ permit: consuming FillPermit, key: UInt32, size: Int) -> FillFailure? {
        var permit = permit
        let tags: [UInt64] = []
        if case .declined(let failure) = permit.setHead(
            RawSpan(), attributes: ItemAttributes(storedSeconds: 1), tags: tags.span, expectedBodyLength: size)
        {
            return failure
        }
        var offset = 0
        while offset < size {
            let run = bodies.run(key: key, offset: offset, count: min(size - offset, 65536))
            if case .declined(let failure) = permit.append(run) { return failure }
            offset += run.byteCount
        }
        while true {
            switch permit.finish(budgetBytes: 1 << 20) {
            case .again: continue
            case .committed: return nil
            case .rejected(let failure): return failure
            }
        }
    }
}
