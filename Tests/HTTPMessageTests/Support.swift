// Helpers of this target's tests: text to spans, extents to text, one-shot parsing.
import HTTPMessage

/// The text of an extent.
func text(_ bytes: [UInt8], _ extent: Extent) -> String {
    String(decoding: bytes[extent.range], as: UTF8.self)
}

extension [UInt8] {
    /// The bytes as the parsers take them.
    var raw: RawSpan {
        @_lifetime(borrow self) borrowing get { unsafe span.bytes }
    }
}

/// All of the bytes.
func whole(_ bytes: [UInt8]) -> Extent { Extent(start: 0, end: bytes.count) }

/// A message with its fields.
protocol ParsedMessage {
    var bytes: [UInt8] { get }
    var fields: [FieldEntry] { get }
}

extension ParsedMessage {
    func text(_ extent: Extent) -> String { String(decoding: bytes[extent.range], as: UTF8.self) }

    /// Name and value of the fields that would be forwarded.
    var forwarded: [String] { fields.filter { !$0.isDropped }.map { "\(text($0.name)): \(text($0.value))" } }
}

/// What came of parsing a request in one go.
struct ParsedRequest: ParsedMessage {
    var progress: RequestProgress
    var head: RequestHead
    var bytes: [UInt8]
    var fields: [FieldEntry]

    var rejection: Rejection? { if case .rejected(let reason) = progress { reason } else { nil } }
    var isComplete: Bool { if case .complete = progress { true } else { false } }
}

func parseRequest(_ bytes: [UInt8], limits: MessageLimits = MessageLimits()) -> ParsedRequest {
    var parser = RequestParser(limits: limits)
    var table = FieldTable(capacity: limits.fieldCount)
    let progress = parser.parse(bytes.raw, into: &table)
    let fields = (0..<table.count).map { table[$0] }
    return ParsedRequest(progress: progress, head: parser.head, bytes: bytes, fields: fields)
}

func parseRequest(_ text: String, limits: MessageLimits = MessageLimits()) -> ParsedRequest {
    parseRequest(Array(text.utf8), limits: limits)
}

/// What came of parsing a response in one go.
struct ParsedResponse: ParsedMessage {
    var progress: ResponseProgress
    var head: ResponseHead
    var bytes: [UInt8]
    var fields: [FieldEntry]

    var rejection: Rejection? { if case .rejected(let reason) = progress { reason } else { nil } }
    var isComplete: Bool { if case .complete = progress { true } else { false } }
}

func parseResponse(_ text: String, to method: HTTPMessage.Method = .get) -> ParsedResponse {
    let bytes = Array(text.utf8)
    var parser = ResponseParser()
    parser.reset(requestMethod: method)
    var table = FieldTable(capacity: 64)
    let progress = parser.parse(bytes.raw, into: &table)
    let fields = (0..<table.count).map { table[$0] }
    return ParsedResponse(progress: progress, head: parser.head, bytes: bytes, fields: fields)
}

/// What `body` writes into a sink of `capacity` bytes, and whether it overflowed.
func written(capacity: Int = 256, _ body: (inout ByteSink) -> Void) -> (text: String, overflowed: Bool) {
    var buffer = [UInt8](repeating: 0, count: capacity)
    var count = 0
    var overflowed = false
    do {
        var storage = buffer.mutableSpan
        var sink = unsafe ByteSink(storage.mutableBytes)
        body(&sink)
        count = sink.count
        overflowed = sink.overflowed
    }
    return (String(decoding: buffer[..<count], as: UTF8.self), overflowed)
}
