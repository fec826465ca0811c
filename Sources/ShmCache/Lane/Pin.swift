// What keeps an object's bytes in place between loop turns. Pin counts lie in a row that only this lane writes.

/// Keeps an object in place across loop turns, for a response that a socket did not take at once. Give it back with
/// `Lane.unpin`; a pin that is merely dropped holds its segments until its lane ends.
public struct Pin: ~Copyable, Sendable {
    let segment: UInt32
    let itemOffset: UInt32
    /// The extents of the body that are pinned besides, by number.
    fileprivate(set) var extents: KeptExtents
    /// Whether all of the body that is still to be read stays, whatever becomes of the object: the rest of a body whose
    /// segments are too many to be pinned may be gone when `advance` comes to it.
    public let isWhole: Bool
    let isSoftlyPurged: Bool
}

/// The extents of an object, by number, that cannot be reused while a view of it is read.
struct KeptExtents: Equatable {
    var from: UInt32
    var to: UInt32

    static let none = KeptExtents(from: 0, to: 0)
    /// What a lookup finds: its turn's epoch keeps everything.
    static let all = KeptExtents(from: 0, to: .max)

    func contains(_ i: Int) -> Bool { i >= Int(from) && i < Int(to) }
}

extension Lane {
    /// Keeps an object in place beyond this turn: its body as well, unless its segments are more than a sixteenth of
    /// the cache. Nil when too much is pinned already: copy instead.
    public borrowing func pin(_ view: borrowing ItemView) -> Pin? {
        let (segment, offset) = view.place
        guard core.pinSegment(segment) else { return nil }
        let count = view.record.extentCount
        let isWhole =
            count == 0
            || view.kept == .all && core.mayPinWhole(extents: count) && core.pinExtents(0..<count, of: view)
        return Pin(
            segment: UInt32(segment), itemOffset: UInt32(offset),
            extents: isWhole ? KeptExtents(from: 0, to: UInt32(count)) : .none, isWhole: isWhole,
            isSoftlyPurged: view.isSoftlyPurged)
    }

    /// The pinned object. Valid inside a turn.
    @_lifetime(borrow self)
    public borrowing func view(of pin: borrowing Pin) -> ItemView {
        unsafe ItemView(
            mapPointer.pointee.address(segment: Int(pin.segment), offset: Int(pin.itemOffset)), mapPointer,
            softlyPurged: pin.isSoftlyPurged, popular: false, kept: pin.extents, lane: self)
    }

    /// The reader has come to `offset` and will not go back: lets go of the segments before it. Of a body that is not
    /// pinned whole, pins the segment that contains `offset`; false when that is gone or too much is pinned.
    @discardableResult
    public borrowing func advance(_ pin: inout Pin, to offset: Int) -> Bool {
        let view = view(of: pin)
        let position = view.extentNumber(behind: offset)
        if pin.isWhole {
            let from = min(max(UInt32(position), pin.extents.from), pin.extents.to)
            core.unpinExtents(Int(pin.extents.from)..<Int(from), of: view)
            pin.extents.from = from
            return true
        }
        if pin.extents.contains(position) { return true }
        core.unpinExtents(Int(pin.extents.from)..<Int(pin.extents.to), of: view)
        pin.extents = .none
        guard view.extent(at: offset) != nil else { return true }
        guard core.pinExtents(position..<position + 1, of: view) else { return false }
        // Pinned first, checked after: a segment that is still this extent now cannot be reused before the unpin.
        guard core.map.holds(view.extent(position), of: view.record) != nil else {
            core.unpinExtents(position..<position + 1, of: view)
            return false
        }
        pin.extents = KeptExtents(from: UInt32(position), to: UInt32(position + 1))
        return true
    }

    /// Segments that readers of finished fills may keep: a sixteenth of the cache.
    public var slowReaderAllowance: Int { max(8, core.map.usableSegments / 16) }

    /// Ends a pin.
    public borrowing func unpin(_ pin: consuming Pin) {
        core.unpinExtents(Int(pin.extents.from)..<Int(pin.extents.to), of: view(of: pin))
        core.unpinSegment(Int(pin.segment))
    }
}

extension LaneCore {
    /// Counts one more reader of a segment; false when the lane pins its part of a quarter of the cache, or the count
    /// is full.
    func pinSegment(_ segment: Int) -> Bool {
        let count = map.pin(lane: lane, segment: segment)
        guard count < UInt16.max else { return false }
        if count == 0 {
            guard mayPin(pinnedSegments + 1, of: map.usableSegments / 4) else { return false }
            pinnedSegments += 1
        }
        map.setPin(lane: lane, segment: segment, count + 1)
        return true
    }

    /// Whether so many segments may be kept for one reader: together with the others' a sixteenth of the cache.
    func mayPinWhole(extents: Int) -> Bool { mayPin(pinnedSegments + extents, of: map.usableSegments / 16) }

    /// Whether so many segments are no more than this lane's part of those that all lanes together may pin. Lanes come
    /// and go: what is pinned meanwhile stays pinned.
    private func mayPin(_ segments: Int, of all: Int) -> Bool {
        if segments <= all / map.laneCount { return true }
        return segments <= max(2, all / max(1, map.readingLanes))
    }

    /// Pins these extents of an object, all or none.
    func pinExtents(_ range: Range<Int>, of view: borrowing ItemView) -> Bool {
        for i in range {
            let segment = Int(view.extent(i).segment)
            guard segment < map.usableSegments, pinSegment(segment) else {
                unpinExtents(range.lowerBound..<i, of: view)
                return false
            }
        }
        return true
    }

    func unpinExtents(_ range: Range<Int>, of view: borrowing ItemView) {
        for i in range { unpinSegment(Int(view.extent(i).segment)) }
    }

    func unpinSegment(_ segment: Int) {
        let count = map.pin(lane: lane, segment: segment)
        guard count > 0 else { return }
        map.dropPin(lane: lane, segment: segment, to: count - 1)
        if count == 1 { pinnedSegments -= 1 }
    }
}
