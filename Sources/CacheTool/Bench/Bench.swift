// `martlet-cache bench`: the engine's own times, on regions made for the purpose. Needs a quiet machine to mean much.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

struct Bench {
    private var words: Words
    private let json: Bool

    init(_ arguments: [String]) {
        words = Words(arguments)
        json = words.flag("--json")
    }

    mutating func run() throws {
        let objects = try words.number("--objects", in: 1...100_000_000)
        let size = try words.size("--size")
        let what = try words.only("measurement: lookup, purge, reopen or accounting")
        let results: [(String, Double)]
        switch what {
        case "lookup": results = try LookupTimes.measure(objects: objects ?? 1000)
        case "purge": results = try PurgeTimes.measure(objects: objects ?? 10_000_000)
        case "reopen": results = try ReopenTimes.measure(sizeBytes: size ?? 10 << 30)
        case "accounting": results = try AccountingCheck.measure(sizeBytes: size ?? 256 << 20)
        default: throw ToolFailure.usage("there is no measurement \(what): lookup, purge, reopen or accounting")
        }
        var document = JSONObject()
        for (name, value) in results { document.add(name, value) }
        try Terminal.say(
            json ? document.text : Columns.text(results.map { ($0.0, JSONObject.text($0.1)) }))
    }
}

/// The objects of a measurement: numbered keys of one length, small bodies.
struct BenchObjects {
    static let keyLength = 48

    static func key(_ n: Int) -> [UInt8] {
        var text = Array("M1\nbench\nhttp\nbench.example\n/an/object/000000000000".utf8)[..<keyLength]
        var (rest, at) = (n, keyLength - 1)
        while rest > 0 {
            text[at] = UInt8(48 + rest % 10)
            (rest, at) = (rest / 10, at - 1)
        }
        return Array(text)
    }

    /// Stores objects with `bodyBytes` of noise each; gives how many were.
    static func fill(
        _ lane: inout Lane, _ region: borrowing CacheRegion, _ numbers: Range<Int>, bodyBytes: Int, tags: [UInt64] = []
    ) -> Int {
        // Noise, which does not compress.
        var state: UInt64 = 1
        let body = (0..<bodyBytes).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        let header = [UInt8](repeating: 1, count: 20)
        var stored = 0
        for n in numbers {
            let key = key(n)
            lane.beginTurn(now: region.now())
            if store(lane, region, key, header, body, tags) { stored += 1 }
            lane.endTurn()
            lane.maintain(now: region.now())
        }
        return stored
    }

    private static func store(
        _ lane: borrowing Lane, _ region: borrowing CacheRegion, _ key: [UInt8], _ header: [UInt8], _ body: [UInt8],
        _ tags: [UInt64]
    ) -> Bool {
        guard case .own(var permit) = unsafe lane.startFill(hash: region.hash(key: key.span.bytes), key: key.span.bytes)
        else { return false }
        let attributes = ItemAttributes(storedSeconds: 1)
        guard
            unsafe permit.setHead(
                header.span.bytes, attributes: attributes, tags: tags.span, expectedBodyLength: body.count)
                == .accepted,
            unsafe permit.append(body.span.bytes) == .accepted
        else { return false }
        while true {
            switch permit.finish(budgetBytes: .max) {
            case .again: continue
            case .committed: return true
            case .rejected: return false
            }
        }
    }

    static func isStored(_ lane: borrowing Lane, _ region: borrowing CacheRegion, _ n: Int) -> Bool {
        let key = key(n)
        return unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes) != nil
    }
}

enum Clock {
    static var processor: Int64 { cl_clock_nanoseconds(Int32(CLOCK_PROCESS_CPUTIME_ID)) }
    static var wall: Int64 { cl_monotonic_nanoseconds() }

    /// Microseconds that some work takes.
    static func microseconds(_ work: () throws -> Void) rethrows -> Double {
        let began = wall
        try work()
        return Double(wall - began) / 1000
    }
}
