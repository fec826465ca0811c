// What keeps an object's bytes in place between loop turns. Pin counts lie in a row that only this lane writes.

/// Keeps an object in place across loop turns, for a response that a socket did not take at once. Give it back with
/// `Lane.unpin`; a pin that is merely dropped holds its segment until its lane ends.
public struct Pin: ~Copyable, Sendable {
    let segment: UInt32
    let itemOffset: UInt32
    /// A segment of the body pinned besides, or `Pin.noExtent`.
    var extentSegment: UInt32
    let isSoftlyPurged: Bool

    static let noExtent = UInt32.max
}

extension Lane {
    /// Keeps an object in place beyond this turn. Nil when too much is pinned already: copy instead.
    public borrowing func pin(_ view: borrowing ItemView) -> Pin? {
        let (segment, offset) = view.place
        guard core.pinSegment(segment) else { return nil }
        return Pin(
            segment: UInt32(segment), itemOffset: UInt32(offset), extentSegment: Pin.noExtent,
            isSoftlyPurged: view.isSoftlyPurged)
    }

    /// The pinned object. Valid inside a turn.
    @_lifetime(borrow self)
    public borrowing func view(of pin: borrowing Pin) -> ItemView {
        unsafe ItemView(
            mapPointer.pointee.address(segment: Int(pin.segment), offset: Int(pin.itemOffset)), mapPointer,
            softlyPurged: pin.isSoftlyPurged, popular: false, lane: self)
    }

    /// For bodies of several extents: lets go of the extent pinned so far and pins the one that contains `offset`.
    /// False when that extent is gone or too much is pinned.
    @discardableResult
    public borrowing func advance(_ pin: inout Pin, to offset: Int) -> Bool {
        let place = view(of: pin).extent(at: offset)
        if let place, place.segment == pin.extentSegment { return true }
        if pin.extentSegment != Pin.noExtent { core.unpinSegment(Int(pin.extentSegment)) }
        pin.extentSegment = Pin.noExtent
        guard let place else { return true }
        guard core.pinSegment(Int(place.segment)) else { return false }
        // Pinned first, checked after: a segment that is still this extent now cannot be reused before the unpin.
        guard core.map.holds(extent: place) else {
            core.unpinSegment(Int(place.segment))
            return false
        }
        pin.extentSegment = place.segment
        return true
    }

    /// Ends a pin.
    public borrowing func unpin(_ pin: consuming Pin) {
        if pin.extentSegment != Pin.noExtent { core.unpinSegment(Int(pin.extentSegment)) }
        core.unpinSegment(Int(pin.segment))
    }
}

extension LaneCore {
    /// Counts one more reader of a segment; false when the lane pins a quarter of the cache, or the count is full.
    func pinSegment(_ segment: Int) -> Bool {
        let count = map.pin(lane: lane, segment: segment)
        guard count < UInt16.max else { return false }
        if count == 0 {
            guard pinnedSegments < map.usableSegments / 4 else { return false }
            pinnedSegments += 1
        }
        map.setPin(lane: lane, segment: segment, count + 1)
        return true
    }

    func unpinSegment(_ segment: Int) {
        let count = map.pin(lane: lane, segment: segment)
        guard count > 0 else { return }
        map.setPin(lane: lane, segment: segment, count - 1)
        if count == 1 { pinnedSegments -= 1 }
    }
}

extension RegionMap {
    /// Whether a whole segment still is the extent that an item names.
    func holds(extent: ExtentReference) -> Bool {
        guard extent.segment < UInt32(segmentCount) else { return false }
        let state = state(Int(extent.segment))
        return state.gen == extent.gen && state.phase == .whole
    }
}
