// Stored answers for requests that need thought: conditionals, ranges, HEAD, request directives, stale objects.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

/// How a stored answer is told.
struct StoredReply {
    var report: CacheStatus
    var counter = Counter.hits
    /// What is to be fetched in the background besides.
    var refresh: LookupResult?
    /// Of the object's key, where it may go out in an encoded form and be kept raw for the next request.
    var hash: UInt64?
    /// The connection closes after this response.
    let closing: Bool
    let moment: Moment
}

enum StoredAnswer {
    static func decide(
        _ view: borrowing ItemView, _ stored: borrowing StoredHead, _ lookup: LookupResult, _ probe: CacheProbe,
        _ lane: borrowing Lane, _ key: borrowing Buffer, _ request: borrowing RequestBuffer,
        _ settings: borrowing WorkerSettings, _ sink: inout ClientSink
    ) -> CacheAnswer {
        var facts = RequestFacts(
            head: request.head, bytes: request.bytes.readable, fields: request.fields, mayStore: false)
        if facts.acceptedCodings.contains(.refusesIdentity),
            EncodedForm.find(of: view, stored, hash: lookup.hash, lane, request, settings) != nil
        {
            facts.acceptedCodings.remove(.refusesIdentity)
        }
        let moment = probe.moment
        let reuse = Reuse.decide(
            stored: stored, request: facts, isSoftlyPurged: view.isSoftlyPurged, now: moment.now,
            random: moment.random, settings: settings.policy)
        var lookup = lookup
        lookup.forward = reuse.isDemand && reuse.ttlSeconds > 0 ? .request : .stale
        lookup.mayValidate = reuse.mayValidate
        lookup.fallback = reuse.fallback
        lookup.isDemand = reuse.isDemand
        lookup.isForOne = CollapsePolicy.isForOne(stored: stored)
        var reply = StoredReply(
            report: CacheStatus.hit(ttlSeconds: reuse.ttlSeconds), hash: lookup.hash, closing: probe.closing,
            moment: moment)
        switch reuse.verdict {
        case .fresh where !view.isSoftlyPurged, .freshRefreshSoon where !view.isSoftlyPurged:
            if reuse.verdict == .freshRefreshSoon { reply.refresh = lookup }
        case .fresh, .freshRefreshSoon, .validate:
            if view.isSoftlyPurged, facts.directives.onlyIfCached { return unavailable() }
            if !view.isSoftlyPurged { lookup.part = part(stored, moment, lane, request, settings) }
            return .miss(lookup)
        case .staleRefresh:
            reply.report.note = .staleWhileRevalidate
            reply.refresh = lookup
            reply.counter = .staleHits
        case .staleOnRequest:
            reply.report.note = .maxStale
            reply.counter = .staleHits
        case .unavailable:
            return unavailable()
        case .unacceptableCoding, .notForThisRequest:
            lookup.alone = true
            lookup.forward = reuse.verdict == .unacceptableCoding ? .varyMiss : .request
            return .miss(lookup)
        }
        guard stored.flags.contains(.isPartial) else {
            return send(view, stored, reply, lane, key, request, settings, &sink)
        }
        if let answer = sendPart(view, stored, reply, lane, key, request, settings, &sink) { return answer }
        if facts.directives.onlyIfCached { return unavailable() }
        lookup.forward = .partial
        lookup.part = part(stored, moment, lane, request, settings)
        return .miss(lookup)
    }

    private static func unavailable() -> CacheAnswer {
        var report = CacheStatus()
        report.note = .onlyIfCached
        return .unavailable(report)
    }

    /// What to ask the origin for beside a stored part.
    private static func part(
        _ stored: borrowing StoredHead, _ moment: Moment, _ lane: borrowing Lane, _ request: borrowing RequestBuffer,
        _ settings: borrowing WorkerSettings
    ) -> PartRequest {
        guard stored.flags.contains(.isPartial) else { return .whole }
        return PartRequest.decide(
            stored: stored, method: request.head.method, bytes: request.bytes.readable, fields: request.fields,
            now: moment.now, storableBytes: UInt64(lane.maximumObjectBytes), settings: settings.policy)
    }

