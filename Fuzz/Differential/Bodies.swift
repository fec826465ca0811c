// The body behind a head, taken from a stream by our decoders. What the head said is the caller's business.
import HTTPMessage

/// Hash and length of a body, as both parsers report it.
struct BodyDigest: Equatable {
    var hash = fnv([])
    var bytes: UInt64 = 0

    mutating func take(_ data: ArraySlice<UInt8>) {
        hash = fnv(data, hash)
        bytes += UInt64(data.count)
    }

    /// Takes the body that begins at `start`, which is moved behind it. Gives how the stream ends if it ends in here.
    mutating func take(_ framing: BodyFraming, ofResponse: Bool, _ bytes: [UInt8], _ start: inout Int) -> End? {
        switch framing {
        case .none: return nil
        case .length(let count):
            guard count <= UInt64(bytes.count - start) else { return .waiting }
            take(bytes[start..<start + Int(count)])
            start += Int(count)
            return nil
        case .untilClose:
            take(bytes[start...])
            start = bytes.count
            return nil
        case .chunked:
            return takeChunks(ofResponse: ofResponse, bytes, &start)
        }
    }

    private mutating func takeChunks(ofResponse: Bool, _ bytes: [UInt8], _ start: inout Int) -> End? {
        var decoder = ChunkedDecoder(ofResponse: ofResponse)
        var trailers = FieldTable(capacity: 32)
        while true {
            switch decoder.next(bytes.raw, &start, trailers: &trailers) {
            case .data(let extent): take(bytes[extent.range])
            case .end: return nil
            case .needMore: return .waiting
            case .rejected(let reason): return .refused("\(reason)")
            }
        }
    }
}
