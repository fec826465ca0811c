// What a 304 (or the answer to a HEAD) does to a stored answer (RFC 9111 sections 3.2, 4.3.4, 4.3.5).

package import HTTPMessage

package enum Freshening {
    /// What to do with the origin's answer to a validation.
    package enum Outcome: UInt8, Sendable {
        /// 304 for what is stored: update it (`encode`) and serve it.
        case update
        /// 304 that names another validator: what is stored is not what the origin has. Fetch again, unconditionally.
        case mismatch
        /// An error that the stored answer may cover, see `Reuse.Fallback`.
        case failed
        /// A whole new answer: decide about storing it as for a miss; it replaces the stored one.
        case replaced
    }

    /// Judges the answer to a validation request that carried the stored validators (section 4.3.4).
    package static func judge(
        stored: borrowing StoredHead, status: UInt16, bytes: RawSpan, fields: borrowing FieldTable, now: Int64
    ) -> Outcome {
        guard status == 304 else { return Reuse.isError(status: status) ? .failed : .replaced }
        // Without a tag in the answer it can only be about what the origin was asked about. A date of its own does not
        // take that back: origins of several machines, or with dates made up as they answer, send another each time.
        guard fields.contains(.etag) else { return .update }
        return Validators.agree(stored: stored, bytes: bytes, fields: fields, now: now) ? .update : .mismatch
    }

    /// What a HEAD answer from the origin says about a stored GET answer (section 4.3.5).
    package enum HeadOutcome: UInt8, Sendable {
        /// Same validators and length: update the stored fields.
        case update
        /// Different, or gone: the stored answer is out of date and must not be used any more.
        case invalidate
        /// It says nothing about it.
        case ignore
    }

    /// - Parameter length: of the stored body.
    package static func judgeHead(
        stored: borrowing StoredHead, length: UInt64, head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable,
        now: Int64
    ) -> HeadOutcome {
        if stored.flags.contains(.isPartial) {
            guard head.status == 200 else { return .ignore }
            let isSameLength = head.declaredLength == nil || head.declaredLength == stored.declaredLength
            let isSame = isSameLength && Validators.agree(stored: stored, bytes: bytes, fields: fields, now: now)
            return isSame ? .ignore : .invalidate
        }
        if head.status == 404 || head.status == 410 { return stored.status == head.status ? .ignore : .invalidate }
        guard head.status == 200 else { return .ignore }
        guard stored.status == 200 else { return .invalidate }
        if let declared = head.declaredLength, declared != length { return .invalidate }
        return Validators.agree(stored: stored, bytes: bytes, fields: fields, now: now) ? .update : .invalidate
    }

    /// The header block that `encode` wrote.
    package struct Renewal {
        package var plan: StorePlan
        /// Its length.
        package var count: Int
        /// Length of the merged field lines.
        package var mergedCount: Int
        /// Why it is for the client that caused the validation and for nobody else; nil when it may be stored.
        package var refusal: PassReason?
        /// Fields are left out of it because `private=` or `no-cache=` names them.
        package var namesFields: Bool
    }

    /// Writes the updated header block: stored fields replaced by those of the answer, but for those that describe the
    /// stored bytes and those never stored; freshness computed anew from the whole.
    ///
    /// - Parameter join: for a 206 that is joined with a stored part: what is held then (section 3.4).
    /// - Parameters:
    ///   - scratch: room for the merged field lines, twice a stored head. They stay there.
    ///   - table: any field table; it is emptied first, and has the merged fields afterwards.
    /// - Returns: nil when it does not fit, or could not be stored where `join` wants it to.
    package static func encode(
        stored: borrowing StoredHead, head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable,
        request: RequestFacts, times: ExchangeTimes, settings: PolicySettings, scratch: inout MutableRawSpan,
        table: inout FieldTable, join: HeldRanges? = nil, into buffer: inout MutableRawSpan
    ) -> Renewal? {
        var merged = ByteSink(scratch._mutatingExtracting(0...))
        guard !stored.flags.contains(.isPartial) || join != nil else { return nil }
        table.removeAll()
        guard merge(stored: stored, bytes: bytes, fields: fields, settings: settings, into: &merged, table: &table)
        else { return nil }
        var whole = ResponseHead()
        whole.status = stored.status
        whole.minorVersion = head.minorVersion
        whole.declaredLength = stored.declaredLength
        let reasonStart = merged.count
        merged.append(stored.reason)
        whole.reason = Extent(start: reasonStart, end: merged.count)
        guard !merged.overflowed else { return nil }
        var facts = ResponseFacts(
            head: whole, bytes: merged.written, fields: table, now: times.responseMilliseconds, settings: settings
        )
        var asked = request
        // A stored POST answer is validated by a GET; its merged form is that of a GET.
        asked.method = .get
        facts.ageSeconds = ResponseFacts.age(bytes: bytes, fields: fields)
        if let join, let length = stored.declaredLength {
            facts.status = 206
            facts.contentRange = .bytes(join[0], length: length)
            facts.declaredLength = join[0].count
            asked.hasRange = true
        }
        var plan = StorePlan(response: facts, times: times, settings: settings)
        var refusal: PassReason?
        switch StoreDecision.decide(request: asked, response: facts, times: times, settings: settings) {
        case .store(let decided): plan = decided
        case .pass(let reason, _): refusal = reason
        }
        guard refusal == nil || join == nil else { return nil }
        // The coding was chosen when the body came.
        plan.flags.remove(.unaskedCoding)
        plan.flags.formUnion(stored.flags.intersection(.unaskedCoding))
        let cost = UInt32(clamping: max(0, times.responseMilliseconds - times.requestMilliseconds))
        guard
            let count = StoredHead.encode(
                head: whole, bytes: merged.written, fields: table, facts: facts, plan: plan, times: times,
                isVariant: stored.flags.contains(.isVariant),
                fetchCostMilliseconds: max(cost, stored.fetchCostMilliseconds), runs: join,
                into: &buffer
            )
        else { return nil }
        return Renewal(
            plan: plan, count: count, mergedCount: merged.count, refusal: refusal,
            namesFields: facts.directives.namesFields)
    }

    /// Stored lines that the answer does not replace, then the answer's. A missing Date is supplied later, and the
    /// stored one is dropped: it would make the validated answer look as old as the first.
    private static func merge(
        stored: borrowing StoredHead, bytes: RawSpan, fields: borrowing FieldTable, settings: PolicySettings,
        into merged: inout ByteSink, table: inout FieldTable
    ) -> Bool {
        let lines = stored.fieldLines
        // Where it is the only validator the origin is asked about it again: it says which version is held here.
        let keepsLastModified = stored.flags.contains(.hasLastModified) && !stored.flags.contains(.hasETag)
        var walker = StoredLineWalker()
        while let line = walker.next(in: lines) {
            let name = lines.slice(line.name)
            let field = KnownField.recognise(name)
            if field == .date { continue }
            let isKept = field == .lastModified && keepsLastModified
            if !isKept, isReplaced(name, field, bytes: bytes, fields: fields) { continue }
            guard append(name, lines.slice(line.value), field, into: &merged, table: &table) else { return false }
        }
        for index in 0..<fields.count {
            let entry = fields[index]
            guard !entry.isDropped, StoredFields.mayStore(entry.field, hidesTags: settings.hidesTagFields),
                StoredFields.mayUpdate(entry.field), !(keepsLastModified && entry.field == .lastModified)
            else { continue }
            guard
                append(
                    bytes.slice(entry.name), bytes.slice(entry.value), entry.field, into: &merged, table: &table
                )
            else { return false }
        }
        return !merged.overflowed
    }

    private static func isReplaced(
        _ name: RawSpan, _ field: KnownField, bytes: RawSpan, fields: borrowing FieldTable
    ) -> Bool {
        guard StoredFields.mayUpdate(field) else { return false }
        var next = fields.index(named: name, in: bytes)
        while let index = next {
            if !fields[index].isDropped { return true }
            next = fields.index(named: name, in: bytes, from: index + 1)
        }
        return false
    }

    private static func append(
        _ name: RawSpan, _ value: RawSpan, _ field: KnownField, into merged: inout ByteSink, table: inout FieldTable
    ) -> Bool {
        let start = merged.count
        merged.append(name)
        let nameExtent = Extent(start: start, end: merged.count)
        let valueStart = merged.count
        merged.append(value)
        let valueExtent = Extent(start: valueStart, end: merged.count)
        return !merged.overflowed && table.append(FieldEntry(name: nameExtent, value: valueExtent, field: field))
    }
}

/// The validators of an answer without content, compared with what is stored (RFC 9111 section 4.3.4).
enum Validators {
    /// An equal entity tag settles it; an unequal one too. A tag for what has none needs the same Last-Modified beside
    /// it. Without one in the answer Last-Modified must be the same, if it is there on both sides.
    static func agree(
        stored: borrowing StoredHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64
    ) -> Bool {
        if stored.flags.contains(.hasETag), let value = fields.first(.etag) {
            guard let tag = EntityTag.parse(bytes, value) else { return equalBytes(bytes.slice(value), stored.etag) }
            return EntityTagList.match(bytes, value, tag: stored.etag, weakly: tag.isWeak) == .match
        }
        guard let storedDate = stored.lastModifiedSeconds, let value = fields.first(.lastModified) else {
            return !fields.contains(.etag)
        }
        return HTTPDate.parse(bytes.slice(value), now: Seconds.whole(now)) == storedDate
    }
}
