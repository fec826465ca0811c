// Writes the header block of a new answer; the layout is drawn in StoredHead.swift. Freshening.swift makes the fields
// that a 304 updates and then comes here too.

package import HTTPMessage

extension StoredHead {
    /// Most bytes of field lines that a block can hold.
    package static let maximumLineBytes = 0xFFFF

    /// Writes the header block of an answer that `StoreDecision` wants stored (of a 206, that of the object): prologue,
    /// end-to-end field lines (hop-by-hop, Connection-listed, proxy and Age fields removed, and those named by
    /// `no-cache=` or `private=`; Content-Length removed since the body's length is written on sending; Date supplied
    /// when missing).
    ///
    /// - Parameters:
    ///   - bytes: the span that `head` and `fields` were parsed from.
    ///   - isVariant: the block goes under a variant key.
    ///   - runs: what is held of the object, where it is more than the answer's own part.
    ///   - fetchCostMilliseconds: from sending the request to the end of the answer's head; drives early refresh.
    /// - Returns: the block's length, nil when `buffer` or the stored form is too small: then do not store
    ///   (`PassReason.headTooLarge`).
    package static func encode(
        head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable, facts: ResponseFacts, plan: StorePlan,
        times: ExchangeTimes, isVariant: Bool, fetchCostMilliseconds: UInt32, runs: HeldRanges? = nil,
        into buffer: inout MutableRawSpan
    ) -> Int? {
        var prologue = Prologue(facts: facts, plan: plan, times: times)
        prologue.fetchCostMilliseconds = fetchCostMilliseconds
        if isVariant { prologue.flags.insert(.isVariant) }
        if head.minorVersion == 0 { prologue.flags.insert(.receivedAs10) }
        var reason = head.reason
        if facts.status == 206 {
            prologue.becomeWhole(facts: facts)
            prologue.hold(runs)
            reason = .empty
        }
        guard buffer.byteCount > prologueBytes else { return nil }
        var sink = ByteSink(buffer._mutatingExtracting(prologueBytes...))
        prologue.writeLines(bytes: bytes, fields: fields, facts: facts, into: &sink)
        let lineBytes = sink.count
        sink.append(bytes.slice(reason))
        if let runs, prologue.flags.contains(.severalRuns) { Prologue.write(runs, into: &sink) }
        let total = sink.count
        guard !sink.overflowed, lineBytes <= maximumLineBytes, reason.length <= maximumLineBytes else {
            return nil
        }
        prologue.write(lineBytes: lineBytes, reasonBytes: reason.length, into: &buffer)
        return prologueBytes + total
    }
}

/// The fixed part of a header block while it is being put together.
private struct Prologue {
    var flags: StoredFlags
    var coding: ContentCoding
    var status: UInt16
    var plan: StorePlan
    var dateSeconds: Int64
    var lastModifiedSeconds: Int64
    var fetchCostMilliseconds: UInt32 = 0
    let receivedSeconds: UInt32
    var declaredLength: UInt64
    var firstByte: UInt64 = 0
    var heldBytes: UInt64 = 0
    var etag = Extent.empty
    var lastModified = Extent.empty
    var contentType = Extent.empty
    var date = Extent.empty

    init(facts: ResponseFacts, plan: StorePlan, times: ExchangeTimes) {
        self.plan = plan
        flags = plan.flags
        receivedSeconds = UInt32(truncatingIfNeeded: Seconds.whole(times.responseMilliseconds))
        coding = facts.coding
        status = facts.status
        dateSeconds = facts.dateSeconds ?? Seconds.whole(times.responseMilliseconds)
        lastModifiedSeconds = facts.lastModifiedSeconds ?? 0
        declaredLength = facts.declaredLength ?? .max
        if facts.hasETag { flags.insert(.hasETag) }
        if let modified = facts.lastModifiedSeconds {
            flags.insert(.hasLastModified)
            if modified < dateSeconds { flags.insert(.strongLastModified) }
        }
    }

    /// The head of a 206 becomes that of the object it is a part of.
    mutating func becomeWhole(facts: ResponseFacts) {
        guard case .bytes(let range, let length?) = facts.contentRange else { return }
        status = 200
        declaredLength = length
        guard flags.contains(.isPartial) else { return }
        firstByte = range.first
        heldBytes = range.count
    }

    /// Several runs are held: the table will say which.
    mutating func hold(_ runs: HeldRanges?) {
        guard let runs, runs.count > 1, flags.contains(.isPartial) else { return }
        flags.insert(.severalRuns)
        firstByte = runs[0].first
        heldBytes = runs.byteCount
    }

