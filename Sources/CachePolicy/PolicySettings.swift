// Every knob of the cache policy in one plain value with its default. No parsing of configuration files here: the
// supervisor fills it and the worker reads it.

/// How the cache treats HTTP. The defaults follow RFC 9111 and, where it leaves a choice, protect origin and user.
package struct PolicySettings: Sendable {
    /// What to do with an advisory request directive (RFC 9111 section 5.2.1).
    package enum Advice: UInt8, Sendable {
        /// The client may not bypass the cache with it.
        case ignore
        /// The client's wish is followed.
        case honour
        /// The client's wish is followed, but for each object at most once a second, however many wish it: all others
        /// get what the last one has fetched. Nobody can aim more than that at the origin.
        case limit
    }

    /// How the node tells the origin who asked.
    package enum ForwardedStyle: UInt8, Sendable {
        /// No field is added; those of untrusted peers are still removed.
        case none
        /// `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Forwarded-Host`.
        case xForwarded
        /// `Forwarded` (RFC 7239).
        case forwarded
    }

    /// Freshness for one status when the origin sent none.
    package struct StatusLifetime: Sendable, Equatable {
        package var status: UInt16
        package var seconds: UInt32

        package init(status: UInt16, seconds: UInt32) {
            self.status = status
            self.seconds = seconds
        }
    }

    package init() {}

    /// The pseudonym in `Via` and the cache's name in `Cache-Status`.
    package var nodeName = ShortName.standard

    // MARK: Storing

    /// Heuristic freshness as percent of the time since `Last-Modified` (RFC 9111 section 4.2.2). 0 turns it off.
    package var heuristicPercent: UInt32 = 10
    /// Upper bound of a heuristic lifetime.
    package var heuristicCapSeconds: UInt32 = 86_400
    /// Freshness of heuristically cacheable answers that give no lifetime and nothing to guess one from; 0 for none.
    package var defaultLifetimeSeconds: UInt32 = 0
    /// Upper bound of any lifetime, explicit ones included.
    package var maximumFreshnessSeconds: UInt32 = Seconds.maximum
    /// Negative caching: lifetimes of answers that name none, by status.
    package var statusLifetimes: [StatusLifetime] = [
        StatusLifetime(status: 404, seconds: 10), StatusLifetime(status: 410, seconds: 10),
    ]
    /// How long an uncacheable answer is remembered so that requests for it do not queue behind each other.
    package var hitForMissSeconds: UInt32 = 10
    /// Store answers with `Set-Cookie` even without an explicit `public` or `s-maxage`.
    package var storesSetCookie = false
    /// Refuse to store when the path's extension promises a static file and the content type says HTML or JSON.
    package var guardsAgainstDeception = true
    /// Treat `no-cache="field"` and `private="field"` like the unqualified directive instead of dropping the field.
    package var qualifiedDirectivesCountAsWhole = false
    /// Use `Martlet-Cache-Control` and `CDN-Cache-Control` before `Cache-Control` (RFC 9213).
    package var usesTargetedFields = true
    /// Store a POST answer for later GETs when it names its own URL in `Content-Location` and has explicit freshness
    /// (RFC 9110 section 9.3.3).
    package var storesPostAnswers = true
    /// Store a 206 as a part of its object, to answer ranges inside it (RFC 9111 section 3.3).
    package var storesParts = true
    /// A range of an object longer than this is fetched by itself instead of the whole object; 0 never.
    package var rangeOnlyBytes: UInt64 = 64 << 20
    /// Most bytes of a stored part that are copied to join it with a new one.
    package var maximumJoinedBytes: UInt64 = 16 << 20
    /// An expired object is kept this long for validation and for stale answers while the origin is down.
    package var retentionSeconds: UInt32 = 86_400
    /// Most variants kept for one URL; above it the URL starts over with none.
    package var maximumVariants: UInt16 = 64

    // MARK: Reusing

    /// Request `no-cache` and `Pragma: no-cache`. With `limit` not where the request is conditional: fetch() says
    /// no-cache with every condition, whether anybody has asked for it or not, and the condition asks the cache.
    package var requestNoCache = Advice.limit
    /// Request `max-age`.
    package var requestMaxAge = Advice.limit
    /// Request `min-fresh`.
    package var requestMinFresh = Advice.limit
    /// Request `no-store`: honoured, the answer is not stored; a stored answer may still be used.
    package var requestNoStore = Advice.honour
    /// A request with Authorization is answered from the cache only where RFC 9111 section 3.5 would have let its
    /// answer be stored. False follows section 4 to the letter: any stored answer will do.
    package var authorizationBypasses = true
    /// Most staleness that request `max-stale` (or request `stale-if-error`) may obtain.
    package var maximumStaleOnRequestSeconds: UInt32 = 86_400
    /// Stale-while-revalidate window of answers that name none (RFC 5861 section 3).
    package var staleWhileRevalidateSeconds: UInt32 = 0
    /// Stale-if-error window of answers that name none (RFC 5861 section 4).
    package var staleIfErrorSeconds: UInt32 = 0
    /// How long past expiry a stored answer may be used while no connection to the origin can be made or it closes
    /// without an answer (RFC 9111 section 4.2.4, "disconnected"). Never past must-revalidate and its kin.
    package var staleWhenUnreachableSeconds: UInt32 = 86_400
    /// `s-maxage` implies `proxy-revalidate` (RFC 9111 section 5.2.2.10). False lets explicit stale windows win.
    package var sharedMaxAgeForbidsStale = true
    /// Beta of the probabilistic early refresh in percent; 0 turns it off.
    package var earlyRefreshPercent: UInt32 = 100
    /// Most ranges in one request that are answered as multipart; with more the whole object is sent.
    package var maximumRanges: UInt8 = 16

    // MARK: Encoding

    /// The codings in which hot text is kept besides; empty for none.
    package var encodedCodings = CodingSet.all

    // MARK: Keys and forwarding

    /// The arguments of the query are sorted: their order makes no difference to the key, nor to what is forwarded.
    package var sortsQuery = false

    package var forwardedStyle = ForwardedStyle.xForwarded
    /// Removes X-Forwarded-Host and its kin, X-Original-URL and X-HTTP-Method-Override from cacheable requests.
    package var guardsAgainstPoisoning = true
    /// When not nil, only these request fields (lower case) and those that a stored Vary names are forwarded on
    /// cacheable requests, beside the fields the protocol needs.
    package var forwardedFieldNames: [String]?
    /// Replaces the client's Host towards the origin.
    package var originHost: String?

    // MARK: Explaining

    /// Whether `Cache-Status` carries `detail=`.
    package var explainsInCacheStatus = true
    /// Whether `Cache-Status` carries `key=`.
    package var showsKeyInCacheStatus = false
    /// Tag fields (`Surrogate-Key`, `Cache-Tag`) are for caches only and are not sent to clients.
    package var hidesTagFields = true

    /// Whether ranges of an object of that length are fetched by themselves.
    func fetchesRangesOnly(length: UInt64) -> Bool { rangeOnlyBytes > 0 && length > rangeOnlyBytes }
}
