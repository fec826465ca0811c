// Ranges of an object that is too large to be fetched whole for them. Each is fetched under a key of its own, so that
// the same is fetched once and others do not wait for it. When its answer comes it is joined with what is stored, under
// the object's key: who waits for it looks again, and reads from there.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Gets what the connection's current request asks for beside a stored part that does not have it.
    mutating func fetchSlice(
        _ c: UInt32, _ route: Route, _ probe: CacheProbe, _ lookup: LookupResult, _ report: CacheStatus
    ) {
        let r = clients[c].request
        // What is being stored may have it.
        switch Self.startFill(lane, lookup, scratch, refreshing: true) {
        case .join(let ticket):
            if Self.mayUse(ticket, requests[r], clock.unixMilliseconds, settings) {
                return begin(.join(ticket), c, route, probe, lookup, report)
            }
        default: break
        }
        guard Self.writeSliceKey(&scratch, requests, r, isVariant: lookup.isVariant) else {
            return pass(c, route, report: report, probe: probe)
        }
        switch Self.startSliceFill(lane, scratch) {
        case .own(let permit):
            var lookup = lookup
            lookup.isSlice = true
            own(permit, c, route, probe, lookup, report)
        case .join(let ticket): begin(.join(ticket), c, route, probe, lookup, report)
        default: pass(c, route, report: report, probe: probe)
        }
    }

    private static func startSliceFill(_ lane: borrowing Lane, _ scratch: borrowing Scratch) -> FillStart {
        let key = scratch.merged.readable
        return lane.startFill(hash: lane.keyHash.hash(key), key: key, refreshing: true)
    }

    /// The object's key and the range as the client wrote it. Nothing is stored under it.
    private static func writeSliceKey(
        _ scratch: inout Scratch, _ requests: borrowing RequestBuffers, _ r: UInt32, isVariant: Bool
    ) -> Bool {
        writeSliceKey(&scratch, requests[r], isVariant: isVariant)
    }

    private static func writeSliceKey(
        _ scratch: inout Scratch, _ request: borrowing RequestBuffer, isVariant: Bool
    ) -> Bool {
        guard let range = request.fields.only(.range) else { return false }
        return scratch.writeSliceKey(isVariant: isVariant, range: request.bytes.readable.slice(range))
    }

    /// How long an answer waits for the end of another's storing. A range that comes in one piece is stored in a turn.
    private static var longestWaitMilliseconds: Int64 { 25 }

    /// The answer to such a fetch is stored as a part of the object, or together with the part that is stored, if
    /// nobody else is storing one for longer than that.
    mutating func storeSlice(
        _ e: UInt32, _ o: UInt32, _ head: ResponseHead, _ request: RequestFacts, _ response: ResponseFacts,
        _ times: ExchangeTimes
    ) {
        let born = Self.born(exchanges[e].permit)
        guard case .own(let permit) = Self.startObjectFill(lane, exchanges[e].keys, born: born) else {
            if holdHead(e, o) { return }
            return declineToStore(e, o, head, .busy, 0)
        }
        exchanges[e].isSlice = false
        exchanges[e].fullSinceMilliseconds = 0
        let slice = exchanges[e].permit.take()
        move(e, to: permit)
        let id = exchanges.id(at: e)
        store(e, o, head, request, response, times)
        // Whoever waits for this range finds it in the object's fill now, if it is there.
        let isStored = exchanges.contains(id) && exchanges[e].permit != nil
        if let slice { slice.fail(isStored ? .abandoned : .pass) }
    }

    /// Has the head judged again in the next turn. False when that has been long enough.
    private mutating func holdHead(_ e: UInt32, _ o: UInt32) -> Bool {
        if exchanges[e].fullSinceMilliseconds == 0 { exchanges[e].fullSinceMilliseconds = clock.milliseconds }
        guard clock.milliseconds - exchanges[e].fullSinceMilliseconds < Self.longestWaitMilliseconds else {
            return false
        }
        exchanges[e].holdsHead = true
        heldBackOrigins.append(origins.id(at: o))
        return true
    }
}
