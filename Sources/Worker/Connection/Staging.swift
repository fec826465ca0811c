// A turn's requests in three passes: all are received, then all are answered into their buffers, then all answers are
// sent. One pass stays in the processor's instruction cache where request by request would fetch the kernel's and our
// code anew each time (cohort scheduling, Larus and Parkes 2002).

extension Worker {
    /// Receives from a connection at rest and leaves the rest to the next passes; any other goes on by itself.
    mutating func hear(_ c: UInt32) {
        guard clients[c].isIdle, !clients[c].closesAfterResponse else { return progress(c) }
        guard readRequest(c) else { return }
        heard.add(clients.id(at: c))
        if heard.isFull { answerHeard() }
    }

    /// The second and the third pass.
    mutating func answerHeard() {
        guard heard.count > 0 else { return }
        holdsAnswersBack = true
        for index in 0..<heard.count where clients.contains(heard[index]) { progress(heard[index].index) }
        holdsAnswersBack = false
        heard.removeAll()
        for index in 0..<heldBack.count where clients.contains(heldBack[index]) {
            sendHeldBack(heldBack[index].index)
        }
        heldBack.removeAll()
    }

    private mutating func sendHeldBack(_ c: UInt32) {
        let slot = clients[c].rendered
        if slot != .max {
            clients[c].rendered = .max
            guard sendRendered(slot, c) else { return }
        }
        progress(c)
    }

    /// Answers with a rendered answer: in the third pass, or now where there are none. False when the client is gone.
    mutating func answer(_ c: UInt32, rendered slot: UInt16) -> Bool {
        guard holdsAnswersBack, !heldBack.isFull else { return sendRendered(slot, c) }
        rendered.hold(slot, turn: turn)
        clients[c].rendered = slot
        return true
    }

    private mutating func sendRendered(_ slot: UInt16, _ c: UInt32) -> Bool {
        let isLast = clients[c].closesAfterResponse
        guard RenderedAnswers.send(rendered, slot, more: isLast, to: &clients[c].sink) != .failed else {
            abortClient(c)
            return false
        }
        return true
    }

    /// Whether what this connection owes waits for the third pass.
    mutating func holdsBack(_ c: UInt32) -> Bool {
        guard holdsAnswersBack, !heldBack.isFull else { return false }
        guard clients[c].rendered != .max || clients[c].sink.hasPending else { return false }
        heldBack.add(clients.id(at: c))
        return true
    }
}
