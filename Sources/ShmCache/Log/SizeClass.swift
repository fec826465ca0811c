// Which log an object goes to. Pure arithmetic.

/// Size classes: up to 512 bytes, 1, 4, 16, 64 and 256 KiB, larger ones that fit one item, and objects with whole
/// segments. Small objects have classes of their own, since one of 4 KiB costs the requests of eight of 512 bytes.
enum SizeClass {
    static let count = 8
    /// The class of objects that need whole segments.
    static let large = 7
    /// The class of items that are larger than any of `limits`, or a large part of a segment.
    private static let largeItems = 6
    private static let limits: InlineArray<6, Int> = [512, 1024, 4096, 16384, 65536, 262144]

    static func of(itemLength: Int, extents: Int, segmentSize: Int) -> Int {
        if extents > 0 { return large }
        for sizeClass in limits.indices {
            // A class whose objects are a large part of a segment would only waste open segments.
            if limits[sizeClass] * 4 > segmentSize { return largeItems }
            if itemLength <= limits[sizeClass] { return sizeClass }
        }
        return largeItems
    }
}
