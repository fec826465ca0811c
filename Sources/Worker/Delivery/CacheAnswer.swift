// The hit path: looks a request up, decides whether what is stored may be used, and writes head and body into the sink.
// No allocation, no lock, no reference counting; what does not fit the socket comes back as a source under a pin.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

/// One request's question to the cache.
struct CacheProbe {
    let key: CacheKey
    /// Hash of the base key.
    let hash: UInt64
    /// The connection closes after this response.
    let closing: Bool
    let moment: Moment
}

/// When a request is answered.
struct Moment {
    /// Unix milliseconds of cache time.
    let now: Int64
    let random: UInt64
    /// The loop's turn.
    let turn: UInt64

    /// Whether this hit turns a popular compressed body into a raw copy: one in 8 where decoding is what a hit costs
    /// most, one in 64 of smaller ones. Soon enough for what is asked for again, and never much of a turn, since a copy
    /// costs no more than two hits of its object.
    @inline(__always)
    func wantsRawCopy(of view: borrowing ItemView, length: Int) -> Bool {
        guard random & 7 == 0, view.isPopular else { return false }
        guard length >= 4096 || random & 63 == 0 else { return false }
        return view.storedBodyLength < length
    }
}

/// As what a stored object is sent.
struct SentForm {
    /// The coding that the node chose for it; identity for the object as it is stored.
    let coding: ContentCoding
    /// Bytes of the object's own body.
    let objectLength: Int
    /// Of the object's key; of an encoded form another.
    let hash: UInt64
}

/// What a look into the cache found, for whoever must fetch.
struct LookupResult {
    /// The key that answers this request: the base key's hash, or a variant key's (its text is in the scratch).
    var hash: UInt64
    var isVariant = false
    /// Something is stored under that key, of no use as it is.
    var isStored = false
    /// It may be validated.
    var mayValidate = false
    var fallback = Reuse.Fallback.never
    var forward = CacheStatus.Forward.uriMiss
    /// It is fetched because this client would not have what is stored.
    var isDemand = false
    /// A validation confirms it for the one request that caused it: nobody waits for another's.
    var isForOne = false
    /// Serve the request by itself, without collapsing: the stored answer is of no use for it.
    var alone = false
    /// What to ask for when a part is stored that cannot answer by itself.
    var part = PartRequest.whole
    /// That is fetched under a key of its own.
    var isSlice = false
    /// A marker says that the last answer for this key could not be shared: nobody waits for the next one, but it is
    /// stored if it can be (hit-for-miss).
    var isMarked = false

    /// An answer is stored for this request, of no use as it is.
    var hasAnswer: Bool { isFallback || forward == .partial }
    /// Something is stored that a validation may confirm, or that may answer if the origin does not.
    var isFallback: Bool { forward == .stale || (forward == .request && !alone) }
}

enum CacheAnswer: ~Copyable {
    /// Head and body are in the sink.
    case complete(Counter)
    /// A hit whose head and body lie rendered in this slot.
    case rendered(UInt16)
    /// Head and body are in the sink, and the object should be refreshed in the background.
    case completeAndRefresh(Counter, LookupResult)
    /// The head is in the sink, the source has the rest of the body. The object may have to be refreshed besides:
    /// boxed, since every hit moves its answer about and few have this.
    case streaming(BodySource, Counter, refresh: Box<LookupResult>?)
    /// Nothing usable is stored.
    case miss(LookupResult)
    /// `only-if-cached` without a usable answer.
    case unavailable(CacheStatus)
    /// The response was begun and cannot be continued.
    case broken
}

extension Worker {
    /// Answers from the cache if that is possible.
    static func answer(
        _ probe: CacheProbe, _ lane: borrowing Lane, _ scratch: inout Scratch, _ requests: borrowing RequestBuffers,
        _ r: UInt32, _ settings: borrowing WorkerSettings, _ rendered: inout RenderedAnswers,
        _ clients: inout Slab<ClientConnection>, _ c: UInt32
    ) -> CacheAnswer {
        answer(
            probe, lane, scratch.key, &scratch.variantKey, requests[r], settings, &rendered, &clients[c].sink)
    }

    /// The same for a request that is kept parsed.
    static func answer(
        _ probe: CacheProbe, _ lane: borrowing Lane, _ repeated: borrowing RepeatedRequests, _ place: UInt32,
        _ scratch: inout Scratch, _ settings: borrowing WorkerSettings, _ rendered: inout RenderedAnswers,
        _ clients: inout Slab<ClientConnection>, _ c: UInt32
    ) -> CacheAnswer {
        answer(
            probe, lane, repeated[place].keyText, &scratch.variantKey, repeated[place].request, settings, &rendered,
            &clients[c].sink)
    }

