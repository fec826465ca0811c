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
    /// Set-Cookie is there and would be stored.
    package var hasSetCookie = false
    package var hasVary = false
    /// `*` is a member of Vary.
    package var variesOnEverything = false
    /// X-Forwarded-For, or Forwarded, is a member: which origin and client see differently.
    package var variesOnForwardedFor = false
    package var variesOnForwarded = false
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
    /// `namesOwnLocation` is left false: only who knows the request's key can say.
    package init(
        head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64, settings: PolicySettings
    ) {
        let seconds = Seconds.whole(now)
        status = head.status
        declaredLength = head.declaredLength
        directives = ResponseDirectives(bytes: bytes, fields: fields, settings: settings)
        dateSeconds = fields.first(.date).flatMap { HTTPDate.parse(bytes.slice($0), now: seconds) }
        lastModifiedSeconds = fields.first(.lastModified).flatMap { HTTPDate.parse(bytes.slice($0), now: seconds) }
        expiry = ResponseFacts.expiry(bytes: bytes, fields: fields, now: seconds)
        ageSeconds = ResponseFacts.age(bytes: bytes, fields: fields)
        if let etag = fields.only(.etag) { hasETag = !etag.isEmpty }
        if let index = fields.index(of: .setCookie) {
            // Named by `private=` or `no-cache=` it is not stored: nobody else's cookie is sent.
            let name = bytes.slice(fields[index].name)
            hasSetCookie = !NamedFields.contain(name, bytes: bytes, fields: fields)
        }
        variesOnEverything = false
        readVary(bytes: bytes, fields: fields)
        if fields.contains(.pragma), !fields.contains(.cacheControl) {
            hasPragmaNoCache = PragmaField.saysNoCache(bytes: bytes, fields: fields)
        }
        coding = ContentCoding(bytes: bytes, fields: fields)
        if let type = fields.first(.contentType) { contentClass = ContentClass(bytes.slice(type)) }
        contentRange = fields.only(.contentRange).flatMap { ContentRange.parse(bytes, $0) }
    }

    /// One valid date, or several equal ones; anything else is in the past (RFC 9111 section 5.3).
    private static func expiry(bytes: RawSpan, fields: borrowing FieldTable, now: Int64) -> Expiry {
        var found = Expiry.absent
        var next = fields.index(of: .expires)
        while let index = next {
            guard let seconds = HTTPDate.parse(bytes.slice(fields[index].value), now: now) else { return .invalid }
            if found != .absent, found != .at(seconds) { return .invalid }
            found = .at(seconds)
            next = fields.index(of: .expires, from: index + 1)
        }
        return found
    }

    /// The first member of the first line; an invalid one is ignored (RFC 9111 section 5.1).
    static func age(bytes: RawSpan, fields: borrowing FieldTable) -> UInt32 {
        guard let value = fields.first(.age) else { return 0 }
        var walker = ListWalker(value)
        guard let first = walker.next(in: bytes) else { return 0 }
        return Numbers.deltaSeconds(bytes.slice(first)) ?? 0
    }

    private mutating func readVary(bytes: RawSpan, fields: borrowing FieldTable) {
        var next = fields.index(of: .vary)
        while let index = next {
            var walker = ListWalker(fields[index].value)
            while let element = walker.next(in: bytes) {
                hasVary = true
                if element.length == 1, bytes.byte(at: element.lower) == UInt8(ascii: "*") {
                    variesOnEverything = true
                }
                let name = bytes.slice(element)
                if equalIgnoringCase(name, "x-forwarded-for") { variesOnForwardedFor = true }
                if equalIgnoringCase(name, "forwarded") { variesOnForwarded = true }
            }
            next = fields.index(of: .vary, from: index + 1)
        }
    }
}

extension ResponseFacts.ContentClass {
    init(_ contentType: RawSpan) {
        var length = 0
        while length < contentType.byteCount {
            let byte = contentType.byte(at: length)
            if byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { break }
            length += 1
        }
        let type = contentType.extracting(first: length)
        let isPersonal =
            equalIgnoringCase(type, "text/html") || equalIgnoringCase(type, "application/xhtml+xml")
            || equalIgnoringCase(type, "application/json")
            || (length > 5 && equalIgnoringCase(type.extracting(last: 5), "+json"))
        self = isPersonal ? .personal : .other
    }
}
