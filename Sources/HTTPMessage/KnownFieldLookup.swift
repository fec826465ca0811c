// From the bytes of a field name to its number.

extension KnownField {
    /// The number of a name, without regard to case; `.other` if it is not known.
    package static func recognise(_ name: RawSpan) -> KnownField { .other }
}
