// Answers that are a part (206): when they may be stored, joined and used (RFC 9111 sections 3.3 and 3.4). A part is
// stored as the object it belongs to, with a note of which bytes it holds; it never answers anything but a range in it.

package import HTTPMessage

extension StoreDecision {
    /// Decides about a 206: storable if a 200 with these fields were, and if it holds one range of known place; what
    /// its framing says of its length must agree. It is for the client that asked for a range only, and nobody else may
    /// wait for it.
    static func decidePart(
        request: RequestFacts, response: ResponseFacts, times: ExchangeTimes, settings: PolicySettings
    ) -> StoreDecision {
        guard settings.storesParts, request.hasRange, case .bytes(let range, let length?) = response.contentRange,
            range.last < length, (response.declaredLength ?? range.count) == range.count
        else { return .pass(.partialContent, rememberSeconds: 0) }
        var whole = response
        whole.status = 200
        let decision = decide(request: request, response: whole, times: times, settings: settings)
        guard case .store(var plan) = decision, range.count != length else { return decision }
        plan.flags.insert(.isPartial)
        plan.flags.remove(.shareable)
        plan.staleWhileRevalidateSeconds = 0
        plan.staleIfErrorSeconds = 0
        return .store(plan)
    }
}

extension Selection {
    /// What a stored part can answer: a single range inside it, a 304, or a 416; nil when the origin must be asked.
    ///
    /// - Returns: the selection, and where in the stored body its range begins.
    package static func decidePart(
        stored: borrowing StoredHead, method: Method, bytes: RawSpan, fields: borrowing FieldTable, now: Int64,
        settings: PolicySettings
    ) -> (selection: Selection, bodyOffset: UInt64)? {
        guard let held = stored.heldRanges, let length = stored.declaredLength else { return nil }
        let selection = decide(
            stored: stored, method: method, bytes: bytes, fields: fields, length: length, now: now, settings: settings
        )
        switch selection {
        case .notModified, .unsatisfiable: return (selection, 0)
        case .whole, .multipart: return nil
        case .range(let range):
            guard let offset = held.offset(of: range) else { return nil }
            return (selection, offset)
        }
    }

    /// What the client that caused the fetch of a part gets when the part is not what it asked for: the run that has
    /// some of it, as the origin chose to send it.
    package static func nearestRun(
        stored: borrowing StoredHead, bytes: RawSpan, fields: borrowing FieldTable
    ) -> (selection: Selection, bodyOffset: UInt64)? {
        guard let held = stored.heldRanges, let length = stored.declaredLength else { return nil }
        let wanted = fields.only(.range).flatMap { RangeSet.single(bytes, $0)?.resolved(length: length) }
        guard let run = held.run(touching: wanted) else { return nil }
        return (.range(run), held.bytes(before: run.first))
    }
}

extension StoredHead {
    /// Whether this stored part and a new 206 belong to the same version of the object, so that their bytes may be
    /// joined (RFC 9111 section 3.4): equal lengths, and an equal strong entity tag, or an equal strong Last-Modified
    /// where neither has a tag.
    package func mayJoin(response: ResponseFacts, bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        guard flags.contains(.isPartial), case .bytes(_, let length?) = response.contentRange,
            declaredLength == length, response.coding == coding
        else { return false }
        return hasSameStrongValidator(bytes: bytes, fields: fields)
    }

    /// Which place of the object lies at an offset of the stored body; nil where there is none.
    package func place(ofBodyOffset offset: UInt64) -> UInt64? {
        guard flags.contains(.isPartial) else { return offset }
        return heldRanges?.place(ofBodyOffset: offset)
    }

    /// Whether a response is of the very same representation: an equal strong entity tag, or an equal strong
    /// Last-Modified where neither has a tag (RFC 9110 sections 8.8.1 and 15.3.7.3).
    package func hasSameStrongValidator(bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        if flags.contains(.hasETag) || fields.contains(.etag) {
            guard flags.contains(.strongETag), let value = fields.only(.etag) else { return false }
            return equalBytes(bytes.slice(value), etag)
        }
        guard flags.contains(.strongLastModified), let value = fields.only(.lastModified) else { return false }
        return equalBytes(bytes.slice(value), lastModified)
    }
}

extension StoredHead {
    /// Whether a response says of its body what this head says: status, length, coding, type and validators, such as
    /// they are. Not that the body is the same.
    package func describesSame(as head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        guard head.status == status, head.declaredLength == declaredLength,
            ContentCoding(bytes: bytes, fields: fields) == coding
        else { return false }
        return isSame(contentType, .contentType, bytes, fields) && isSame(etag, .etag, bytes, fields)
            && isSame(lastModified, .lastModified, bytes, fields)
    }

