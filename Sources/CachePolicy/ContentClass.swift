// Which answers resemble each other enough to be compressed with what they have in common: those of one media type.

internal import HTTPMessage

package enum ContentClass {
    /// A number for the media type of a Content-Type value, parameters and case left out; never 0. Two types may share
    /// one: then they share a dictionary, which costs a little density and nothing else.
    package static func number(of contentType: RawSpan) -> UInt16 {
        var hash: UInt32 = 0x811c_9dc5
        for i in 0..<contentType.byteCount {
            let byte = contentType.byte(at: i)
            guard byte != UInt8(ascii: ";"), byte != UInt8(ascii: " ") else { break }
            let isUpper = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
            hash = (hash ^ UInt32(isUpper ? byte | 0x20 : byte)) &* 0x0100_0193
        }
        return UInt16(truncatingIfNeeded: hash ^ hash >> 16) | 1
    }
}
