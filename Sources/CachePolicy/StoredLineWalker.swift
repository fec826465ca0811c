// Walks the field lines of a head that the node has written: always `Name: value CRLF`. For everything but plain hits.

import HTTPMessage

/// One stored field line.
struct StoredLine {
    /// With its CRLF.
    var whole: Extent
    var name: Extent
    var value: Extent
}

struct StoredLineWalker {
    private var position = 0

    /// A walk over lines.
    init() {}

    /// A walk over the lines of a whole head, which ends at its empty line.
    init(behindFirstLineOf head: RawSpan) { position = head.firstIndex(of: UInt8(ascii: "\n"), from: 0) + 1 }

    /// The next line; nil at the end, or where the block is damaged.
    mutating func next(in lines: RawSpan) -> StoredLine? {
        let start = position
        guard start < lines.byteCount else { return nil }
        let colon = lines.firstIndex(of: UInt8(ascii: ":"), from: start)
        let end = lines.firstIndex(of: UInt8(ascii: "\r"), from: colon)
        guard colon > start, colon + 2 <= end, end + 2 <= lines.byteCount else { return nil }
        position = end + 2
        return StoredLine(
            whole: Extent(start: start, end: end + 2), name: Extent(start: start, end: colon),
            value: Extent(start: colon + 2, end: end)
        )
    }
}
