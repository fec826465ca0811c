// The field names the node treats specially, as one byte each. Names only: what a field means is decided by whoever
// asks for it, and how a name is recognised is in KnownFieldLookup.swift.

/// A field name that the node knows. Numbers 1 to 63 have a presence bit of their own, the others share bit 0.
@usableFromInline package struct KnownField: Equatable, Sendable {
    @usableFromInline package var rawValue: UInt8

    @inlinable
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Any name that is not in this list.
    @inlinable package static var other: KnownField { KnownField(rawValue: 0) }

    @inlinable package static var host: KnownField { KnownField(rawValue: 1) }
    @inlinable package static var connection: KnownField { KnownField(rawValue: 2) }
    @inlinable package static var contentLength: KnownField { KnownField(rawValue: 3) }
    @inlinable package static var transferEncoding: KnownField { KnownField(rawValue: 4) }
    @inlinable package static var te: KnownField { KnownField(rawValue: 5) }
    @inlinable package static var trailer: KnownField { KnownField(rawValue: 6) }
    @inlinable package static var upgrade: KnownField { KnownField(rawValue: 7) }
    @inlinable package static var expect: KnownField { KnownField(rawValue: 8) }
    @inlinable package static var keepAlive: KnownField { KnownField(rawValue: 9) }
    @inlinable package static var proxyConnection: KnownField { KnownField(rawValue: 10) }
    @inlinable package static var proxyAuthenticate: KnownField { KnownField(rawValue: 11) }
    @inlinable package static var proxyAuthorization: KnownField { KnownField(rawValue: 12) }
    @inlinable package static var cacheControl: KnownField { KnownField(rawValue: 13) }
    @inlinable package static var cdnCacheControl: KnownField { KnownField(rawValue: 14) }
    @inlinable package static var martletCacheControl: KnownField { KnownField(rawValue: 15) }
    @inlinable package static var surrogateControl: KnownField { KnownField(rawValue: 16) }
    @inlinable package static var pragma: KnownField { KnownField(rawValue: 17) }
    @inlinable package static var age: KnownField { KnownField(rawValue: 18) }
    @inlinable package static var date: KnownField { KnownField(rawValue: 19) }
    @inlinable package static var expires: KnownField { KnownField(rawValue: 20) }
    @inlinable package static var lastModified: KnownField { KnownField(rawValue: 21) }
    @inlinable package static var etag: KnownField { KnownField(rawValue: 22) }
    @inlinable package static var vary: KnownField { KnownField(rawValue: 23) }
    @inlinable package static var ifMatch: KnownField { KnownField(rawValue: 24) }
    @inlinable package static var ifNoneMatch: KnownField { KnownField(rawValue: 25) }
    @inlinable package static var ifModifiedSince: KnownField { KnownField(rawValue: 26) }
    @inlinable package static var ifUnmodifiedSince: KnownField { KnownField(rawValue: 27) }
    @inlinable package static var ifRange: KnownField { KnownField(rawValue: 28) }
    @inlinable package static var range: KnownField { KnownField(rawValue: 29) }
    @inlinable package static var acceptRanges: KnownField { KnownField(rawValue: 30) }
    @inlinable package static var contentRange: KnownField { KnownField(rawValue: 31) }
    @inlinable package static var contentType: KnownField { KnownField(rawValue: 32) }
    @inlinable package static var contentEncoding: KnownField { KnownField(rawValue: 33) }
    @inlinable package static var contentLocation: KnownField { KnownField(rawValue: 34) }
    @inlinable package static var location: KnownField { KnownField(rawValue: 35) }
    @inlinable package static var authorization: KnownField { KnownField(rawValue: 36) }
    @inlinable package static var setCookie: KnownField { KnownField(rawValue: 37) }
    @inlinable package static var cookie: KnownField { KnownField(rawValue: 38) }
    @inlinable package static var accept: KnownField { KnownField(rawValue: 39) }
    @inlinable package static var acceptEncoding: KnownField { KnownField(rawValue: 40) }
    @inlinable package static var acceptLanguage: KnownField { KnownField(rawValue: 41) }
    @inlinable package static var via: KnownField { KnownField(rawValue: 42) }
    @inlinable package static var forwarded: KnownField { KnownField(rawValue: 43) }
    @inlinable package static var xForwardedFor: KnownField { KnownField(rawValue: 44) }
    @inlinable package static var xForwardedHost: KnownField { KnownField(rawValue: 45) }
    @inlinable package static var xForwardedProto: KnownField { KnownField(rawValue: 46) }
    @inlinable package static var xForwardedPort: KnownField { KnownField(rawValue: 47) }
    @inlinable package static var xForwardedPrefix: KnownField { KnownField(rawValue: 48) }
    @inlinable package static var xForwardedScheme: KnownField { KnownField(rawValue: 49) }
    @inlinable package static var xHost: KnownField { KnownField(rawValue: 50) }
    @inlinable package static var xOriginalUrl: KnownField { KnownField(rawValue: 51) }
    @inlinable package static var xRewriteUrl: KnownField { KnownField(rawValue: 52) }
    @inlinable package static var xHttpMethod: KnownField { KnownField(rawValue: 53) }
    @inlinable package static var xHttpMethodOverride: KnownField { KnownField(rawValue: 54) }
    @inlinable package static var surrogateKey: KnownField { KnownField(rawValue: 55) }
    @inlinable package static var cacheTag: KnownField { KnownField(rawValue: 56) }
    @inlinable package static var cacheGroups: KnownField { KnownField(rawValue: 57) }
    @inlinable package static var cacheGroupInvalidation: KnownField { KnownField(rawValue: 58) }
    @inlinable package static var cacheStatus: KnownField { KnownField(rawValue: 59) }
    @inlinable package static var userAgent: KnownField { KnownField(rawValue: 60) }
    @inlinable package static var warning: KnownField { KnownField(rawValue: 61) }
    @inlinable package static var server: KnownField { KnownField(rawValue: 62) }
    @inlinable package static var retryAfter: KnownField { KnownField(rawValue: 63) }

    // From here on presence bit 0 is shared.
    @inlinable package static var proxyAuthenticationInfo: KnownField { KnownField(rawValue: 64) }
    @inlinable package static var http2Settings: KnownField { KnownField(rawValue: 65) }
    @inlinable package static var xMethodOverride: KnownField { KnownField(rawValue: 66) }
    @inlinable package static var xRealIp: KnownField { KnownField(rawValue: 67) }
    @inlinable package static var xForwardedServer: KnownField { KnownField(rawValue: 68) }
    @inlinable package static var xForwardedSsl: KnownField { KnownField(rawValue: 69) }
    @inlinable package static var xOriginalHost: KnownField { KnownField(rawValue: 70) }
    @inlinable package static var origin: KnownField { KnownField(rawValue: 71) }
    @inlinable package static var referer: KnownField { KnownField(rawValue: 72) }
    @inlinable package static var contentLanguage: KnownField { KnownField(rawValue: 73) }
    @inlinable package static var contentDisposition: KnownField { KnownField(rawValue: 74) }
    @inlinable package static var contentSecurityPolicy: KnownField { KnownField(rawValue: 75) }
    @inlinable package static var allow: KnownField { KnownField(rawValue: 76) }
    @inlinable package static var wwwAuthenticate: KnownField { KnownField(rawValue: 77) }
    @inlinable package static var altSvc: KnownField { KnownField(rawValue: 78) }
    @inlinable package static var maxForwards: KnownField { KnownField(rawValue: 79) }
    @inlinable package static var earlyData: KnownField { KnownField(rawValue: 80) }
    @inlinable package static var priority: KnownField { KnownField(rawValue: 81) }
    @inlinable package static var link: KnownField { KnownField(rawValue: 82) }
    @inlinable package static var dnt: KnownField { KnownField(rawValue: 83) }
    @inlinable package static var secWebsocketKey: KnownField { KnownField(rawValue: 84) }
    @inlinable package static var secWebsocketVersion: KnownField { KnownField(rawValue: 85) }
    @inlinable package static var secWebsocketProtocol: KnownField { KnownField(rawValue: 86) }
    @inlinable package static var secWebsocketExtensions: KnownField { KnownField(rawValue: 87) }
    @inlinable package static var secWebsocketAccept: KnownField { KnownField(rawValue: 88) }
    @inlinable package static var secFetchMode: KnownField { KnownField(rawValue: 89) }
    @inlinable package static var secFetchSite: KnownField { KnownField(rawValue: 90) }
    @inlinable package static var secFetchDest: KnownField { KnownField(rawValue: 91) }
    @inlinable package static var upgradeInsecureRequests: KnownField { KnownField(rawValue: 92) }
    @inlinable package static var strictTransportSecurity: KnownField { KnownField(rawValue: 93) }
    @inlinable package static var xCache: KnownField { KnownField(rawValue: 94) }
    @inlinable package static var xRequestId: KnownField { KnownField(rawValue: 95) }
    @inlinable package static var traceparent: KnownField { KnownField(rawValue: 96) }
    @inlinable package static var tracestate: KnownField { KnownField(rawValue: 97) }
    @inlinable package static var xRequestedWith: KnownField { KnownField(rawValue: 98) }
    @inlinable package static var xContentTypeOptions: KnownField { KnownField(rawValue: 99) }
    @inlinable package static var xFrameOptions: KnownField { KnownField(rawValue: 100) }
    @inlinable package static var acceptCharset: KnownField { KnownField(rawValue: 101) }
    @inlinable package static var from: KnownField { KnownField(rawValue: 102) }
    @inlinable package static var contentMd5: KnownField { KnownField(rawValue: 103) }
    @inlinable package static var contentDigest: KnownField { KnownField(rawValue: 104) }
    @inlinable package static var reprDigest: KnownField { KnownField(rawValue: 105) }
    @inlinable package static var accessControlAllowOrigin: KnownField { KnownField(rawValue: 106) }
    @inlinable package static var accessControlRequestMethod: KnownField { KnownField(rawValue: 107) }
    @inlinable package static var accessControlRequestHeaders: KnownField { KnownField(rawValue: 108) }
    @inlinable package static var xAccelBuffering: KnownField { KnownField(rawValue: 109) }
    @inlinable package static var xAccelExpires: KnownField { KnownField(rawValue: 110) }
    @inlinable package static var noVarySearch: KnownField { KnownField(rawValue: 111) }
    @inlinable package static var availableDictionary: KnownField { KnownField(rawValue: 112) }
    @inlinable package static var useAsDictionary: KnownField { KnownField(rawValue: 113) }
    @inlinable package static var dictionaryId: KnownField { KnownField(rawValue: 114) }

    /// How many names there are; numbers run from 1 to this.
    @inlinable package static var count: Int { 114 }

    /// The bit that says this name is in a table: its own, or the shared bit 0. `other` has none.
    @inlinable package var bit: FieldSet {
        let raw = UInt64(rawValue)
        return FieldSet(rawValue: raw == 0 ? 0 : raw < 64 ? 1 << raw : 1)
    }
}

/// A set of known names as a bitmap, to ask "is any of these present?" with one AND.
@usableFromInline package struct FieldSet: OptionSet, Sendable {
    @usableFromInline package var rawValue: UInt64

    @inlinable
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The set of one name; more are added with `|`.
    @inlinable
    package init(_ first: KnownField) { self = first.bit }

    /// Whether the sets share a name.
    @inlinable
    package func intersects(_ other: FieldSet) -> Bool { rawValue & other.rawValue != 0 }

    @inlinable
    package static func | (left: FieldSet, right: FieldSet) -> FieldSet {
        FieldSet(rawValue: left.rawValue | right.rawValue)
    }

    @inlinable
    package static func | (left: FieldSet, right: KnownField) -> FieldSet {
        FieldSet(rawValue: left.rawValue | right.bit.rawValue)
    }
}
