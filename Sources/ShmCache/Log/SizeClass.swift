// Which log an object goes to. Pure arithmetic.

/// Size classes: up to 4, 16, 64 and 256 KiB, larger ones that fit one item, and objects with whole segments.
enum SizeClass {
    static let count = 6
    /// The class of objects that need whole segments.
    static let large = 5

    static func of(itemLength: Int, extents: Int, segmentSize: Int) -> Int {
        if extents > 0 { return large }
        var sizeClass = 0
        var limit = 4096
        while sizeClass < 4 {
            // A class whose objects are a large part of a segment would only waste open segments.
            if limit * 4 > segmentSize { return 4 }
            if itemLength <= limit { return sizeClass }
            sizeClass += 1
            limit *= 4
        }
        return 4
    }
}
