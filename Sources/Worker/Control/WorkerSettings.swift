// The configuration snapshot in the shapes that the worker uses on its way: limits for the parsers, settings for the
// policy, milliseconds for the timers. Made once at start; a reload is a new worker.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage

struct WorkerSettings {
    /// Says which build a worker is, in `status`.
    static let build = "martlet-worker 0.1.0"

    /// Of requests.
    let limits: MessageLimits
    /// Of what origins send: their bodies may be of any length.
    let responseLimits: MessageLimits
    let policy: PolicySettings
    let timeouts: Timeouts
    let pool: PoolLimits
    let origins: [Origin]
    /// Which origins answer for each site, by the site's index.
    let groups: [OriginGroup]
    /// The Host field that each origin wants; empty for the client's.
    let hostFields: [[UInt8]]
    /// Host and port of each origin: the Host field of who has not named any.
    let authorities: [[UInt8]]
    let health: HealthSettings
    let dns: DNSSettings
    let tls: OriginTLS
    let addresses: [ListenAddress]
    let connectionLimit: Int
    let requestBodyLimit: UInt64
    let requestsPerConnection: UInt32
    /// Requests of one connection that are answered in one turn.
    let pipelined: UInt32

    init(_ snapshot: ConfigurationSnapshot) {
        var limits = MessageLimits()
        limits.startLineBytes = Int(snapshot.limits.requestLineBytes)
        limits.headBytes = Int(snapshot.limits.fieldSectionBytes)
        limits.fieldCount = Int(snapshot.limits.fieldCount)
        if snapshot.limits.requestBodyBytes > 0 { limits.bodyBytes = snapshot.limits.requestBodyBytes }
        self.limits = limits
        limits.bodyBytes = MessageLimits().bodyBytes
        limits.headBytes = Int(snapshot.limits.responseFieldSectionBytes)
        responseLimits = limits
        policy = Self.policySettings(snapshot)
        timeouts = snapshot.timeouts
        pool = snapshot.pool
        origins = snapshot.origins
        groups = snapshot.sites.map { OriginGroup(first: $0.origin, count: $0.originCount, balance: $0.balance) }
        authorities = snapshot.origins.map { Array(Upstream($0).authority.utf8) }
        hostFields = zip(snapshot.origins, authorities).map { $0.hostHeader == .origin ? $1 : [] }
        health = snapshot.health
        dns = snapshot.dns
        tls = snapshot.tls
        addresses = snapshot.addresses
        connectionLimit = max(16, min(Int(snapshot.limits.connections), 1 << 20))
        requestBodyLimit = snapshot.limits.requestBodyBytes
        requestsPerConnection = snapshot.limits.requestsPerConnection
        pipelined = max(1, snapshot.limits.pipelined)
    }

    /// A whole head and some body behind it.
    var requestBufferBytes: Int { limits.headBytes + 16 * 1024 }
    /// A decoded chunk with a head before it.
    var sendBufferBytes: Int { max(64 * 1024, limits.headBytes, responseLimits.headBytes) + 16 * 1024 }

    static func policySettings(_ snapshot: ConfigurationSnapshot) -> PolicySettings {
        var policy = PolicySettings()
        let numbers = snapshot.policy
        if let name = ShortName(snapshot.pseudonym) { policy.nodeName = name }
        policy.heuristicPercent = numbers.heuristicPercent
        policy.heuristicCapSeconds = numbers.heuristicMaximumSeconds
        policy.maximumFreshnessSeconds = numbers.maximumLifetimeSeconds
        policy.staleWhileRevalidateSeconds = numbers.staleWhileRevalidateSeconds
        policy.staleIfErrorSeconds = numbers.staleIfErrorSeconds
        policy.retentionSeconds = numbers.keepStaleSeconds
        policy.hitForMissSeconds = numbers.hitForMissSeconds
        let advice = Self.advice(numbers.requestDirectives)
        policy.requestNoCache = advice
        policy.requestMaxAge = advice
        policy.requestMinFresh = advice
        policy.storesSetCookie = numbers.cachesCookieResponses
        policy.defaultLifetimeSeconds = numbers.defaultLifetimeSeconds
        policy.sortsQuery = numbers.sortsQuery
        policy.rangeOnlyBytes = numbers.rangeOnlyBytes
        choose(numbers.choices, in: &policy)
        policy.encodedCodings = Self.codings(numbers.encodedVariants)
        return policy
    }

    private static func choose(_ choices: PolicyChoices, in policy: inout PolicySettings) {
        policy.statusLifetimes = [404, 410].map { .init(status: $0, seconds: choices.negativeLifetimeSeconds) }
        policy.maximumStaleOnRequestSeconds = choices.maximumStaleSeconds
        policy.staleWhenUnreachableSeconds = choices.staleUnreachableSeconds
        policy.maximumVariants = UInt16(clamping: choices.variants)
        policy.maximumRanges = UInt8(clamping: choices.ranges)
        policy.requestNoStore = choices.heedsRequestNoStore ? .honour : .ignore
        policy.usesTargetedFields = choices.usesTargetedFields
        policy.qualifiedDirectivesCountAsWhole = choices.namedFieldsCountAsWhole
        policy.authorizationBypasses = choices.guardsAuthorization
        policy.guardsAgainstDeception = choices.guardsAgainstDeception
        policy.guardsAgainstPoisoning = choices.guardsAgainstPoisoning
        policy.storesPostAnswers = choices.storesPostAnswers
        policy.storesParts = choices.storesParts
        policy.hidesTagFields = choices.hidesTags
        policy.explainsInCacheStatus = choices.explains
        policy.showsKeyInCacheStatus = choices.showsKey
    }

    private static func codings(_ setting: EncodedVariants) -> CodingSet {
        var codings: CodingSet = []
        if setting.contains(.gzip) { codings.insert(.gzip) }
        if setting.contains(.br) { codings.insert(.br) }
        if setting.contains(.zstd) { codings.insert(.zstd) }
        return codings
    }

    private static func advice(_ setting: RequestAdvice) -> PolicySettings.Advice {
        switch setting {
        case .limit: .limit
        case .obey: .honour
        case .ignore: .ignore
        }
    }
}

/// The origins of one site: neighbours in the list of all.
struct OriginGroup {
    let first: UInt16
    let count: UInt16
    let balance: Balance
}