    private static func answer(
        _ probe: CacheProbe, _ lane: borrowing Lane, _ key: borrowing Buffer, _ variantKey: inout Buffer,
        _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings, _ rendered: inout RenderedAnswers,
        _ sink: inout ClientSink
    ) -> CacheAnswer {
        guard let view = lane.lookup(hash: probe.hash, key: key.readable) else {
            return nothingStored(LookupResult(hash: probe.hash), request)
        }
        if view.isPassMarker { return markerAnswer(view, LookupResult(hash: probe.hash), probe.moment, request) }
        guard StoredKind.of(view.header) == .varyRecord else {
            return use(view, LookupResult(hash: probe.hash), probe, lane, key, request, settings, &rendered, &sink)
        }
        return answerVariant(view, probe, lane, key, &variantKey, request, settings, &rendered, &sink)
    }

    /// The URL's answers vary: the record says by what, the variant key finds the one for this request.
    private static func answerVariant(
        _ recordView: borrowing ItemView, _ probe: CacheProbe, _ lane: borrowing Lane, _ key: borrowing Buffer,
        _ variantKey: inout Buffer, _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings,
        _ rendered: inout RenderedAnswers, _ sink: inout ClientSink
    ) -> CacheAnswer {
        guard let hash = writeVariantKey(recordView, key, &variantKey, lane, request) else {
            return .miss(LookupResult(hash: probe.hash, alone: true))
        }
        var lookup = LookupResult(hash: hash, isVariant: true, forward: .varyMiss)
        guard let view = lane.lookup(hash: hash, key: variantKey.readable) else {
            return nothingStored(lookup, request)
        }
        if view.isPassMarker { return markerAnswer(view, lookup, probe.moment, request) }
        lookup.forward = .miss
        return use(view, lookup, probe, lane, variantKey, request, settings, &rendered, &sink)
    }

    /// Writes the variant key of a request under a record; gives its hash, nil when it does not fit.
    static func writeVariantKey(
        _ recordView: borrowing ItemView, _ key: borrowing Buffer, _ variantKey: inout Buffer,
        _ lane: borrowing Lane, _ request: borrowing RequestBuffer
    ) -> UInt64? {
        guard let record = VaryRecord(recordView.header) else { return nil }
        guard write(variant: record, key, request, into: &variantKey) else { return nil }
        return lane.keyHash.hash(variantKey.readable)
    }

    static func write(
        variant record: borrowing VaryRecord, _ key: borrowing Buffer, _ request: borrowing RequestBuffer,
        into variantKey: inout Buffer
    ) -> Bool {
        variantKey.clear()
        var output = variantKey.sink()
        let fits = record.writeKey(
            base: key.readable, requestBytes: request.bytes.readable, requestFields: request.fields, into: &output)
        let count = output.count
        let whole = fits && !output.overflowed
        variantKey.commit(whole ? count : 0)
        return whole
    }

    private static func nothingStored(
        _ lookup: LookupResult, _ request: borrowing RequestBuffer
    ) -> CacheAnswer {
        guard refusesFetch(request) else { return .miss(lookup) }
        var report = CacheStatus()
        report.note = .onlyIfCached
        return .unavailable(report)
    }

    /// The client wants what is stored, or nothing.
    static func refusesFetch(_ request: borrowing RequestBuffer) -> Bool {
        guard request.fields.contains(.cacheControl) else { return false }
        return Reuse.refusesFetch(
            request: RequestFacts(head: request.head, bytes: request.bytes.readable, fields: request.fields))
    }

    private static func markerAnswer(
        _ view: borrowing ItemView, _ lookup: LookupResult, _ moment: Moment, _ request: borrowing RequestBuffer
    ) -> CacheAnswer {
        var lookup = lookup
        lookup.isStored = true
        lookup.isMarked = Int64(view.attributes.expiresSeconds) * 1000 > moment.now
        return nothingStored(lookup, request)
    }

    /// A stored answer: plain requests take the short way.
    private static func use(
        _ view: borrowing ItemView, _ lookup: LookupResult, _ probe: CacheProbe, _ lane: borrowing Lane,
        _ key: borrowing Buffer, _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings,
        _ rendered: inout RenderedAnswers, _ sink: inout ClientSink
    ) -> CacheAnswer {
        var lookup = lookup
        lookup.isStored = true
        guard let stored = StoredHead(view.header) else { return .miss(lookup) }
        let head = request.head
        guard RequestFacts.isPlain(method: head.method, names: request.fieldNames),
            stored.isPlain(now: probe.moment.now), !view.isSoftlyPurged
        else {
            return StoredAnswer.decide(view, stored, lookup, probe, lane, key, request, settings, &sink)
        }
        let form = SentForm(coding: .identity, objectLength: view.bodyLength, hash: lookup.hash)
        if request.fields.contains(.acceptEncoding), stored.flags.contains(.encodable) {
            return sendEncoded(view, form, stored, probe, lane, key, request, settings, &rendered, &sink)
        }
        return sendPlain(view, form, stored, probe, lane, key, request, settings, &rendered, &sink)
    }