    private func isSame(
        _ value: RawSpan, _ field: KnownField, _ bytes: RawSpan, _ fields: borrowing FieldTable
    ) -> Bool {
        guard let other = fields.first(field) else { return value.byteCount == 0 }
        return equalBytes(value, bytes.slice(other))
    }
}

/// What to ask the origin for when a stored part cannot answer by itself.
package enum PartRequest: Equatable, Sendable {
    /// The whole object.
    case whole
    /// What is missing beside the stored part; joined with it, it answers the request.
    case rest(ByteRange)
    /// What the client asks for: the object is too large to be fetched whole for it.
    case asAsked

    /// Decides for a request that the fresh or stale part cannot answer. What is asked for beside a stored part must be
    /// joined with it to be of use, and a whole must be stored: neither is asked for where it is more than
    /// `storableBytes`.
    package static func decide(
        stored: borrowing StoredHead, method: Method, bytes: RawSpan, fields: borrowing FieldTable, now: Int64,
        storableBytes: UInt64, settings: PolicySettings
    ) -> PartRequest {
        let choice = choose(
            stored: stored, method: method, bytes: bytes, fields: fields, now: now, settings: settings)
        let fits: Bool
        switch choice {
        case .rest(let missing):
            fits = stored.heldBytes <= settings.maximumJoinedBytes && stored.heldBytes + missing.count <= storableBytes
        case .whole: fits = (stored.declaredLength ?? 0) <= storableBytes
        case .asAsked: return choice
        }
        if fits { return choice }
        return fields.contains(.range) ? .asAsked : .whole
    }

    /// Only a strong validator lets bytes of two answers be joined, so that without one there is nothing to complete.
    private static func choose(
        stored: borrowing StoredHead, method: Method, bytes: RawSpan, fields: borrowing FieldTable, now: Int64,
        settings: PolicySettings
    ) -> PartRequest {
        guard method == .get, let held = stored.heldRanges, let length = stored.declaredLength else { return .whole }
        let isHuge = settings.fetchesRangesOnly(length: length)
        let selection = Selection.decide(
            stored: stored, method: method, bytes: bytes, fields: fields, length: length, now: now, settings: settings
        )
        let wanted: ByteRange
        switch selection {
        case .whole where isHuge && fields.contains(.range): return .asAsked
        case .whole: wanted = ByteRange(first: 0, last: length - 1)
        case .range(let range): wanted = range
        case .multipart: return isHuge ? .asAsked : .whole
        case .notModified, .unsatisfiable: return .whole
        }
        guard !stored.flags.isDisjoint(with: [.strongETag, .strongLastModified]),
            let missing = missingRun(of: wanted, beside: held)
        else { return isHuge && wanted.count < length ? .asAsked : .whole }
        return .rest(missing)
    }

    /// The range that `rest` asks for.
    package var missing: ByteRange? { if case .rest(let range) = self { range } else { nil } }

    /// Whether an object that turned out to be of that length should rather be fetched by the client's range.
    package static func asksRangeOnly(
        bytes: RawSpan, fields: borrowing FieldTable, length: UInt64, settings: PolicySettings
    ) -> Bool {
        guard settings.fetchesRangesOnly(length: length), let value = fields.only(.range),
            let wanted = RangeSet.parse(bytes, value), wanted.count == 1,
            let range = wanted.specifications[0].resolved(length: length)
        else { return false }
        return range.count < length / 2
    }

    /// Whether a request is for less than all of an object of that length.
    package static func asksForPart(bytes: RawSpan, fields: borrowing FieldTable, length: UInt64) -> Bool {
        guard let value = fields.only(.range), let wanted = RangeSet.parse(bytes, value) else { return false }
        guard wanted.count == 1, let range = wanted.specifications[0].resolved(length: length) else { return true }
        return range.count < length
    }

    /// The one run of `wanted` that is not held, where it touches what is: a gap in the middle of nowhere is the
    /// business of a fetch of its own. nil when there are two.
    private static func missingRun(of wanted: ByteRange, beside held: HeldRanges) -> ByteRange? {
        var ranges = held
        guard let first = ranges.firstMissing(in: wanted), ranges.insert(first), ranges.covers(wanted),
            ranges.count <= held.count
        else { return nil }
        return first
    }
}
