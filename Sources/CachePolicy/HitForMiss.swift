// The marker that keeps requests for an uncacheable key from queueing behind each other. 16 bytes under the base key.

import HTTPMessage

/// A key whose answers could not be stored lately. A request that finds one goes to the origin at once, without
/// collapsing; if its answer turns out to be storable it replaces the marker.
package struct HitForMiss: Sendable, Equatable {
    package static let blockBytes = 16

    package var reason: PassReason
    /// Unix milliseconds; from then on the marker does not count.
    package var untilMilliseconds: Int64

    package init(reason: PassReason, untilMilliseconds: Int64) {
        self.reason = reason
        self.untilMilliseconds = untilMilliseconds
    }

    /// nil when the block is something else.
    package init?(_ block: RawSpan) {
        guard block.byteCount >= HitForMiss.blockBytes, StoredKind.of(block) == .hitForMiss,
            let reason = PassReason(rawValue: block.byte(at: 1))
        else { return nil }
        self.init(reason: reason, untilMilliseconds: Int64(bitPattern: block.word(at: 8)))
    }

    /// Writes the block; nil when `buffer` is too small.
    package func encode(into buffer: inout MutableRawSpan) -> Int? {
        guard buffer.byteCount >= HitForMiss.blockBytes else { return nil }
        buffer.storeBytes(of: 0, toByteOffset: 0, as: UInt64.self)
        buffer.storeBytes(of: StoredKind.hitForMiss.rawValue, toByteOffset: 0, as: UInt8.self)
        buffer.storeBytes(of: reason.rawValue, toByteOffset: 1, as: UInt8.self)
        buffer.storeBytes(of: untilMilliseconds.littleEndian, toByteOffset: 8, as: Int64.self)
        return HitForMiss.blockBytes
    }

    package func holds(now: Int64) -> Bool { now < untilMilliseconds }
}