    /// The table of runs.
    static func write(_ runs: HeldRanges, into sink: inout ByteSink) {
        sink.append(UInt8(runs.count))
        sink.append(UInt8(0))
        for index in 0..<runs.count {
            for value in [runs[index].first, runs[index].last] {
                for shift in stride(from: 0 as UInt64, to: 64, by: 8) {
                    sink.append(UInt8(truncatingIfNeeded: value >> shift))
                }
            }
        }
    }

    /// Copies what may be stored and notes where the fields are that later decisions look at.
    mutating func writeLines(
        bytes: RawSpan, fields: borrowing FieldTable, facts: ResponseFacts,
        into sink: inout ByteSink
    ) {
        var isSimple = true
        let hasNames = facts.directives.namesFields
        for index in 0..<fields.count {
            let entry = fields[index]
            guard !entry.isDropped, StoredFields.mayStore(entry.field, hidesTags: flags.contains(.hidesTags)) else {
                continue
            }
            if entry.field == .contentRange, facts.status == 206 { continue }
            if entry.field == .date, facts.dateSeconds == nil || !date.isEmpty { continue }
            if hasNames, NamedFields.contain(bytes.slice(entry.name), bytes: bytes, fields: fields) { continue }
            if isSpecial(entry.field) { isSimple = false }
            let valueStart = sink.count + entry.name.length + 2
            sink.append(entry.name, of: bytes)
            sink.append(": ")
            sink.append(entry.value, of: bytes)
            sink.append("\r\n")
            note(entry.field, Extent(start: valueStart, end: valueStart + entry.value.length), in: bytes, entry.value)
        }
        if date.isEmpty {
            sink.append("Date: ")
            date = Extent(start: sink.count, end: sink.count + HTTPDate.length)
            HTTPDate.write(dateSeconds, into: &sink)
            sink.append("\r\n")
        }
        if isSimple { flags.insert(.simpleLines) }
        if Encodable.mayEncode(bytes: bytes, fields: fields, facts: facts, flags: flags) { flags.insert(.encodable) }
        if Encodable.varyNamesCoding(bytes: bytes, fields: fields) { flags.insert(.variesByCoding) }
        if etag.isEmpty { flags.subtract([.hasETag, .strongETag]) }
        if lastModified.isEmpty { flags.subtract([.hasLastModified, .strongLastModified]) }
    }

    /// A line that some answers must leave out and that is not the first of the two whose places are known.
    private func isSpecial(_ field: KnownField) -> Bool {
        switch field {
        case .contentEncoding, .contentLanguage, .contentRange: true
        case .contentType: contentType != .empty
        case .lastModified: lastModified != .empty
        default: false
        }
    }

    private mutating func note(_ field: KnownField, _ place: Extent, in bytes: RawSpan, _ value: Extent) {
        if field == .etag {
            etag = place
            if let tag = EntityTag.parse(bytes, value), !tag.isWeak { flags.insert(.strongETag) }
        } else if field == .lastModified, lastModified.isEmpty {
            lastModified = place
        } else if field == .contentType, contentType.isEmpty {
            contentType = place
        } else if field == .date {
            date = place
        }
    }

    func write(lineBytes: Int, reasonBytes: Int, into buffer: inout MutableRawSpan) {
        func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
            buffer.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
        }
        put(StoredKind.response.rawValue, at: 0)
        put(coding.rawValue, at: 1)
        put(status, at: 2)
        put(flags.rawValue, at: 4)
        put(plan.zeroMoment, at: 8)
        put(dateSeconds, at: 16)
        put(lastModifiedSeconds, at: 24)
        put(plan.freshnessSeconds, at: 32)
        put(plan.staleWhileRevalidateSeconds, at: 36)
        put(plan.staleIfErrorSeconds, at: 40)
        put(fetchCostMilliseconds, at: 44)
        put(declaredLength, at: 48)
        for (extent, offset) in [(etag, 56), (lastModified, 60), (contentType, 64), (date, 68)] {
            put(UInt16(truncatingIfNeeded: extent.start), at: offset)
            put(UInt16(truncatingIfNeeded: extent.count), at: offset + 2)
        }
        put(UInt16(truncatingIfNeeded: lineBytes), at: 72)
        put(UInt16(truncatingIfNeeded: reasonBytes), at: 74)
        put(receivedSeconds, at: 76)
        put(firstByte, at: 80)
        put(heldBytes, at: 88)
    }
}
