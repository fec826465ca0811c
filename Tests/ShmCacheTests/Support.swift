// Helpers of the cache's tests: small regions, deterministic bytes, whole fills and whole reads in one call.
import Dice
import Testing

@testable import ShmCache

enum Sample {
    static func key(_ n: Int) -> [UInt8] { Array("site/1|https|example.test|/object/\(n)".utf8) }

    /// Bytes that depend on the seed; compressible text or noise.
    static func body(_ seed: Int, _ count: Int, compressible: Bool = false) -> [UInt8] {
        var dice = Dice(seed: UInt64(bitPattern: Int64(seed)) &* 31 &+ 7)
        if compressible {
            let words = ["alpha ", "beta ", "gamma ", "delta ", "\(seed) "]
            var out: [UInt8] = []
            out.reserveCapacity(count + 16)
            while out.count < count { out += Array(words[Int(dice.next() % 5)].utf8) }
            return Array(out[0..<count])
        }
        var out = [UInt8](repeating: 0, count: count)
        var i = 0
        while i < count {
            let word = dice.next()
            for b in 0..<min(8, count - i) { out[i + b] = UInt8(truncatingIfNeeded: word >> UInt64(b * 8)) }
            i += 8
        }
        return out
    }
}

extension Lane {
    /// Fetches and stores an object; what came of it.
    @discardableResult
    mutating func store(
        _ region: borrowing CacheRegion, _ key: [UInt8], _ body: [UInt8], header: [UInt8] = [1, 2, 3],
        tags: [UInt64] = [],
        expires: UInt32 = .max, refreshing: Bool = false, stepBytes: Int = .max, pieces: Int = 1 << 20,
        contentClass: UInt16 = 0, callerFlags: UInt16 = 0
    ) -> FinishOutcome? {
        let hash = unsafe region.hash(key: key.span.bytes)
        switch unsafe startFill(hash: hash, key: key.span.bytes, refreshing: refreshing) {
        case .own(var permit):
            let attributes = ItemAttributes(
                storedSeconds: 1, expiresSeconds: expires, contentClass: contentClass, callerFlags: callerFlags)
            guard
                unsafe permit.setHead(
                    header.span.bytes, attributes: attributes, tags: tags.span, expectedBodyLength: body.count)
                    == .accepted
            else { return nil }
            var offset = 0
            while offset < body.count {
                let end = min(body.count, offset + pieces)
                guard unsafe permit.append(body.span.bytes.extracting(offset..<end)) == .accepted else { return nil }
                offset = end
            }
            while true {
                let outcome = permit.finish(budgetBytes: stepBytes)
                if outcome != .again { return outcome }
            }
        default: return nil
        }
    }

    /// The whole body of a stored object, or nil.
    borrowing func fetch(_ region: borrowing CacheRegion, _ key: [UInt8]) -> [UInt8]? {
        let hash = unsafe region.hash(key: key.span.bytes)
        guard let view = unsafe lookup(hash: hash, key: key.span.bytes) else { return nil }
        return view.wholeBody(chunkSize: region.chunkSizeBytes)
    }
}

extension ItemView {
    /// All bytes of the body; nil if some are missing or damaged.
    func wholeBody(chunkSize: Int) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(bodyLength)
        while true {
            switch bodyPiece(at: out.count) {
            case .end: return out.count == bodyLength ? out : nil
            case .missing: return nil
            case .raw(let span): unsafe span.withUnsafeBytes { unsafe out.append(contentsOf: $0) }
            case .compressed(let chunk):
                var buffer = [UInt8](repeating: 0, count: chunk.rawLength)
                let isWhole = unsafe buffer.withUnsafeMutableBytes { bytes in
                    var target = unsafe MutableRawSpan(_unsafeBytes: bytes)
                    return chunk.decode(into: &target)
                }
                guard isWhole else { return nil }
                out += buffer[(out.count - chunk.bodyOffset)...]
            }
        }
    }
}

extension FillTicket {
    /// Everything that can be read now.
    borrowing func readAll() -> [UInt8] {
        var out: [UInt8] = []
        while out.count < bytesReady {
            let span = read(at: out.count)
            if span.byteCount == 0 { break }
            unsafe span.withUnsafeBytes { unsafe out.append(contentsOf: $0) }
        }
        return out
    }
}
