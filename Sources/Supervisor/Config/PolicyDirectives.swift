// The directives of the cache policy: its numbers, and where RFC 9111 leaves a choice, the choices.
import ControlChannel

extension Directive {
    static let policy: [Directive] = policyNumbers + policyChoices

    private static let policyNumbers: [Directive] = [
        .init(
            "policy.default-lifetime", .seconds { $0.base.policy.defaultLifetimeSeconds = $1 },
            "Lifetime where the origin gives none; 0 for none"),
        .init(
            "policy.heuristic", .share { $0.base.policy.heuristicPercent = $1 / 10 },
            "Share of the age since Last-Modified that counts as fresh"),
        .init(
            "policy.heuristic-maximum", .seconds { $0.base.policy.heuristicMaximumSeconds = $1 },
            "Longest heuristic lifetime"),
        .init("policy.maximum-lifetime", .seconds { $0.base.policy.maximumLifetimeSeconds = $1 }, "Longest lifetime"),
        .init(
            "policy.stale-while-revalidate", .seconds { $0.base.policy.staleWhileRevalidateSeconds = $1 },
            "Stale use while refreshing, where the origin does not say"),
        .init(
            "policy.stale-if-error", .seconds { $0.base.policy.staleIfErrorSeconds = $1 },
            "Stale use on origin errors, where the origin does not say"),
        .init(
            "policy.keep-stale", .seconds { $0.base.policy.keepStaleSeconds = $1 },
            "How long stale objects are kept for validation"),
        .init(
            "policy.hit-for-miss", .seconds { $0.base.policy.hitForMissSeconds = $1 },
            "How long \"not cacheable\" is remembered"),
        .init(
            "policy.request-directives",
            .choice(["limit", "obey", "ignore"]) { settings, name in
                settings.base.policy.requestDirectives = name == "obey" ? .obey : name == "ignore" ? .ignore : .limit
            },
            "What no-cache, max-age and min-fresh of requests do to fresh answers; limit: once a second and object"),
        .init(
            "policy.sort-query", .flag { $0.base.policy.sortsQuery = $1 },
            "Whether the order of query arguments is ignored"),
        .init(
            "policy.cache-cookie-responses", .flag { $0.base.policy.cachesCookieResponses = $1 },
            "Whether responses with Set-Cookie are stored"),
        .init(
            "policy.range-only", .bytes { $0.base.policy.rangeOnlyBytes = $1 },
            "Ranges of objects longer than this are fetched by themselves; 0 for never"),
        .init(
            "policy.encoded-variants",
            .texts({ _ in }) { (s, names) throws(Failure) in
                s.base.policy.encodedVariants = try encodedVariants(names)
            },
            "Codings that hot text is kept in for clients that accept them: br, zstd, gzip; none for none"),
    ]

    private static let policyChoices: [Directive] = [
        .init(
            "policy.negative-lifetime", .seconds { $0.base.policy.choices.negativeLifetimeSeconds = $1 },
            "Lifetime of 404 and 410 where the origin gives none; 0 for none"),
        .init(
            "policy.max-stale", .seconds { $0.base.policy.choices.maximumStaleSeconds = $1 },
            "Most staleness that a request may ask for"),
        .init(
            "policy.stale-unreachable", .seconds { $0.base.policy.choices.staleUnreachableSeconds = $1 },
            "Stale use while the origin cannot be reached; 0 for never"),
        .init(
            "policy.variants", .count(1...65_535) { $0.base.policy.choices.variants = $1 }, "Most variants of one URL"),
        .init(
            "policy.ranges", .count(1...16) { $0.base.policy.choices.ranges = $1 },
            "Most ranges that one request gets; with more it gets the whole"),
        .init(
            "policy.request-no-store", .flag { $0.base.policy.choices.heedsRequestNoStore = $1 },
            "Whether no-store of a request keeps its answer from being stored"),
        .init(
            "policy.targeted-fields", .flag { $0.base.policy.choices.usesTargetedFields = $1 },
            "Whether CDN-Cache-Control and Martlet-Cache-Control come before Cache-Control"),
        .init(
            "policy.named-fields",
            .choice(["strip", "whole"]) { $0.base.policy.choices.namedFieldsCountAsWhole = $1 == "whole" },
            "What no-cache and private do that name fields: the fields are not stored, or they count for the whole"),
        .init(
            "policy.guard-authorization", .flag { $0.base.policy.choices.guardsAuthorization = $1 },
            "Whether requests with Authorization get only what may be shared with such requests"),
        .init(
            "policy.guard-deception", .flag { $0.base.policy.choices.guardsAgainstDeception = $1 },
            "Whether HTML and JSON under the name of a static file are not stored"),
        .init(
            "policy.guard-poisoning", .flag { $0.base.policy.choices.guardsAgainstPoisoning = $1 },
            "Whether X-Forwarded-Host and its kin are kept from the origin"),
        .init(
            "policy.post-answers", .flag { $0.base.policy.choices.storesPostAnswers = $1 },
            "Whether an answer to POST that names its own URL answers later GETs"),
        .init(
            "policy.parts", .flag { $0.base.policy.choices.storesParts = $1 },
            "Whether answers that are a part (206) are stored"),
        .init(
            "policy.hide-tags", .flag { $0.base.policy.choices.hidesTags = $1 },
            "Whether Surrogate-Key and Cache-Tag are kept from clients"),
        .init(
            "policy.explain", .flag { $0.base.policy.choices.explains = $1 },
            "Whether Cache-Status says why (detail)"),
        .init("policy.show-key", .flag { $0.base.policy.choices.showsKey = $1 }, "Whether Cache-Status has the key"),
    ]

    private static func encodedVariants(_ names: [String]) throws(Failure) -> EncodedVariants {
        var found: EncodedVariants = []
        if names == ["none"] { return found }
        for name in names {
            guard let one = EncodedVariants(name: name) else {
                throw .usage("expected a list of br, zstd and gzip, or none, found '\(name)'")
            }
            found.insert(one)
        }
        return found
    }
}
