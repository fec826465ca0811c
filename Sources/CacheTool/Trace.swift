// A cache trace in memory: gzip text (or plain text), one request a line, `key size` in decimal.
import CZlib
@unsafe @preconcurrency import Glibc

/// Requests in order.
struct Trace {
    private(set) var keys: [UInt32] = []
    private(set) var sizes: [UInt32] = []

    var count: Int { keys.count }

    /// Distinct keys, and the sum of their sizes.
    private(set) var objects = 0
    private(set) var footprintBytes = 0

    init(path: String) throws {
        guard let file = unsafe gzopen(path, "rb") else {
            throw ToolFailure.failed("cannot read the trace \(path)", errno: errno)
        }
        defer { unsafe gzclose(file) }
        var reader = LineReader()
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe gzread(file, $0.baseAddress, UInt32($0.count)) }
            guard count >= 0 else { throw ToolFailure.failed("the trace \(path) is damaged: it does not unpack") }
            if count == 0 { break }
            for byte in buffer[0..<Int(count)] {
                guard try reader.take(byte, path: path) else { continue }
                add(reader)
                reader.startLine()
            }
        }
        if try reader.take(10, path: path) { add(reader) }
        guard self.count > 0 else { throw ToolFailure.failed("the trace \(path) has no requests") }
        measure()
    }

    /// The first requests.
    func prefix(_ count: Int) -> Trace {
        var start = self
        start.keys = Array(keys.prefix(count))
        start.sizes = Array(sizes.prefix(count))
        return start
    }

    private mutating func add(_ line: LineReader) {
        keys.append(UInt32(line.numbers.0))
        sizes.append(UInt32(line.numbers.1))
    }

    private mutating func measure() {
        var seen = Set<UInt32>()
        for i in 0..<count where seen.insert(keys[i]).inserted {
            objects += 1
            footprintBytes += Int(sizes[i])
        }
    }
}

/// Takes the two numbers of a line byte by byte.
struct LineReader {
    private(set) var numbers: (UInt64, UInt64) = (0, 0)
    private var digits = 0
    private var field = 0
    private var line = 1

    mutating func startLine() {
        numbers = (0, 0)
        digits = 0
        field = 0
        line += 1
    }

    /// True at the end of a line with two numbers.
    mutating func take(_ byte: UInt8, path: String) throws -> Bool {
        switch byte {
        case 48...57:
            let digit = UInt64(byte - 48)
            if field == 0 { numbers.0 = numbers.0 * 10 + digit } else { numbers.1 = numbers.1 * 10 + digit }
            digits += 1
            guard digits <= 10, field < 2, max(numbers.0, numbers.1) <= UInt64(UInt32.max) else { throw wrong(path) }
            return false
        case 32, 9, 13:
            if digits > 0 {
                field += 1
                digits = 0
            }
            return false
        case 10:
            if digits > 0 { field += 1 }
            digits = 0
            if field == 0 { return false }
            guard field == 2 else { throw wrong(path) }
            return true
        default: throw wrong(path)
        }
    }

    private func wrong(_ path: String) -> ToolFailure {
        .failed("line \(line) of the trace \(path) is not `key size`, two decimal numbers below 4294967296")
    }
}
