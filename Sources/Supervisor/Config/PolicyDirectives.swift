// The directives of the cache policy: its numbers, and where RFC 9111 leaves a choice, the choices.
import ControlChannel

extension Directive {
    static let policy: [Directive] = policyNumbers + policyChoices

    private static let policyNumbers: [Directive] = [
        .init(
            "policy.default-lifetime", .seconds(.at(\.base.policy.defaultLifetimeSeconds)),
            "Lifetime where the origin gives none; 0 for none"),
        .init(
            "policy.heuristic",
            .share(
                Setting(
                    get: { $0.base.policy.heuristicPercent * 10 }, set: { $0.base.policy.heuristicPercent = $1 / 10 })),
            "Share of the age since Last-Modified that counts as fresh"),
        .init(
            "policy.heuristic-maximum", .seconds(.at(\.base.policy.heuristicMaximumSeconds)),
            "Longest heuristic lifetime"),
        .init("policy.maximum-lifetime", .seconds(.at(\.base.policy.maximumLifetimeSeconds)), "Longest lifetime"),
        .init(
            "policy.stale-while-revalidate", .seconds(.at(\.base.policy.staleWhileRevalidateSeconds)),
            "Stale use while refreshing, where the origin does not say"),
        .init(
            "policy.stale-if-error", .seconds(.at(\.base.policy.staleIfErrorSeconds)),
            "Stale use on origin errors, where the origin does not say"),
        .init(
            "policy.keep-stale", .seconds(.at(\.base.policy.keepStaleSeconds)),
            "How long stale objects are kept for validation"),
        .init(
            "policy.hit-for-miss", .seconds(.at(\.base.policy.hitForMissSeconds)),
            "How long \"not cacheable\" is remembered"),
        .init(
            "policy.request-directives",
            .choice(["limit": .limit, "obey": .obey, "ignore": .ignore], \.base.policy.requestDirectives),
            "What no-cache, max-age and min-fresh of requests do to fresh answers; limit: once a second and object"),
        .init(
            "policy.sort-query", .flag(.at(\.base.policy.sortsQuery)),
            "Whether the order of query arguments is ignored"),
        .init(
            "policy.cache-cookie-responses", .flag(.at(\.base.policy.cachesCookieResponses)),
            "Whether responses with Set-Cookie are stored"),
        .init(
            "policy.range-only", .bytes(.at(\.base.policy.rangeOnlyBytes)),
            "Ranges of objects longer than this are fetched by themselves; 0 for never"),
        .init(
            "policy.encoded-variants",
            .texts({ _ in }) { (s, names) throws(Failure) in
                s.base.policy.encodedVariants = try encodedVariants(names)
            },
            "Codings that hot text is kept in for clients that accept them: br, zstd, gzip; none for none",
            otherwise: "br, zstd, gzip"),
    ]

    private static let policyChoices: [Directive] = [
        .init(
            "policy.negative-lifetime", .seconds(.at(\.base.policy.choices.negativeLifetimeSeconds)),
            "Lifetime of 404 and 410 where the origin gives none; 0 for none"),
        .init(
            "policy.max-stale", .seconds(.at(\.base.policy.choices.maximumStaleSeconds)),
            "Most staleness that a request may ask for"),
        .init(
            "policy.stale-unreachable", .seconds(.at(\.base.policy.choices.staleUnreachableSeconds)),
            "Stale use while the origin cannot be reached; 0 for never"),
        .init(
            "policy.variants", .count(1...65_535, .at(\.base.policy.choices.variants)), "Most variants of one URL"),
        .init(
            "policy.ranges", .count(1...16, .at(\.base.policy.choices.ranges)),
            "Most ranges that one request gets; with more it gets the whole"),
        .init(
            "policy.request-no-store", .flag(.at(\.base.policy.choices.heedsRequestNoStore)),
            "Whether no-store of a request keeps its answer from being stored"),
        .init(
            "policy.targeted-fields", .flag(.at(\.base.policy.choices.usesTargetedFields)),
            "Whether CDN-Cache-Control and Martlet-Cache-Control come before Cache-Control"),
        .init(
            "policy.named-fields",
            .choice(["strip": false, "whole": true], \.base.policy.choices.namedFieldsCountAsWhole),
            "What no-cache and private do that name fields: the fields are not stored, or they count for the whole"),
        .init(
            "policy.guard-authorization", .flag(.at(\.base.policy.choices.guardsAuthorization)),
            "Whether requests with Authorization get only what may be shared with such requests"),
        .init(
            "policy.guard-deception", .flag(.at(\.base.policy.choices.guardsAgainstDeception)),
            "Whether HTML and JSON under the name of a static file are not stored"),
        .init(
            "policy.guard-poisoning", .flag(.at(\.base.policy.choices.guardsAgainstPoisoning)),
            "Whether X-Forwarded-Host and its kin are kept from the origin"),
        .init(
            "policy.post-answers", .flag(.at(\.base.policy.choices.storesPostAnswers)),
            "Whether an answer to POST that names its own URL answers later GETs"),
        .init(
            "policy.parts", .flag(.at(\.base.policy.choices.storesParts)),
            "Whether answers that are a part (206) are stored"),
        .init(
            "policy.hide-tags", .flag(.at(\.base.policy.choices.hidesTags)),
            "Whether Surrogate-Key and Cache-Tag are kept from clients"),
        .init(
            "policy.explain", .flag(.at(\.base.policy.choices.explains)),
            "Whether Cache-Status says why (detail)"),
        .init("policy.show-key", .flag(.at(\.base.policy.choices.showsKey)), "Whether Cache-Status has the key"),
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
