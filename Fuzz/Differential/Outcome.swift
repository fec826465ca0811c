// What a connection's bytes come to, said alike for both parsers.
import HTTPMessage
import HTTPParserPeer

/// One complete request.
struct Message: Equatable {
    var method: String
    var urlHash: UInt64
    var body: BodyDigest
    var isOld: Bool
    var keepAlive: Bool
}

/// How it ends.
enum End: Equatable {
    case open, waiting, closed
    case refused(String)

    var isRefusal: Bool { if case .refused = self { true } else { false } }
}

struct Outcome: Equatable {
    var messages: [Message] = []
    var end = End.open
    /// Where each request begins, one that was refused or is incomplete included. Ours only.
    var starts: [Int] = []
    var lastStart: Int { starts.last ?? 0 }
}

func fnv(_ bytes: some Sequence<UInt8>, _ start: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
    bytes.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

extension [UInt8] {
    var raw: RawSpan {
        @_lifetime(borrow self) borrowing get { unsafe span.bytes }
    }
}

extension Outcome {
    /// What http-parser makes of it.
    static func ofPeer(_ bytes: [UInt8]) -> Outcome {
        var peer = peer_outcome()
        unsafe bytes.withUnsafeBufferPointer { unsafe peer_parse($0.baseAddress, $0.count, &peer) }
        var outcome = Outcome()
        unsafe withUnsafeBytes(of: &peer.messages) { raw in
            let messages = unsafe raw.bindMemory(to: peer_message.self)
            for index in 0..<Int(peer.count) {
                let message = unsafe messages[index]
                outcome.messages.append(
                    Message(
                        method: unsafe String(cString: peer_method_name(Int32(message.method))),
                        urlHash: message.url_hash,
                        body: BodyDigest(hash: message.body_hash, bytes: message.body_bytes), isOld: message.minor == 0,
                        keepAlive: message.keep_alive != 0))
            }
        }
        if peer.error != 0 {
            outcome.end = .refused(unsafe String(cString: peer_error_name(peer.error)))
        } else if peer.closed != 0 {
            outcome.end = .closed
        } else if peer.waiting != 0 {
            outcome.end = .waiting
        }
        return outcome
    }

    /// What ours makes of it.
    static func ofOurs(_ bytes: [UInt8]) -> Outcome {
        var outcome = Outcome()
        var parser = RequestParser()
        var table = FieldTable(capacity: 128)
        var start = 0
        while start < bytes.count {
            outcome.starts.append(start)
            parser.reset()
            switch parser.parse(bytes.raw.extracting(start..<bytes.count), into: &table) {
            case .needMore, .routable:
                // Line ends alone are no message.
                if !bytes[start...].allSatisfy({ $0 == 13 || $0 == 10 }) { outcome.end = .waiting }
                return outcome
            case .rejected(let reason):
                outcome.end = .refused("\(reason)")
                return outcome
            case .complete(let length):
                let head = parser.head
                let text = { (extent: Extent) in bytes[extent.shifted(by: start).range] }
                var message = Message(
                    method: String(decoding: text(head.methodText), as: UTF8.self), urlHash: fnv(text(head.target)),
                    body: BodyDigest(), isOld: head.minorVersion == 0, keepAlive: head.keepAlive)
                start += length
                if let end = message.body.take(head.framing, ofResponse: false, bytes, &start) {
                    outcome.end = end
                    return outcome
                }
                outcome.messages.append(message)
                if !head.keepAlive || outcome.messages.count == 16 {
                    outcome.end = .closed
                    return outcome
                }
            }
        }
        return outcome
    }
}
