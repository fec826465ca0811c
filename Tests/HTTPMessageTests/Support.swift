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

/// What came of parsing a request in one go.
struct ParsedRequest {
    var progress: RequestProgress
    var head: RequestHead
    var bytes: [UInt8]
    var fields: [FieldEntry]

    func text(_ extent: Extent) -> String { String(decoding: bytes[extent.range], as: UTF8.self) }
    var rejection: Rejection? { if case .rejected(let reason) = progress { reason } else { nil } }
    var isComplete: Bool { if case .complete = progress { true } else { false } }

    /// Name and value of the fields that would be forwarded.
    var forwarded: [String] { fields.filter { !$0.isDropped }.map { "\(text($0.name)): \(text($0.value))" } }
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
struct ParsedResponse {
    var progress: ResponseProgress
    var head: ResponseHead
    var bytes: [UInt8]
    var fields: [FieldEntry]

    func text(_ extent: Extent) -> String { String(decoding: bytes[extent.range], as: UTF8.self) }
    var rejection: Rejection? { if case .rejected(let reason) = progress { reason } else { nil } }
    var isComplete: Bool { if case .complete = progress { true } else { false } }
    var forwarded: [String] { fields.filter { !$0.isDropped }.map { "\(text($0.name)): \(text($0.value))" } }
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

/// A small generator of random numbers whose seed is printed with a failure.
struct Dice: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
