// Answers that are a part (206): when they may be stored, joined and used (RFC 9111 sections 3.3 and 3.4). A part is
// stored as the object it belongs to, with a note of which bytes it holds; it never answers anything but a range in it.

package import HTTPMessage

extension StoreDecision {
    /// Decides about a 206: storable if a 200 with these fields were, and if it holds one range of known place whose
    /// length is stated. It is for the client that asked for a range only, and nobody else may wait for it.
    static func decidePart(
        request: RequestFacts, response: ResponseFacts, times: ExchangeTimes, settings: PolicySettings
    ) -> StoreDecision {
        guard settings.storesParts, request.hasRange, case .bytes(let range, let length?) = response.contentRange,
            range.last < length, response.declaredLength == range.count
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
        guard let held = stored.heldRange, let length = stored.declaredLength else { return nil }
        let selection = decide(
            stored: stored, method: method, bytes: bytes, fields: fields, length: length, now: now, settings: settings
        )
        switch selection {
        case .notModified, .unsatisfiable: return (selection, 0)
        case .whole, .multipart: return nil
        case .range(let range):
            guard range.first >= held.first, range.last <= held.last else { return nil }
            return (selection, range.first - held.first)
        }
    }
}

extension StoredHead {
    /// Whether this stored part and a new 206 belong to the same version of the object, so that their bytes may be
    /// joined (RFC 9111 section 3.4): equal lengths, and an equal strong entity tag, or an equal strong Last-Modified
    /// where neither has a tag.
    package func mayJoin(response: ResponseFacts, bytes: RawSpan, fields: borrowing FieldTable) -> Bool {
        guard flags.contains(.isPartial), case .bytes(_, let length?) = response.contentRange,
            declaredLength == length
        else { return false }
        return hasSameStrongValidator(bytes: bytes, fields: fields)
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
