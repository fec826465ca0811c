// What the cache needs to know of an origin's answer, gathered once per fetch. No decisions here.

package import HTTPMessage

/// An origin's answer as far as the cache is concerned.
package struct ResponseFacts: Sendable {
    /// The Expires field (RFC 9111 section 5.3).
    package enum Expiry: Sendable, Equatable {
        case absent
        /// Not a date, or several that differ: in the past.
        case invalid
        /// Unix seconds.
        case at(Int64)
    }

    /// What kind of content type was declared, as far as the deception guard cares.
    package enum ContentClass: UInt8, Sendable {
        case other
        /// text/html, XHTML or JSON: what a page or an API of a signed-in user looks like.
        case personal
    }

    package var status: UInt16 = 200
    package var directives = ResponseDirectives()
    /// Unix seconds; nil when missing or invalid.
    package var dateSeconds: Int64?
    package var expiry = Expiry.absent
    package var lastModifiedSeconds: Int64?
    /// 0 when missing or invalid (RFC 9111 section 5.1).
    package var ageSeconds: UInt32 = 0
    package var hasETag = false
    package var hasSetCookie = false
    package var hasVary = false
    /// `*` is a member of Vary.
    package var variesOnEverything = false
    /// `Pragma: no-cache` in an answer without Cache-Control.
    package var hasPragmaNoCache = false
    /// Content-Location names the request's own URL.
    package var namesOwnLocation = false
    package var coding = ContentCoding.identity
    package var contentClass = ContentClass.other
    package var contentRange: ContentRange?
    /// What Content-Length says.
    package var declaredLength: UInt64?

    package init() {}

    /// Gathers the facts. `bytes` is the span that the head was parsed from; `now` is Unix milliseconds.
    package init(
        head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64, settings: PolicySettings
    ) {
        self.init()
    }
}