    /// Answers a range that lies in a stored part; nil for anything else.
    private static func sendPart(
        _ view: borrowing ItemView, _ stored: borrowing StoredHead, _ reply: StoredReply, _ lane: borrowing Lane,
        _ key: borrowing Buffer, _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings,
        _ sink: inout ClientSink
    ) -> CacheAnswer? {
        let head = request.head
        let part = Selection.decidePart(
            stored: stored, method: head.method, bytes: request.bytes.readable, fields: request.fields,
            now: reply.moment.now, settings: settings.policy)
        guard let part, stored.heldBytes == UInt64(view.bodyLength) else { return nil }
        var source = BodySource()
        sink.framing = .none
        if case .range(let range) = part.selection {
            sink.framing = .length(range.count)
            source = BodySource(item: Int(part.bodyOffset)..<Int(part.bodyOffset + range.count))
        }
        let written = sink.appendStored(
            stored, part.selection, length: stored.declaredLength, now: reply.moment.now,
            delivery: Delivery(framing: .none, keepAlive: !reply.closing, minorVersion: head.minorVersion),
            boundary: reply.moment.random, report: reply.report, key: key.readable, settings: settings.policy)
        guard written else { return .broken }
        return Worker.sendBody(view, source, lane, .rangeHits, refresh: nil, &sink)
    }

    /// Writes the selected form of a stored answer: whole, 304, 412, one range, several, 416. `withheld`: field lines
    /// for this client alone.
    static func send(
        _ view: borrowing ItemView, _ stored: borrowing StoredHead, _ reply: StoredReply, _ lane: borrowing Lane,
        _ key: borrowing Buffer, _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings,
        _ sink: inout ClientSink, withheld: RawSpan = RawSpan()
    ) -> CacheAnswer {
        if let hash = reply.hash, request.fields.contains(.acceptEncoding),
            let encoded = EncodedForm.find(of: view, stored, hash: hash, lane, request, settings)
        {
            var reply = reply
            reply.report.coding = EncodedForm.coding(of: encoded)
            reply.hash = nil
            return send(view, body: encoded, stored, reply, lane, key, request, settings, &sink)
        }
        return send(view, body: view, stored, reply, lane, key, request, settings, &sink, withheld: withheld)
    }

    /// `body` is the object itself, or an encoded form of it in the report's coding: that is sent whole or not at all.
    private static func send(
        _ view: borrowing ItemView, body: borrowing ItemView, _ stored: borrowing StoredHead, _ reply: StoredReply,
        _ lane: borrowing Lane, _ key: borrowing Buffer, _ request: borrowing RequestBuffer,
        _ settings: borrowing WorkerSettings, _ sink: inout ClientSink, withheld: RawSpan = RawSpan()
    ) -> CacheAnswer {
        let moment = reply.moment
        let length = UInt64(body.bodyLength)
        let objectLength = UInt64(view.bodyLength)
        let head = request.head
        let selection = Selection.decide(
            stored: stored, method: head.method, bytes: request.bytes.readable, fields: request.fields,
            length: objectLength, now: moment.now, settings: settings.policy)
        let hasBody = head.method != .head && length > 0
        sink.framing = hasBody ? .length(length) : .none
        let delivery = Delivery(
            framing: .length(length), keepAlive: !reply.closing, minorVersion: head.minorVersion)
        let written = sink.appendStored(
            stored, selection, length: objectLength, now: moment.now, delivery: delivery, boundary: moment.random,
            report: reply.report, key: key.readable, withheld: withheld, settings: settings.policy)
        guard written else { return .broken }
        var source = BodySource()
        var counted = reply.counter
        switch selection {
        case .whole: if hasBody { source = BodySource(item: 0..<Int(length)) }
        case .range(let range):
            if hasBody { source = BodySource(item: Int(range.first)..<Int(range.last) + 1) }
            counted = .rangeHits
        case .multipart(let plan):
            if hasBody {
                source = BodySource(item: 0..<0)
                source.multipart = Box(MultipartPlan(plan: plan, length: length, boundary: moment.random))
            }
            counted = .rangeHits
        case .notModified: counted = .conditionalHits
        case .unsatisfiable: break
        }
        let wantsRawCopy = hasBody && moment.wantsRawCopy(of: view, length: Int(length))
        let answer = Worker.sendBody(body, source, lane, counted, refresh: reply.refresh, &sink)
        if wantsRawCopy, let hash = reply.hash { _ = lane.keepRawCopy(hash: hash, key: key.readable) }
        return answer
    }
}
