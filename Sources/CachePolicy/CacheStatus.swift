// The Cache-Status field (RFC 9211): what happened, told truthfully. One value in, one field line out.

package import HTTPMessage

/// What the node did with a request.
package struct CacheStatus: Sendable, Equatable {
    /// Why the request went forward (RFC 9211 section 2.2).
    package enum Forward: UInt8, Sendable {
        /// It did not: a hit.
        case none
        case bypass, method, uriMiss, varyMiss, miss, request, stale, partial

        var text: StaticString {
            switch self {
            case .none: ""
            case .bypass: "bypass"
            case .method: "method"
            case .uriMiss: "uri-miss"
            case .varyMiss: "vary-miss"
            case .miss: "miss"
            case .request: "request"
            case .stale: "stale"
            case .partial: "partial"
            }
        }
    }

    /// Why the answer is what it is, beside the reasons not to store.
    package enum Note: UInt8, Sendable {
        case none
        /// An expired answer within stale-while-revalidate.
        case staleWhileRevalidate
        /// An expired answer because the origin failed.
        case staleIfError
        /// An expired answer because the client said `max-stale`.
        case maxStale
        /// The stored answer was validated by a 304.
        case validated
        /// A marker said that answers for this key are not storable.
        case hitForMiss
        /// `only-if-cached` without a usable answer.
        case onlyIfCached
        /// The origin could not be reached or its answer was unusable.
        case originFailed
        /// The origin could not prove who it is.
        case originInsecure
        /// Every connection to the origin was taken.
        case originBusy
        /// What is stored is in a coding that this client does not accept.
        case coding
        /// The node refused the request by itself.
        case refused
        /// The client wants to hear this node, and nobody behind it.
        case lastHop

        var detail: StaticString? {
            switch self {
            case .none: nil
            case .staleWhileRevalidate: "stale-while-revalidate"
            case .staleIfError: "stale-if-error"
            case .maxStale: "max-stale"
            case .validated: "validated"
            case .hitForMiss: "hit-for-miss"
            case .onlyIfCached: "only-if-cached"
            case .originFailed: "origin-failed"
            case .originInsecure: "origin-insecure"
            case .originBusy: "origin-busy"
            case .coding: "coding"
            case .refused: "refused"
            case .lastHop: "max-forwards"
            }
        }
    }

    package var forward = Forward.none
    /// The origin's status; 0 when there was none or it is the status sent.
    package var forwardStatus: UInt16 = 0
    /// Seconds of freshness left; nil to leave it out.
    package var ttlSeconds: Int64?
    package var isStored = false
    package var isCollapsed = false
    /// Why it was not stored.
    package var refusal: PassReason?
    package var note = Note.none
    /// The coding that the node chose for the stored answer.
    package var coding = ContentCoding.identity

    package init() {}

    /// Neither forwarded nor a hit: an answer the node made by itself.
    private var isHit: Bool {
        switch note {
        case .onlyIfCached, .originFailed, .originInsecure, .originBusy, .refused, .lastHop: false
        default: true
        }
    }

    package static func hit(ttlSeconds: Int64) -> CacheStatus {
        var status = CacheStatus()
        status.ttlSeconds = ttlSeconds
        return status
    }

    /// A hit about which there is nothing to say but how long it stays fresh.
    var isPlainHit: Bool {
        forward == .none && note == .none && refusal == nil && !isStored && !isCollapsed && coding == .identity
    }

    /// Writes `Cache-Status: name; hit; ttl=59 CRLF` and the like. `key` is written only if the settings show it.
    package func write(key: RawSpan, settings: PolicySettings, into sink: inout ByteSink) {
        sink.append("Cache-Status: ")
        settings.nodeName.write(into: &sink)
        if forward == .none {
            if isHit { sink.append("; hit") }
        } else {
            sink.append("; fwd=")
            sink.append(forward.text)
            if forwardStatus > 0 {
                sink.append("; fwd-status=")
                sink.appendDecimal(UInt64(forwardStatus))
            }
        }
        if let ttlSeconds {
            sink.append("; ttl=")
            sink.appendDecimal(ttlSeconds)
        }
        if isStored { sink.append("; stored") }
        if isCollapsed { sink.append("; collapsed") }
        if settings.showsKeyInCacheStatus, key.byteCount > 0 { writeKey(key, into: &sink) }
        if settings.explainsInCacheStatus, let detail { writeDetail(detail, into: &sink) }
        sink.append("\r\n")
    }

    private var detail: StaticString? { refusal?.detail ?? note.detail ?? CacheStatus.detail(of: coding) }

    /// What says that the node has encoded a stored answer.
    static func detail(of coding: ContentCoding) -> StaticString? {
        switch coding {
        case .gzip: "encoded-gzip"
        case .br: "encoded-br"
        case .zstd: "encoded-zstd"
        case .identity, .other: nil
        }
    }

    private func writeDetail(_ detail: StaticString, into sink: inout ByteSink) {
        sink.append("; detail=")
        sink.append(detail)
    }

    /// As an sf-string: quotes and backslashes escaped, what it cannot hold replaced.
    private func writeKey(_ key: RawSpan, into sink: inout ByteSink) {
        sink.append("; key=\"")
        for offset in 0..<key.byteCount {
            let byte = key.byte(at: offset)
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { sink.append(UInt8(ascii: "\\")) }
            sink.append(byte >= 0x20 && byte < 0x7F ? byte : UInt8(ascii: "?"))
        }
        sink.append("\"")
    }
}
