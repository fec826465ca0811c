// A stored object as seen during one loop turn (or under a pin): borrowed bytes of the mapping. Never outlives the
// turn.
internal import CLinux

/// A stored object. The view borrows its lane: it cannot survive `endTurn()`.
@safe
public struct ItemView: ~Escapable {
    let item: UnsafeMutableRawPointer
    let mapPointer: UnsafePointer<RegionMap>
    /// Header block and body of a packed object; nil when they cannot be had.
    let unpacked: Unpacked?
    /// A soft purge covers the object: it may be revalidated or served stale, never served as fresh.
    public let isSoftlyPurged: Bool

    /// Read often lately. If its body is compressed and worth it, `Lane.keepRawCopy` makes later reads cheaper.
    public let isPopular: Bool

    /// The extents that stay what they are although the object is dropped while it is read.
    let kept: KeptExtents

    @_lifetime(borrow lane)
    init(
        _ item: UnsafeMutableRawPointer, _ mapPointer: UnsafePointer<RegionMap>, softlyPurged: Bool, popular: Bool,
        kept: KeptExtents, lane: borrowing Lane
    ) {
        isPopular = popular
        self.kept = kept
        unsafe self.item = item
        unsafe self.mapPointer = mapPointer
        isSoftlyPurged = softlyPurged
        let record = unsafe ItemHeader(item)
        unpacked = unsafe record.flags.contains(.packed) ? lane.unpacker.unpack(record, mapPointer.pointee) : nil
    }

    /// Whether the object can be read: not, if it is packed and its dictionary is gone.
    var isReadable: Bool {
        @inline(__always) get { unpacked != nil || !record.flags.contains(.packed) }
    }

    /// Bytes of a packed object's header block and body; nil when they are not there (any more).
    @_lifetime(copy self)
    func unpackedBytes(_ offset: Int, _ count: Int) -> RawSpan? {
        guard let unpacked, unpacked.isThere else { return nil }
        return unsafe _overrideLifetime(
            RawSpan(_unsafeStart: unpacked.bytes + offset, byteCount: count), copying: self)
    }

    var record: ItemHeader {
        @inline(__always) get { unsafe ItemHeader(item) }
    }

    /// Segment and offset of the item.
    var place: (segment: Int, offset: Int) {
        let map = unsafe mapPointer.pointee
        let distance = unsafe item - map.base - map.data
        return (distance >> map.segmentShift, distance & (map.segmentSize - 1))
    }

    @_lifetime(copy self)
    func bytes(_ offset: Int, _ count: Int) -> RawSpan {
        unsafe _overrideLifetime(RawSpan(_unsafeStart: item + offset, byteCount: count), copying: self)
    }

    /// The key text, equal to the one looked up.
    public var key: RawSpan {
        @_lifetime(copy self)
        get { bytes(record.keyOffset, record.keyLength) }
    }
    /// What the cache knows about the object.
    public var attributes: ItemAttributes { record.attributes }
    /// A number of this very commit of the object: it stays with the object wherever that moves, and whatever replaces
    /// or confirms it has another.
    public var stamp: UInt64 { record.sequence }
    /// The purge clock when the object's origin request began.
    public var born: UInt32 { record.born }
    /// Not an object but a note left by `FillPermit.fail(.pass, markerSeconds:)`: requests for this key should go to
    /// the origin in parallel. Check `attributes.expiresSeconds`.
    public var isPassMarker: Bool { record.flags.contains(.passMarker) }
    /// The caller's header block.
    public var header: RawSpan {
        @_lifetime(copy self)
        get {
            let record = record
            guard record.flags.contains(.packed) else { return bytes(record.headerOffset, record.headerLength) }
            guard let header = unpackedBytes(0, record.headerLength) else { return RawSpan() }
            return header
        }
    }
    /// Number of purge tags.
    public var tagCount: Int { record.tagCount }
    /// A purge tag's hash; `position` is below `tagCount`.
    public func tag(_ position: Int) -> UInt64 {
        position >= 0 && position < record.tagCount ? record.tag(position) : 0
    }
    /// Bytes of the body as the caller appended them.
    public var bodyLength: Int { record.bodyLength }
    /// Bytes of the body as stored.
    public var storedBodyLength: Int {
        var total = record.inlineLength(unsafe mapPointer.pointee.chunkShift)
        for i in 0..<record.extentCount { total += Int(extent(i).storedLength) }
        return total
    }
}

/// Where a part of a body is.
public enum BodyPiece: ~Escapable {
    /// Mapped bytes of the body, starting at the offset asked for. Send them or copy them within the turn.
    case raw(RawSpan)
    /// A compressed chunk that contains the offset.
    case compressed(CompressedChunk)
    /// These bytes are gone: the object was dropped while it was read under a mark, or under a pin that does not keep
    /// it whole. Never of what a lookup found in the same turn. Fetch the range or give up.
    case missing(Range<Int>)
    /// The offset is at or beyond the end.
    case end
}
