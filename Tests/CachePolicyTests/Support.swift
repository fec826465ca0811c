// Small tools for the tests of this target: messages from text, stored heads from messages, rendered heads as text.
import HTTPMessage
import Testing

@testable import CachePolicy

/// Monday, 23 November 2026 12:00:00 GMT.
let noon: Int64 = 1_795_435_200
let noonText = "Mon, 23 Nov 2026 12:00:00 GMT"

func date(_ offset: Int64) -> String {
    text { HTTPDate.write(noon + offset, into: &$0) }
}

/// What `write` puts into a sink.
func text(capacity: Int = 16384, _ write: (inout ByteSink) -> Void) -> String {
    var storage = [UInt8](repeating: 0, count: capacity)
    var span = storage.mutableSpan
    var sink = unsafe ByteSink(span.mutableBytes)
    write(&sink)
    let fits = !sink.overflowed
    #expect(fits)
    return string(sink.written)
}

func string(_ bytes: RawSpan) -> String {
    var result: [UInt8] = []
    for offset in 0..<bytes.byteCount { result.append(bytes.byte(at: offset)) }
    return String(decoding: result, as: UTF8.self)
}

func withBytes<Result>(_ text: String, _ body: (RawSpan) -> Result) -> Result {
    let array = Array(text.utf8)
    return unsafe body(array.span.bytes)
}

/// Parses `GET / ...` with lines separated by plain line ends; Host is added.
func withRequest<Result>(
    _ line: String = "GET /", _ fields: [String] = [], host: String = "example.com",
    _ body: (RequestHead, RawSpan, borrowing FieldTable) -> Result
) -> Result {
    let message = ([line + " HTTP/1.1", "Host: \(host)"] + fields + ["", ""]).joined(separator: "\r\n")
    var table = FieldTable(capacity: 64)
    var parser = RequestParser()
    let array = Array(message.utf8)
    let bytes = unsafe array.span.bytes
    let progress = parser.parse(bytes, into: &table)
    if case .complete = progress {} else { Issue.record("request not accepted: \(progress) \(message)") }
    return body(parser.head, bytes, table)
}

func withResponse<Result>(
    _ fields: [String], status: String = "200 OK", method: Method = .get,
    _ body: (ResponseHead, RawSpan, borrowing FieldTable) -> Result
) -> Result {
    let message = (["HTTP/1.1 " + status] + fields + ["", ""]).joined(separator: "\r\n")
    var table = FieldTable(capacity: 64)
    var parser = ResponseParser()
    parser.reset(requestMethod: method)
    let array = Array(message.utf8)
    let bytes = unsafe array.span.bytes
    let progress = parser.parse(bytes, into: &table)
    if case .complete = progress {} else { Issue.record("response not accepted: \(progress) \(message)") }
    return body(parser.head, bytes, table)
}

let instant = ExchangeTimes(requestMilliseconds: noon * 1000, responseMilliseconds: noon * 1000)

func requestFacts(_ line: String = "GET /", _ fields: [String] = []) -> RequestFacts {
    withRequest(line, fields) { RequestFacts(head: $0, bytes: $1, fields: $2) }
}

func responseFacts(
    _ fields: [String], status: String = "200 OK", settings: PolicySettings = PolicySettings()
) -> ResponseFacts {
    withResponse(fields, status: status) {
        ResponseFacts(head: $0, bytes: $1, fields: $2, now: noon * 1000, settings: settings)
    }
}

func decide(
    _ fields: [String], status: String = "200 OK", request: String = "GET /", requestFields: [String] = [],
    isDemand: Bool = false, times: ExchangeTimes = instant, settings: PolicySettings = PolicySettings()
) -> StoreDecision {
    var asked = requestFacts(request, requestFields)
    asked.isDemand = isDemand
    return StoreDecision.decide(
        request: asked,
        response: responseFacts(fields, status: status, settings: settings), times: times, settings: settings
    )
}

extension StoreDecision {
    var plan: StorePlan? {
        if case .store(let plan) = self { return plan }
        return nil
    }

    var refusal: PassReason? {
        if case .pass(let reason, _) = self { return reason }
        return nil
    }
}

