// The end of fills: packing and committing in steps, so that no turn is long; and failures.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

extension Worker {
    /// Body bytes packed per step: about half a millisecond of LZ4.
    static var finishBudgetBytes: Int { 256 * 1024 }

    /// Fills that get a step in one turn.
    private static var stepsPerTurn: Int { 4 }

    /// One step for the fills that are being committed.
    mutating func stepFinishing() {
        var e = firstFinishing
        for _ in 0..<Self.stepsPerTurn where e != .max {
            let next = exchanges[e].nextFinishing
            stepFinishing(e)
            e = next
        }
    }

    mutating func stepFinishing(_ e: UInt32) {
        switch exchanges[e].permit?.finish(budgetBytes: Self.finishBudgetBytes) {
        case .again: return
        case .committed: count(.fillsCommitted)
        case .rejected, .none: count(.fillsFailed)
        }
        removeFinishing(e)
        exchanges[e].permit = nil
        endExchange(e)
    }

    private mutating func removeFinishing(_ e: UInt32) {
        guard exchanges[e].isFinishing else { return }
        exchanges[e].isFinishing = false
        if firstFinishing == e {
            firstFinishing = exchanges[e].nextFinishing
            return
        }
        var previous = firstFinishing
        while previous != .max {
            if exchanges[previous].nextFinishing == e {
                exchanges[previous].nextFinishing = exchanges[e].nextFinishing
                return
            }
            previous = exchanges[previous].nextFinishing
        }
    }

    /// The exchange cannot give an answer (any more): tells everybody who waited for it.
    mutating func failExchange(_ e: UInt32, _ failure: ExchangeFailure, status: UInt16 = 0) {
        if failure != .timeout { count(.originErrors) }
        let context = exchanges[e].context
        let hasResponse = exchanges[e].hasResponse
        let own = answerStatus(to: failure, e)
        if let permit = exchanges[e].permit.take() {
            count(.fillsFailed)
            permit.fail(own == 504 ? .originTimedOut : own == 503 ? .originBusy : .originFailed)
        }
        exchanges[e].context = .none
        if !context.isNone, contexts.contains(context) {
            let x = context.index
            contexts[x].exchange = .max
            if contexts[x].phase == .tunnelling {
                // What goes through a tunnel is not ours: nothing is added to it.
                abortClient(contexts[x].client.index)
            } else if contexts[x].phase == .sending || (hasResponse && status == 0 && contexts[x].body.kind == .relay) {
                cutIfUnfinished(x)
            } else {
                contexts[x].failureStatus = status == 0 ? own : status
                if failure == .insecure { contexts[x].report.note = .originInsecure }
                if failure == .busy { contexts[x].report.note = .originBusy }
                answerFailure(x, status: own)
            }
        }
        endExchange(e)
    }

    /// What the node answers. Who asked for something that is stored, and may not have it stale, is told that nobody
    /// could be asked (RFC 9111 section 5.2.2.2).
    private borrowing func answerStatus(to failure: ExchangeFailure, _ e: UInt32) -> UInt16 {
        switch failure {
        case .timeout: 504
        case .busy: 503
        case .unreachable where exchanges[e].hasStored: 504
        case .unreachable, .badAnswer, .node, .insecure: 502
        }
    }

    /// The origin's answer broke off while this context was sending it. One that reads a fill will see its end by
    /// itself.
    private mutating func cutIfUnfinished(_ x: UInt32) {
        guard contexts[x].body.kind == .relay || contexts[x].body.kind == .rest else { return }
        abortClient(contexts[x].client.index)
    }

    /// The exchange is over: everything it holds is given back.
    mutating func endExchange(_ e: UInt32) {
        detachContext(e)
        let o = exchanges[e].connection
        if o != .max {
            exchanges[e].connection = .max
            let whole = exchanges[e].body.isComplete && exchanges[e].hasResponse
            releaseOrigin(o, keepAlive: whole && exchanges[e].keepsConnection && exchanges[e].uploadIsDone)
        }
        releaseRequest(e)
        var exchange = exchanges.remove(e)
        if let permit = exchange.permit.take() { permit.fail(.abandoned) }
        if let joined = exchange.joined.take() { lane.unpin(joined.surrender()) }
        exchange.surrenderBuffers(to: &buffers)
    }

    mutating func detachContext(_ e: UInt32) {
        let context = exchanges[e].context
        exchanges[e].context = .none
        guard !context.isNone, contexts.contains(context) else { return }
        contexts[context.index].exchange = .max
    }

    mutating func releaseRequest(_ e: UInt32) {
        let r = exchanges[e].request
        guard r != .max else { return }
        exchanges[e].request = .max
        requests.release(r)
    }
}
