// Answers that are a part (206): when they may be stored, joined and used (RFC 9111 sections 3.3 and 3.4). A part lives
// under a key of its own (`CacheKey.writePartKey`), beside the whole object's.

package import HTTPMessage

/// How a 206 is to be stored.
package struct PartPlan: Sendable, Equatable {
    package var plan: StorePlan
    /// The bytes of the object that the body is.
    package var range: ByteRange
    /// Length of the whole object.
    package var length: UInt64

    /// The body is the object in other words: it goes under the object's own key.
    package var isWhole: Bool { range.count == length }

    /// Decides about a 206 with one range; nil when it is only relayed: no single valid range, a length that does not
    /// fit, or an answer that could not be stored as a 200 either.
    package static func decide(
        request: RequestFacts, response: ResponseFacts, times: ExchangeTimes, settings: PolicySettings
    ) -> PartPlan? {
        guard response.status == 206, case .bytes(let range, let length?) = response.contentRange,
            range.last < length, response.declaredLength == nil || response.declaredLength == range.count
        else { return nil }
        var whole = response
        whole.status = 200
        guard
            case .store(var plan) = StoreDecision.decide(
                request: request, response: whole, times: times, settings: settings
            )
        else { return nil }
        if range.count != length { plan.flags.insert(.isPartial) }
        return PartPlan(plan: plan, range: range, length: length)
    }

    /// Whether this part and a stored one belong to the same version of the object, so that their bytes may be joined
    /// (RFC 9111 section 3.4): equal lengths, and an equal strong entity tag, or an equal strong Last-Modified where
    /// neither has a tag.
    package func mayJoin(
        _ stored: borrowing StoredHead, bytes: RawSpan, fields: borrowing FieldTable
    ) -> Bool {
        guard stored.flags.contains(.isPartial), stored.declaredLength == length else { return false }
        if stored.flags.contains(.hasETag) || fields.contains(.etag) {
            guard stored.flags.contains(.strongETag), let value = fields.only(.etag) else { return false }
            return equalBytes(bytes.slice(value), stored.etag)
        }
        guard stored.flags.contains(.strongLastModified), let value = fields.only(.lastModified) else { return false }
        return equalBytes(bytes.slice(value), stored.lastModified)
    }
}

extension Selection {
    /// What a stored part can answer: a single range inside it, a 304, or a 416; nil when the origin must be asked.
    ///
    /// - Parameter bodyLength: bytes of the part.
    /// - Returns: the selection, and where in the stored body its range begins.
    package static func decidePart(
        stored: borrowing StoredHead, bodyLength: UInt64, method: Method, bytes: RawSpan,
        fields: borrowing FieldTable, now: Int64, settings: PolicySettings
    ) -> (selection: Selection, bodyOffset: UInt64)? {
        guard stored.flags.contains(.isPartial), let length = stored.declaredLength, bodyLength > 0 else { return nil }
        let selection = decide(
            stored: stored, method: method, bytes: bytes, fields: fields, length: length, now: now, settings: settings
        )
        switch selection {
        case .notModified, .unsatisfiable: return (selection, 0)
        case .whole, .multipart: return nil
        case .range(let range):
            let first = stored.firstByte
            guard range.first >= first, range.last - first < bodyLength else { return nil }
            return (selection, range.first - first)
        }
    }
}

extension CacheKey {
    /// Writes the key under which a part of an object is stored; `key` is the object's base or variant key.
    /// - Returns: false when it does not fit.
    package static func writePartKey(of key: RawSpan, into sink: inout ByteSink) -> Bool {
        sink.append(key)
        sink.append("\np")
        return !sink.overflowed
    }
}
