// Memory that is used within one step and never across two: key text, header blocks, decoded chunks, response heads.

internal import CachePolicy
internal import HTTPMessage

struct Scratch: ~Copyable {
    /// The base key of the request at hand.
    var key: Buffer
    /// A variant key.
    var variantKey: Buffer
    /// A header block or Vary record being encoded.
    var block: Buffer
    /// Field lines being merged, and their table.
    var merged: Buffer
    var mergedFields: FieldTable
    /// A client's address.
    var text = Buffer(capacity: 64)
    var responseParser: ResponseParser
    /// Trailers fit in this.
    let trailerAllowance: Int
    var responseFields: FieldTable

    init(limits: MessageLimits, responses: MessageLimits) {
        key = Buffer(capacity: 3 * limits.startLineBytes + 1024)
        variantKey = Buffer(capacity: 3 * limits.startLineBytes + 2 * limits.headBytes + 1024)
        block = Buffer(capacity: 2 * responses.headBytes + 1024)
        merged = Buffer(capacity: 4 * responses.headBytes)
        mergedFields = FieldTable(capacity: 2 * limits.fieldCount)
        responseParser = ResponseParser(limits: responses)
        trailerAllowance = limits.trailerBytes + 1024
        responseFields = FieldTable(capacity: limits.fieldCount)
    }
}

extension Scratch {
    /// Parses a response head; the result is in `responseParser.head` and `responseFields`.
    mutating func parseResponse(_ bytes: RawSpan) -> ResponseProgress {
        responseParser.parse(bytes, into: &responseFields)
    }

    /// Encodes the parsed response's header block.
    mutating func encodeBlock(
        _ bytes: RawSpan, _ facts: ResponseFacts, _ plan: StorePlan, _ times: ExchangeTimes, isVariant: Bool,
        cost: UInt32
    ) -> Bool {
        Self.encodeBlock(
            &block, responseParser.head, bytes, responseFields, facts, plan, times, isVariant: isVariant, cost: cost)
    }

    private static func encodeBlock(
        _ block: inout Buffer, _ head: ResponseHead, _ bytes: RawSpan, _ fields: borrowing FieldTable,
        _ facts: ResponseFacts, _ plan: StorePlan, _ times: ExchangeTimes, isVariant: Bool, cost: UInt32
    ) -> Bool {
        block.clear()
        var space = block.space()
        let count = StoredHead.encode(
            head: head, bytes: bytes, fields: fields, facts: facts, plan: plan, times: times, isVariant: isVariant,
            fetchCostMilliseconds: cost, into: &space)
        guard let count else { return false }
        block.commit(count)
        return true
    }

    /// Encodes the header block that a 304 (or an answer to HEAD, or another part) makes of a stored one.
    mutating func encodeRenewed(
        _ stored: borrowing StoredHead, _ bytes: RawSpan, _ request: RequestFacts, _ times: ExchangeTimes,
        _ settings: PolicySettings, join: HeldRanges? = nil
    ) -> Freshening.Renewal? {
        Self.encodeRenewed(
            &block, &merged, &mergedFields, stored, responseParser.head, bytes, responseFields, request, times,
            settings, join)
    }

    private static func encodeRenewed(
        _ block: inout Buffer, _ merged: inout Buffer, _ table: inout FieldTable, _ stored: borrowing StoredHead,
        _ head: ResponseHead, _ bytes: RawSpan,
        _ fields: borrowing FieldTable, _ request: RequestFacts, _ times: ExchangeTimes, _ settings: PolicySettings,
        _ join: HeldRanges?
    ) -> Freshening.Renewal? {
        block.clear()
        merged.clear()
        var space = block.space()
        var mergeSpace = merged.space()
        let renewed = Freshening.encode(
            stored: stored, head: head, bytes: bytes, fields: fields, request: request, times: times,
            settings: settings, scratch: &mergeSpace, table: &table, join: join, into: &space)
        guard let renewed else { return nil }
        block.commit(renewed.count)
        merged.commit(renewed.mergedCount)
        return renewed
    }

    /// Writes the key of a range of an object into `merged`. False when it does not fit.
    mutating func writeSliceKey(isVariant: Bool, range: RawSpan) -> Bool {
        isVariant ? Self.writeSliceKey(&merged, variantKey, range) : Self.writeSliceKey(&merged, key, range)
    }

    private static func writeSliceKey(_ buffer: inout Buffer, _ key: borrowing Buffer, _ range: RawSpan) -> Bool {
        buffer.clear()
        var sink = buffer.sink()
        sink.append(key.readable)
        sink.append("\nr")
        sink.append(range)
        let count = sink.overflowed ? 0 : sink.count
        buffer.commit(count)
        return count > 0
    }

    /// The lines of the parsed response that are left out of the renewed head only because they are named in it.
    borrowing func withheldLines(_ bytes: RawSpan) -> Buffer? {
        var lines = Buffer(capacity: responseParser.head.length)
        var sink = lines.sink()
        NamedFields.write(
            bytes: bytes, fields: responseFields, namedIn: merged.readable, mergedFields, into: &sink)
        let count = sink.overflowed ? 0 : sink.count
        lines.commit(count)
        return lines
    }

    /// Encodes the Vary record that the parsed response needs.
    mutating func encodeRecord(
        _ bytes: RawSpan, _ current: borrowing VaryRecord?, _ request: RequestFacts, _ response: ResponseFacts,
        _ freshUntilSeconds: UInt32, _ random: UInt64, _ settings: PolicySettings, isNewVariant: Bool
    ) -> VaryRecord.Change? {
        Self.encodeRecord(
            &block, bytes, responseFields, current, request, response, freshUntilSeconds, random, settings,
            isNewVariant: isNewVariant)
    }

    /// Writes a record into `block` that is good for longer. False where it is already.
    mutating func encodeExtended(_ current: borrowing VaryRecord, until seconds: UInt32) -> Bool {
        Self.encodeExtended(&block, current, until: seconds)
    }

    private static func encodeExtended(
        _ block: inout Buffer, _ current: borrowing VaryRecord, until seconds: UInt32
    ) -> Bool {
        block.clear()
        var space = block.space()
        guard let count = current.encodeExtended(until: seconds, into: &space) else { return false }
        block.commit(count)
        return true
    }

    private static func encodeRecord(
        _ block: inout Buffer, _ bytes: RawSpan, _ fields: borrowing FieldTable, _ current: borrowing VaryRecord?,
        _ request: RequestFacts, _ response: ResponseFacts, _ freshUntilSeconds: UInt32, _ random: UInt64,
        _ settings: PolicySettings, isNewVariant: Bool
    ) -> VaryRecord.Change? {
        block.clear()
        var space = block.space()
        let record = VaryRecord.encode(
            responseBytes: bytes, responseFields: fields, asked: request.acceptedCodings, chosen: response.coding,
            current: current, isNewVariant: isNewVariant, freshUntilSeconds: freshUntilSeconds,
            randomGeneration: random, settings: settings, into: &space)
        guard let record else { return nil }
        block.commit(record.count)
        return record.change
    }
}

/// xorshift64* (Vigna 2014): for early refresh and boundaries, never for secrets.
struct RandomNumbers {
    private var state: UInt64

    init() {
        var generator = SystemRandomNumberGenerator()
        state = generator.next() | 1
    }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