    /// As `sendPlain`, in the best coding that there is and that the client accepts.
    @inline(never)
    private static func sendEncoded(
        _ view: borrowing ItemView, _ form: SentForm, _ stored: borrowing StoredHead, _ probe: CacheProbe,
        _ lane: borrowing Lane, _ key: borrowing Buffer, _ request: borrowing RequestBuffer,
        _ settings: borrowing WorkerSettings, _ rendered: inout RenderedAnswers, _ sink: inout ClientSink
    ) -> CacheAnswer {
        guard let encoded = EncodedForm.find(of: view, stored, hash: form.hash, lane, request, settings) else {
            return sendPlain(view, form, stored, probe, lane, key, request, settings, &rendered, &sink)
        }
        let coding = EncodedForm.coding(of: encoded)
        let form = SentForm(
            coding: coding, objectLength: view.bodyLength, hash: form.hash &+ UInt64(coding.rawValue))
        return sendPlain(encoded, form, stored, probe, lane, key, request, settings, &rendered, &sink)
    }

    /// Answers a plain request with the body of `view`, which is the object itself or an encoded form of it.
    @inline(__always)
    private static func sendPlain(
        _ view: borrowing ItemView, _ form: SentForm, _ stored: borrowing StoredHead, _ probe: CacheProbe,
        _ lane: borrowing Lane, _ key: borrowing Buffer, _ request: borrowing RequestBuffer,
        _ settings: borrowing WorkerSettings, _ rendered: inout RenderedAnswers, _ sink: inout ClientSink
    ) -> CacheAnswer {
        let head = request.head
        let length = view.bodyLength
        let wantsRawCopy = form.coding == .identity && probe.moment.wantsRawCopy(of: view, length: length)
        if length <= RenderedAnswers.bodyLimit, head.minorVersion > 0, !wantsRawCopy, !sink.hasPending,
            request.unreadCount == 0, let slot = render(view, form, stored, probe, lane, settings, &rendered)
        {
            return .rendered(slot)
        }
        sink.framing = length > 0 ? .length(UInt64(length)) : .none
        let written = sink.appendHit(
            stored, form, bodyLength: UInt64(length), now: probe.moment.now, keepAlive: !probe.closing,
            minorVersion: head.minorVersion, settings: settings.policy)
        guard written else { return .broken }
        let taken = sendWhole(view, length, &sink)
        if taken == length, !wantsRawCopy { return .complete(.hits) }
        guard let taken else { return .broken }
        let answer = sendBody(view, BodySource(item: taken..<length), lane, .hits, refresh: nil, &sink)
        if wantsRawCopy { _ = lane.keepRawCopy(hash: form.hash, key: key.readable) }
        return answer
    }

    /// Hands a body that lies raw in one piece to the sink, without making a source of it. How much of it the sink
    /// took, nothing when it is stored otherwise or is long; nil when the client is gone.
    @inline(__always)
    private static func sendWhole(_ view: borrowing ItemView, _ length: Int, _ sink: inout ClientSink) -> Int? {
        guard case .raw(let bytes) = view.bodyPiece(at: 0), bytes.byteCount == length else { return 0 }
        if length <= BodyPump.wholeCopyLimit, sink.append(bytes) { return length }
        guard !sink.prefersFile(for: length) else { return 0 }
        switch sink.offer(bytes, more: false) {
        case .took(let taken): return taken
        case .failed: return nil
        }
    }

    /// Sends what the socket takes at once; the rest is left as a source under a pin (or a mark).
    static func sendBody(
        _ view: borrowing ItemView, _ source: consuming BodySource, _ lane: borrowing Lane, _ counter: Counter,
        refresh: LookupResult?, _ sink: inout ClientSink
    ) -> CacheAnswer {
        var source = source
        switch BodyPump.pump(view, &source, limit: BodyPump.pieceLimit, into: &sink) {
        case .finished:
            if let refresh { return .completeAndRefresh(counter, refresh) }
            return .complete(counter)
        case .blocked, .paused:
            source.pin = lane.pin(view)
            if source.pin == nil { source.mark = lane.mark(view) }
            return .streaming(source, counter, refresh: refresh.map { Box($0) })
        case .waiting, .failed, .clientGone:
            return .broken
        }
    }
}
