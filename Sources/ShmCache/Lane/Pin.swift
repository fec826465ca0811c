// What keeps an object's bytes in place between loop turns. Only Lane makes, moves and ends pins.

/// Keeps an object in place across loop turns, for a response that a socket did not take at once. Give it back with
/// `Lane.unpin`; a pin that is merely dropped holds its segment until its lane ends.
public struct Pin: ~Copyable, Sendable {
    let segment: UInt32
    let itemOffset: UInt32
    var extentSegment: UInt32
}
