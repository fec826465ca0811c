// A fill whose owner has died: the first of its readers to notice goes on with it. If a strong validator can say that
// it is still the same object, the origin is asked for the rest; if not, for the whole once more, and what the fill has
// must be how that begins. What comes of it is one version, always.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Makes this process the owner, if no other reader was faster. True when the context should be looked at again.
    mutating func adopt(_ x: UInt32) -> Bool {
        switch Self.takeOver(contexts[x].body) {
        case .none:
            // Another reader has it: its progress will wake this one.
            return false
        case .some(let permit):
            count(.fillsTakenOver)
            return resume(permit, x)
        }
    }

    static func isOrphaned(_ body: borrowing BodySource) -> Bool {
        switch body.ticket {
        case .none: false
        case .some(let ticket): ticket.phase == .orphaned
        }
    }

    private static func takeOver(_ body: borrowing BodySource) -> FillPermit? {
        switch body.ticket {
        case .none: nil
        case .some(let ticket): ticket.takeOver()
        }
    }

    private mutating func resume(_ permit: consuming FillPermit, _ x: UInt32) -> Bool {
        if permit.isComplete {
            // The dead owner had only the commit left.
            while permit.finish(budgetBytes: Self.finishBudgetBytes) == .again {}
            return true
        }
        let c = contexts[x].client.index
        let route = contexts[x].route
        guard let probe = makeProbe(c, request: contexts[x].request, route) else {
            permit.fail(.ownerLost)
            return true
        }
        var range: ByteRange?
        let hasBegun = permit.hasHead
        if hasBegun {
            range = Self.missingRange(contexts[x].body, from: permit.bytesReady)
            guard range != nil || Self.mayCompare(permit) else {
                permit.fail(.ownerLost)
                return true
            }
        }
        let id = contexts.id(at: x)
        let isStarted = startExchange(
            hasBegun ? .resume : .fill, request: contexts[x].request, context: id, route, probe,
            LookupResult(hash: probe.hash), permit: permit, range: range) != nil
        // Who is in the middle of the body looks again, and sees that the fill has ended.
        return !isStarted && contexts.contains(id) && contexts[x].phase == .sending
    }

    /// Whether the whole may be fetched once more in place of a rest that no validator can tell from another version's.
    private static func mayCompare(_ permit: borrowing FillPermit) -> Bool {
        guard let stored = StoredHead(permit.header) else { return false }
        return stored.status == 200 && !stored.flags.contains(.isPartial)
    }

    /// Whether the rest of a whole object can be told from that of another version.
    static func mayResume(_ stored: borrowing StoredHead) -> Bool {
        stored.status == 200 && !stored.flags.contains(.isPartial) && hasStrongValidator(stored)
    }

    static func hasStrongValidator(_ stored: borrowing StoredHead) -> Bool {
        stored.flags.contains(stored.flags.contains(.hasETag) ? .strongETag : .strongLastModified)
    }

    /// What is still missing of a whole object with a strong validator; nil when it cannot be resumed.
    private static func missingRange(_ body: borrowing BodySource, from position: Int) -> ByteRange? {
        switch body.ticket {
        case .none: return nil
        case .some(let ticket):
            guard let stored = StoredHead(ticket.header), mayResume(stored) else { return nil }
            let end = stored.declaredLength ?? .max
            return UInt64(position) < end ? ByteRange(first: UInt64(position), last: end == .max ? end : end - 1) : nil
        }
    }

    /// The origin's answer to the request for the rest: the very bytes that are missing, or the whole of the same
    /// representation once more (a server may ignore Range), or the end of this fill.
    mutating func resumeHead(_ e: UInt32, _ o: UInt32, _ head: ResponseHead) {
        if exchanges[e].comparesSkipped {
            guard Self.isAlike(exchanges[e].permit, origins[o].answer, scratch) else { return loseFill(e) }
            exchanges[e].skippedBytes = UInt64(exchanges[e].permit?.bytesReady ?? 0)
            return releaseRequest(e)
        }
        let facts = Self.responseFacts(origins[o].answer, scratch, clock.unixMilliseconds, settings)
        guard let known = Self.resumption(exchanges[e].permit, origins[o].answer, scratch) else { return loseFill(e) }
        switch (head.status, facts.contentRange) {
        case (206, .bytes(let range, let total?)):
            guard range.first == known.position, range.last == total &- 1, total == known.length ?? total,
                facts.declaredLength ?? range.count == range.count
            else { return loseFill(e) }
            exchanges[e].partLength = range.count
        case (200, _):
            guard known.length == nil || facts.declaredLength == known.length else { return loseFill(e) }
            exchanges[e].skippedBytes = known.position
        default: return loseFill(e)
        }
        releaseRequest(e)
    }

    private struct Resumption {
        var position: UInt64
        /// Of the whole representation, if the first answer told.
        var length: UInt64?
    }

    /// What the fill has of the representation that this answer is of; nil when it is of another one.
    private static func resumption(
        _ permit: borrowing FillPermit?, _ answer: RawSpan, _ scratch: borrowing Scratch
    ) -> Resumption? {
        switch permit {
        case .none: return nil
        case .some(let permit):
            guard let stored = StoredHead(permit.header) else { return nil }
            guard isSame(stored, answer, scratch) else { return nil }
            return Resumption(position: UInt64(permit.bytesReady), length: stored.declaredLength)
        }
    }

    private static func isAlike(
        _ permit: borrowing FillPermit?, _ answer: RawSpan, _ scratch: borrowing Scratch
    ) -> Bool {
        switch permit {
        case .none: return false
        case .some(let permit):
            guard let stored = StoredHead(permit.header) else { return false }
            return stored.describesSame(
                as: scratch.responseParser.head, bytes: answer, fields: scratch.responseFields)
        }
    }

    /// Whether an answer's next bytes, from `offset` of its body on, are those that the fill has there.
    static func holds(_ permit: borrowing FillPermit?, _ bytes: RawSpan, at offset: UInt64) -> Bool {
        switch permit {
        case .none: return false
        case .some(let permit):
            var compared = 0
            while compared < bytes.byteCount {
                let run = permit.read(at: Int(offset) + compared)
                let count = min(run.byteCount, bytes.byteCount - compared)
                guard count > 0, equalBytes(run.extracting(..<count), bytes.extracting(compared..<compared + count))
                else { return false }
                compared += count
            }
            return true
        }
    }

    /// Whether an answer is of the version that a head is of.
    static func isSame(
        _ stored: borrowing StoredHead, _ answer: RawSpan, _ scratch: borrowing Scratch
    ) -> Bool {
        stored.hasSameStrongValidator(bytes: answer, fields: scratch.responseFields)
    }

    /// Two versions are never spliced: who has sent a part of the old one cuts it, the others ask the cache again.
    mutating func loseFill(_ e: UInt32) {
        if let permit = exchanges[e].permit.take() { permit.fail(.ownerLost) }
        endExchange(e)
    }
}