/// Stores an answer and hands out the stored head.
func withStored<Result>(
    _ fields: [String], status: String = "200 OK", requestFields: [String] = [], isDemand: Bool = false,
    times: ExchangeTimes = instant, cost: UInt32 = 0, settings: PolicySettings = PolicySettings(),
    _ body: (borrowing StoredHead) -> Result
) -> Result? {
    let block = storedBlock(
        fields, status: status, requestFields: requestFields, isDemand: isDemand, times: times, cost: cost,
        settings: settings)
    guard let block else { return nil }
    let bytes = unsafe block.span.bytes
    guard let stored = StoredHead(bytes) else {
        Issue.record("block not readable")
        return nil
    }
    return body(stored)
}

func storedBlock(
    _ fields: [String], status: String = "200 OK", requestFields: [String] = [], isDemand: Bool = false,
    times: ExchangeTimes = instant, cost: UInt32 = 0, settings: PolicySettings = PolicySettings()
) -> [UInt8]? {
    let decision = decide(
        fields, status: status, requestFields: requestFields, isDemand: isDemand, times: times, settings: settings)
    guard let plan = decision.plan else {
        Issue.record("not stored: \(decision)")
        return nil
    }
    return withResponse(fields, status: status) { head, bytes, table in
        let facts = ResponseFacts(
            head: head, bytes: bytes, fields: table, now: times.responseMilliseconds, settings: settings)
        var storage = [UInt8](repeating: 0xAA, count: 8192)
        var span = storage.mutableSpan
        var target = unsafe span.mutableBytes
        let count = StoredHead.encode(
            head: head, bytes: bytes, fields: table, facts: facts, plan: plan, times: times, isVariant: false,
            fetchCostMilliseconds: cost, into: &target)
        guard let count else {
            Issue.record("does not fit")
            return nil
        }
        return Array(storage[0..<count])
    }
}

/// Reuse of an answer stored at noon, `seconds` later.
func reuse(
    _ fields: [String], after seconds: Double, request: [String] = [], status: String = "200 OK",
    settings: PolicySettings = PolicySettings()
) -> Reuse? {
    withStored(fields, status: status, settings: settings) { stored in
        Reuse.decide(
            stored: stored, request: requestFacts("GET /", request), now: noon * 1000 + Int64(seconds * 1000),
            random: .max, settings: settings)
    }
}

/// What a 304 made of a stored head.
struct Freshened {
    var plan: StorePlan
    var lines: [String]
}

/// The head as it stands after a 304 with those fields; nil when what is stored is of no use any more.
func freshened(_ stored: borrowing StoredHead, by fields: [String], times: ExchangeTimes) -> Freshened? {
    guard let (plan, block) = renewed(stored, by: fields, status: "304 Not Modified", times: times),
        let head = StoredHead(unsafe block.span.bytes)
    else { return nil }
    return Freshened(plan: plan, lines: Array(string(head.fieldLines).components("\r\n").dropLast()))
}

/// The header block that an answer makes of a stored one, that of a joined part if it brings one.
func renewed(
    _ stored: borrowing StoredHead, by fields: [String], status: String, times: ExchangeTimes, join: HeldRanges? = nil
) -> (plan: StorePlan, block: [UInt8])? {
    withResponse(fields, status: status) { head, bytes, table in
        var scratchStorage = [UInt8](repeating: 0, count: 8192)
        var scratchSpan = scratchStorage.mutableSpan
        var scratch = unsafe scratchSpan.mutableBytes
        // What is not written must not count.
        var storage = [UInt8](repeating: 0xAA, count: 8192)
        var span = storage.mutableSpan
        var target = unsafe span.mutableBytes
        var merged = FieldTable(capacity: 64)
        let outcome = Freshening.encode(
            stored: stored, head: head, bytes: bytes, fields: table, request: requestFacts(), times: times,
            settings: PolicySettings(), scratch: &scratch, table: &merged, join: join, into: &target)
        guard let outcome, outcome.refusal == nil else { return nil }
        return (outcome.plan, Array(storage[0..<outcome.count]))
    }
}
