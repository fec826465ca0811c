// Walks the field lines of a stored head, which are always `Name: value CRLF`. For everything but plain hits.

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

    /// The next line; nil at the end, or where the block is damaged.
    mutating func next(in lines: RawSpan) -> StoredLine? {
        let start = position
        var colon = start
        while colon < lines.byteCount, lines.byte(at: colon) != UInt8(ascii: ":") { colon += 1 }
        var end = colon
        while end < lines.byteCount, lines.byte(at: end) != UInt8(ascii: "\r") { end += 1 }
        guard colon > start, colon + 2 <= end, end + 2 <= lines.byteCount else { return nil }
        position = end + 2
        return StoredLine(
            whole: Extent(start: start, end: end + 2), name: Extent(start: start, end: colon),
            value: Extent(start: colon + 2, end: end)
        )
    }
}
