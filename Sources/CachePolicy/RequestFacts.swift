// What the cache needs to know of a request, gathered once when the plain-hit test says it matters. No decisions here.

package import HTTPMessage

/// Cache-Control of a request (RFC 9111 section 5.2.1), Pragma included.
package struct RequestDirectives: Sendable, Equatable {
    /// `no-cache`, or `Pragma: no-cache` in a request without Cache-Control (section 5.4).
    package var noCache = false
    package var noStore = false
    package var onlyIfCached = false
    /// The answer is wanted as it is stored (RFC 9111 section 5.2.1.6).
    package var noTransform = false
    package var maxAgeSeconds: UInt32?
    package var minFreshSeconds: UInt32?
    /// `Seconds.maximum` for `max-stale` without an argument.
    package var maxStaleSeconds: UInt32?
    /// RFC 5861 section 4.
    package var staleIfErrorSeconds: UInt32?

    package init() {}
}

/// A request as far as the cache is concerned.
package struct RequestFacts: Sendable {
    package var method = Method.get
    package var directives = RequestDirectives()
    package var hasAuthorization = false
    package var hasRange = false
    /// If-None-Match, If-Modified-Since, If-Match or If-Unmodified-Since is there.
    package var isConditional = false
    /// If-Match or If-Unmodified-Since: only the origin may judge them (RFC 9111 section 4.3.2).
    package var mustForward = false
    package var hasIfRange = false
    /// The request goes to the origin because its client would not have what is stored and fresh.
    package var isDemand = false
    package var acceptedCodings = CodingSet.identityOnly
    package var promise = PathPromise.anything
    /// One of the fields is there that make an origin answer for another URL.
    package var hasGuardedFields = false

    package init() {}

    /// The same as the cache's own request, for a refresh that nobody waits for: a GET, and what one client wants of a
    /// cache does not count.
    package func forRefresh() -> RequestFacts {
        var facts = self
        facts.method = .get
        facts.directives = RequestDirectives()
        return facts
    }

    /// Names any of which takes a request off the plain-hit path.
    @inlinable package static var notPlain: FieldSet {
        FieldSet(.cacheControl) | .pragma | .authorization | .range | .ifRange | .ifMatch | .ifNoneMatch
            | .ifModifiedSince | .ifUnmodifiedSince
    }

    /// Whether nothing in the request can change what a fresh stored object answers, its content coding excepted
    /// (see `StoredHead.isPlain`).
    @inlinable @inline(__always)
    package static func isPlain(method: Method, names: FieldSet) -> Bool {
        method == .get && !names.intersects(notPlain)
    }

    /// Whether only the origin may judge the request's preconditions (RFC 9111 section 4.3.2).
    @inlinable
    package static func mustForward(_ names: FieldSet) -> Bool {
        names.intersects(FieldSet(.ifMatch) | .ifUnmodifiedSince)
    }

    /// Gathers the facts. `bytes` is the span that the head was parsed from. `mayStore` is false where no answer of
    /// this request can be stored, so that what only storing asks about is left out.
    package init(head: RequestHead, bytes: RawSpan, fields: borrowing FieldTable, mayStore: Bool = true) {
        method = head.method
        hasAuthorization = fields.contains(.authorization)
        hasRange = fields.contains(.range)
        isConditional = fields.containsAny(
            FieldSet(.ifMatch) | .ifNoneMatch | .ifModifiedSince | .ifUnmodifiedSince
        )
        mustForward = RequestFacts.mustForward(fields.presence)
        hasIfRange = fields.contains(.ifRange)
        directives = RequestDirectives(bytes: bytes, fields: fields)
        acceptedCodings = CodingSet(accepting: fields, bytes: bytes)
        guard mayStore else { return }
        promise = PathPromise(path: bytes.slice(head.path))
        hasGuardedFields = fields.containsAny(ForwardRules.poisonous)
    }
}
