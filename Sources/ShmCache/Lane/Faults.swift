// Negative controls of the tests: protections and steps of recovery that a debug build can leave out, to show that the
// tests would notice. Nothing of it is in a release build.

/// What can be left out.
package enum Omission: String, Sendable {
    // Steps of a lane's recovery.
    case pending = "recover-pending"
    case pins = "recover-pins"
    case segments = "recover-segments"
    case evictions = "recover-evictions"
    case wholes = "recover-wholes"
    case indexSegments = "recover-index"
    case fills = "recover-fills"
    case ended = "recover-ended"
    case claims = "recover-claims"
    /// A lookup's second look at the purge of everything, after the ring of prefix purges.
    case secondLook = "second-look"
    /// A place in that ring has one writer.
    case banWriter = "ban-writer"
    /// Recovery clears only the claims of its own lane.
    case ownClaims = "own-claims"
    /// A confirmation under way keeps its object's segments.
    case pendingSegments = "pending-segments"
    /// A successor looks whether the dead owner's commit went through.
    case predecessor = "predecessor"
    /// A segment that was lent to the kernel is written only on new pages.
    case loanEnd = "loan-end"
}

package enum Faults {
    #if DEBUG
        package nonisolated(unsafe) static var waitForEpochs = true
        package nonisolated(unsafe) static var scanPins = true
        package nonisolated(unsafe) static var omitted: Omission?
        static var waitsForEpochs: Bool { unsafe waitForEpochs }
        static var scansPins: Bool { unsafe scanPins }
        static func skips(_ part: Omission) -> Bool { unsafe omitted == part }
    #else
        static var waitsForEpochs: Bool { @inline(__always) get { true } }
        static var scansPins: Bool { @inline(__always) get { true } }
        @inline(__always)
        static func skips(_ part: Omission) -> Bool { false }
    #endif
}
