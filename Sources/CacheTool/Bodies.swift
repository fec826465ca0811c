// What the replayed objects contain: slices of one long text or noise, chosen by the key, so that a hit can be
// checked byte for byte without keeping the objects.
@unsafe @preconcurrency import Glibc

/// The bytes of every object of a replay.
struct Bodies {
    private static let length = 8 << 20
    private let bytes: [UInt8]

    init(compressible: Bool) {
        var state: UInt64 = 0x6d61_7274_6c65_7421
        func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        var made: [UInt8] = []
        made.reserveCapacity(Bodies.length + 256)
        while made.count < Bodies.length {
            if compressible {
                made += Bodies.record(next(), next())
            } else {
                let word = next()
                for i in 0..<8 { made.append(UInt8(truncatingIfNeeded: word >> UInt64(i * 8))) }
            }
        }
        bytes = made
    }

    /// A line of JSON, as an API would answer.
    private static func record(_ a: UInt64, _ b: UInt64) -> [UInt8] {
        let names = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath"]
        return Array(
            """
            {"id":\(a % 1_000_000),"name":"\(names[Int(a >> 40 & 7)]) \(names[Int(b & 7)])",\
            "price":\(b >> 20 % 9999).\(b >> 8 % 90 + 10),"inStock":\(a >> 50 & 1 == 1),"rating":\(b >> 44 % 5),\
            "updated":"2025-0\(a >> 30 % 9 + 1)-1\(b >> 33 % 10)T08:00:00Z"},

            """.utf8)
    }

    /// Where in the source the byte at `offset` of an object lies, and how many follow.
    private func place(key: UInt32, offset: Int) -> (Int, Int) {
        let start = (Int(key) &* 2_654_435_761 &+ offset) % Bodies.length
        return (start, Bodies.length - start)
    }

    /// A run of an object's body, at most `count` long.
    @_lifetime(borrow self)
    func run(key: UInt32, offset: Int, count: Int) -> RawSpan {
        let (start, room) = place(key: key, offset: offset)
        return unsafe bytes.span.bytes.extracting(start..<start + min(room, count))
    }

    /// Whether bytes are those of the object at `offset`.
    func matches(_ span: RawSpan, key: UInt32, offset: Int) -> Bool {
        var done = 0
        while done < span.byteCount {
            let expected = run(key: key, offset: offset + done, count: span.byteCount - done)
            let same = unsafe expected.withUnsafeBytes { a in
                unsafe span.withUnsafeBytes { b in unsafe memcmp(a.baseAddress!, b.baseAddress! + done, a.count) == 0 }
            }
            guard same else { return false }
            done += expected.byteCount
        }
        return true
    }
}
