// Where RFC 9111 leaves a choice: what was chosen, as plain values that the configuration file may change. The numbers
// of the policy are in ConfigurationSnapshot.swift.

package struct PolicyChoices: Equatable, Sendable {
    /// Lifetime of 404 and 410 where the origin gives none.
    package var negativeLifetimeSeconds: UInt32 = 10
    /// Most staleness that `max-stale` and `stale-if-error` of requests obtain.
    package var maximumStaleSeconds: UInt32 = 86_400
    /// How long past expiry a stored answer may be used while the origin cannot be reached.
    package var staleUnreachableSeconds: UInt32 = 86_400
    package var variants: UInt32 = 64
    package var ranges: UInt32 = 16
    /// `no-store` of a request keeps its answer from being stored.
    package var heedsRequestNoStore = true
    package var usesTargetedFields = true
    /// `no-cache="a"` and `private="a"` count as if they named nothing.
    package var namedFieldsCountAsWhole = false
    /// A request with Authorization is answered only by what RFC 9111 section 3.5 would let its answer be stored.
    package var guardsAuthorization = true
    package var guardsAgainstDeception = true
    package var guardsAgainstPoisoning = true
    package var storesPostAnswers = true
    package var storesParts = true
    package var hidesTags = true
    package var explains = true
    package var showsKey = false

    package init() {}
}

extension PolicyChoices {
    func encode(into writer: inout WireWriter) {
        for value in [negativeLifetimeSeconds, maximumStaleSeconds, staleUnreachableSeconds, variants, ranges] {
            writer.put(value)
        }
        for flag in [
            heedsRequestNoStore, usesTargetedFields, namedFieldsCountAsWhole, guardsAuthorization,
            guardsAgainstDeception, guardsAgainstPoisoning, storesPostAnswers, storesParts, hidesTags, explains,
            showsKey,
        ] { writer.put(flag) }
    }

    init(from reader: inout WireReader) throws(ControlError) {
        negativeLifetimeSeconds = try reader.take()
        maximumStaleSeconds = try reader.take()
        staleUnreachableSeconds = try reader.take()
        variants = try reader.take()
        ranges = try reader.take()
        heedsRequestNoStore = try reader.takeBool()
        usesTargetedFields = try reader.takeBool()
        namedFieldsCountAsWhole = try reader.takeBool()
        guardsAuthorization = try reader.takeBool()
        guardsAgainstDeception = try reader.takeBool()
        guardsAgainstPoisoning = try reader.takeBool()
        storesPostAnswers = try reader.takeBool()
        storesParts = try reader.takeBool()
        hidesTags = try reader.takeBool()
        explains = try reader.takeBool()
        showsKey = try reader.takeBool()
    }
}
