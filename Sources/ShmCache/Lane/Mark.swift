// A place in the log remembered across loop turns without keeping it: the way to go on with an object that may not be
// pinned. Looking again costs two loads; an object that has moved or gone meanwhile is simply not there.

/// Where an object was. Keeps nothing in place: turn it into a view in a later turn with `Lane.view(of:)`.
public struct Mark: Equatable, Sendable {
    let segment: UInt32
    let itemOffset: UInt32
    let gen: UInt32
    let isSoftlyPurged: Bool
}

extension Lane {
    /// Remembers where an object is, for when `pin` refuses. Inside the turn of the view. The gen is the item's: its
    /// segment may have been given up since the lookup, and then has that of its next life already.
    public borrowing func mark(_ view: borrowing ItemView) -> Mark {
        let (segment, offset) = view.place
        return Mark(
            segment: UInt32(segment), itemOffset: UInt32(offset), gen: view.record.gen,
            isSoftlyPurged: view.isSoftlyPurged)
    }

    /// The marked object, valid inside this turn; nil when its segment has been given up meanwhile.
    ///
    /// Safe for the same reason as a lookup: an evictor raises the segment's generation before it raises the epoch that
    /// it waits for, so a lane that has announced its epoch and still sees the old generation is waited for.
    @_lifetime(borrow self)
    public borrowing func view(of mark: Mark) -> ItemView? {
        guard core.map.state(Int(mark.segment)).gen == mark.gen else { return nil }
        return unsafe ItemView(
            mapPointer.pointee.address(segment: Int(mark.segment), offset: Int(mark.itemOffset)), mapPointer,
            softlyPurged: mark.isSoftlyPurged, popular: false, kept: .none, lane: self)
    }
}
