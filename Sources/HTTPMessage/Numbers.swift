// Numbers in field values: decimals with and without an upper bound.

package enum Numbers {
    /// A plain decimal: digits only, at most 2^63 - 1; nil otherwise.
    package static func decimal(_ bytes: RawSpan) -> UInt64? { nil }

    /// delta-seconds (RFC 9111 section 1.2.2): digits only; more than 2^31 reads as 2^31. nil if not digits or empty.
    package static func deltaSeconds(_ bytes: RawSpan) -> UInt32? { nil }
}
