// Cache-Control of a response, and its targeted relatives, as one plain value. Parsing is in DirectiveParsing.swift,
// meaning in Freshness.swift and StoreDecision.swift.

/// Response cache directives that hold for this cache (RFC 9111 section 5.2.2, RFC 9213).
package struct ResponseDirectives: Sendable, Equatable {
    /// Directives without a number, and what is known of those with one.
    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static var noStore: Flags { Flags(rawValue: 1 << 0) }
        /// `no-cache` without field names.
        package static var noCache: Flags { Flags(rawValue: 1 << 1) }
        /// `no-cache="a, b"`.
        package static var noCacheFields: Flags { Flags(rawValue: 1 << 2) }
        /// `private` without field names.
        package static var isPrivate: Flags { Flags(rawValue: 1 << 3) }
        /// `private="a, b"`.
        package static var privateFields: Flags { Flags(rawValue: 1 << 4) }
        package static var isPublic: Flags { Flags(rawValue: 1 << 5) }
        package static var mustRevalidate: Flags { Flags(rawValue: 1 << 6) }
        package static var proxyRevalidate: Flags { Flags(rawValue: 1 << 7) }
        package static var mustUnderstand: Flags { Flags(rawValue: 1 << 8) }
        package static var noTransform: Flags { Flags(rawValue: 1 << 9) }
        package static var immutable: Flags { Flags(rawValue: 1 << 10) }
        /// A cache-control field was there, whatever it held.
        package static var present: Flags { Flags(rawValue: 1 << 11) }
        /// A quoted string did not end: freshness in such a field is not believed.
        package static var malformed: Flags { Flags(rawValue: 1 << 12) }
        /// The directives come from a targeted field: Cache-Control and Expires do not count.
        package static var targeted: Flags { Flags(rawValue: 1 << 13) }
    }

    package var flags: Flags = []
    /// nil when absent; the smallest of several; 0 when invalid, so that the answer counts as stale.
    package var maxAgeSeconds: UInt32?
    /// As `maxAgeSeconds`, for `s-maxage`.
    package var sharedMaxAgeSeconds: UInt32?
    /// RFC 5861 section 3; absent when invalid.
    package var staleWhileRevalidateSeconds: UInt32?
    /// RFC 5861 section 4; absent when invalid.
    package var staleIfErrorSeconds: UInt32?

    package init() {}

    /// `no-cache` or `private` names fields, which are not stored.
    package var namesFields: Bool { !flags.isDisjoint(with: [.noCacheFields, .privateFields]) }
}
