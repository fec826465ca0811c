// What an origin's bytes come to, said alike for both parsers, and why they may differ. A body without framing ends
// with the bytes.
import HTTPMessage
import HTTPParserPeer

struct ResponseMessage: Equatable {
    var status: UInt16
    var body: BodyDigest
    var isOld: Bool
    var keepAlive: Bool
}

struct ResponseOutcome: Equatable {
    var messages: [ResponseMessage] = []
    var end = End.open
    /// Where each response begins, one that was refused or is incomplete included. Ours only.
    var starts: [Int] = []
    var lastStart: Int { starts.last ?? 0 }

    static func ofPeer(_ bytes: [UInt8], toHead: Bool) -> ResponseOutcome {
        var peer = peer_outcome()
        unsafe bytes.withUnsafeBufferPointer {
            unsafe peer_parse_responses($0.baseAddress, $0.count, toHead ? 1 : 0, &peer)
        }
        var outcome = ResponseOutcome()
        unsafe withUnsafeBytes(of: &peer.messages) { raw in
            let messages = unsafe raw.bindMemory(to: peer_message.self)
            for index in 0..<Int(peer.count) {
                let message = unsafe messages[index]
                outcome.messages.append(
                    ResponseMessage(
                        status: message.status,
                        body: BodyDigest(hash: message.body_hash, bytes: message.body_bytes),
                        isOld: message.minor == 0, keepAlive: message.keep_alive != 0))
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

    static func ofOurs(_ bytes: [UInt8], toHead: Bool) -> ResponseOutcome {
        var outcome = ResponseOutcome()
        var parser = ResponseParser()
        var table = FieldTable(capacity: 128)
        var start = 0
        while start < bytes.count {
            outcome.starts.append(start)
            parser.reset(requestMethod: toHead ? .head : .get)
            switch parser.parse(bytes.raw.extracting(start..<bytes.count), into: &table) {
            case .needMore:
                outcome.end = .waiting
                return outcome
            case .rejected(let reason):
                outcome.end = .refused("\(reason)")
                return outcome
            case .complete(let length):
                let head = parser.head
                var message = ResponseMessage(
                    status: head.status, body: BodyDigest(), isOld: head.minorVersion == 0,
                    keepAlive: head.keepAlive)
                start += length
                if let end = message.body.take(head.framing, ofResponse: true, bytes, &start) {
                    outcome.end = end
                    return outcome
                }
                outcome.messages.append(message)
                if !head.keepAlive || head.status == 101 || outcome.messages.count == 16 {
                    outcome.end = .closed
                    return outcome
                }
            }
        }
        return outcome
    }
}

extension Explanations {
    /// The rule by which ours refuses a response that the peer does not.
    static func ofResponseRefusal(_ reason: String, _ evidence: Evidence) -> String? {
        let line = evidence.text(evidence.requestLine)
        let isPlain = line.wholeMatch(of: /HTTP\/1\.[0-9] ([0-9]{3})( [^\x00-\x08\x0a-\x1f\x7f]*)?/)
        switch reason {
        case "malformedStatusLine":
            let isOdd = isPlain == nil || evidence.hasBareReturn || evidence.hasBareLineFeed
            return isOdd || evidence.bytes.first == 13 || evidence.bytes.first == 10 ? "stricter: \(reason)" : nil
        case "invalidStatus":
            // The three digits are judged before what is behind them.
            let digits = line.prefixMatch(of: /HTTP\/1\.[0-9] ([0-9]{3})/)
            guard let status = digits.flatMap({ Int($0.1) }) else { return nil }
            return status < 100 || status == 101 ? "stricter: \(reason)" : nil
        case "invalidChunkSize", "invalidChunkExtension", "missingChunkEnd":
            return ofRefusal(reason, evidence) ?? tabBehind(evidence)
        default: return ofRefusal(reason, evidence)
        }
    }

    /// The rule by which the peer refuses a response that ours does not.
    static func ofPeerResponseRefusal(_ error: String, _ evidence: Evidence) -> String? {
        if error == "HPE_INVALID_CONTENT_LENGTH", hasFramingInTrailers(evidence) { return framingInTrailers }
        return ofPeerRefusal(error, evidence)
    }

    /// The rule by which only one of them closes the connection after a response.
    static func ofResponsePersistence(_ evidence: Evidence) -> String? {
        let lengths = evidence.values("content-length").filter { !$0.allSatisfy { $0 == "0" } }
        if evidence.text(evidence.requestLine).contains(/^HTTP\/1.[0-9] 204/),
            !lengths.isEmpty || !evidence.values("transfer-encoding").isEmpty
        {
            return "a 204 that promises content closes"
        }
        if hasFramingInTrailers(evidence) { return framingInTrailers }
        // http-parser gives up a list at an option that begins like `close` or `keep-alive`.
        let options = evidence.values("connection").flatMap { $0.lowercased().split(separator: ",") }
            .map { option in String(option.drop { $0 == " " }) }
        if options.contains(where: { $0 != "close" && $0 != "keep-alive" && isBeginning($0) }) {
            return "the peer stops at an option that begins like one it knows"
        }
        return ofPersistence(evidence)
    }

    private static let framingInTrailers = "framing fields in trailers are dropped"

    private static func hasFramingInTrailers(_ evidence: Evidence) -> Bool {
        evidence.text(evidence.body).lowercased().contains(/(transfer-encoding|content-length):/)
    }

    private static func isBeginning(_ option: String) -> Bool {
        !option.isEmpty && ("close".hasPrefix(option) || "keep-alive".hasPrefix(option) || "upgrade".hasPrefix(option))
    }

    /// The rule by which the two find different bodies.
    static func ofResponseBody(_ evidence: Evidence) -> String? {
        if evidence.text(evidence.requestLine).contains(/^HTTP\/1.[0-9] 101/) { return "nothing behind 101 is HTTP" }
        // The peer does not know this coding then, and reads to the end of the connection.
        return tabBehind(evidence)
    }
}
