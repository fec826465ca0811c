// A request to the admin plane and its answer, as bytes and back. One request per connection; no sockets here.
import Foundation
import HTTPMessage

struct AdminRequest: Equatable, Sendable {
    enum Parsed: Equatable, Sendable {
        /// More bytes are needed.
        case incomplete
        case whole(AdminRequest)
        case refused(AdminAnswer)
    }

    var method: String
    var path: String
    /// The last value of each name, as it was sent.
    var query: [String: String]
    var body: [UInt8]

    /// Asking again does no harm, so a question may be put to two supervisors one after the other.
    var isRepeatable: Bool { method == "GET" }

    private static let largestBody = 128 * 1024

    static func parse(_ bytes: [UInt8]) -> Parsed {
        var parser = RequestParser()
        var fields = FieldTable(capacity: parser.limits.fieldCount)
        let length: Int
        switch unsafe parser.parse(bytes.span.bytes, into: &fields) {
        case .needMore, .routable: return .incomplete
        case .rejected(let reason):
            return .refused(.complaint(Int(reason.status), "the request is malformed: \(reason)"))
        case .complete(let headLength): length = headLength
        }
        var bodyLength = 0
        switch parser.head.framing {
        case .none: break
        case .length(let count):
            guard count <= largestBody else { return .refused(.complaint(413, "the body is too large")) }
            bodyLength = Int(count)
        case .chunked, .untilClose: return .refused(.complaint(411, "say how long the body is (Content-Length)"))
        }
        guard bytes.count >= length + bodyLength else { return .incomplete }
        func text(_ extent: Extent) -> String { String(decoding: bytes[extent.range], as: UTF8.self) }
        var query: [String: String] = [:]
        for pair in text(parser.head.query).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            query[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        return .whole(
            AdminRequest(
                method: text(parser.head.methodText), path: text(parser.head.path), query: query,
                body: Array(bytes[length..<length + bodyLength])))
    }
}

struct AdminAnswer: Equatable, Sendable {
    /// The operation that was asked for is none of this supervisor's: another one was at it.
    static let unknownOperation = 410

    var status: Int
    var body: Data

    static func json(_ value: some Encodable, status: Int = 200) -> AdminAnswer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.dateEncodingStrategy = .iso8601
        let data = (try? encoder.encode(value)) ?? Data("{}".utf8)
        return AdminAnswer(status: status, body: data + Data("\n".utf8))
    }

    static func complaint(_ status: Int, _ text: String) -> AdminAnswer {
        json(["error": ["message": text]], status: status)
    }

    var bytes: [UInt8] {
        let head =
            "HTTP/1.1 \(status) \(Self.reasons[status] ?? "Status")\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + body
    }

    private static let reasons = [
        200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 410: "Gone",
        411: "Length Required", 413: "Content Too Large", 431: "Request Header Fields Too Large",
        503: "Service Unavailable",
    ]
}
