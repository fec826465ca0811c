// How long a request may wait for a fill that another worker owns, and what it does then.

internal import ControlChannel

extension Worker {
    /// Arms the timer of a context that waits for others: a wake that was lost costs latency, never a hang.
    mutating func armContextTimer(_ x: UInt32) {
        guard !contexts[x].timer.isArmed else { return }
        let deadline = clock.milliseconds + Self.fillCheckMilliseconds
        contexts[x].timer = timers.arm(
            deadlineMilliseconds: deadline, owner: Token(.context, contexts.id(at: x)).raw)
    }

    /// Between two looks at a fill that nobody has reported on.
    private static var fillCheckMilliseconds: Int64 { 250 }

    mutating func contextTimerExpired(_ x: UInt32) {
        contexts[x].timer = TimerHandle()
        if contexts[x].upload.state == .awaitingContinue {
            // Not every origin sends 100 (Continue): after a moment the body goes on its way without (RFC 9110 section
            // 10.1.1).
            return continueUpload(x)
        }
        guard contexts[x].hangsOnFill else { return }
        let waited = clock.milliseconds - contexts[x].lastProgressMilliseconds
        let limit = Int64(settings.timeouts.fillWaitMilliseconds)
        let isForeign = contexts[x].exchange == .max
        if contexts[x].phase == .waitingForFill, isForeign, limit > 0, waited > limit {
            let c = contexts[x].client.index
            goAlone(x)
            if clients.isTaken(c) { progress(c) }
            return
        }
        armContextTimer(x)
        progress(contexts[x].client.index)
    }
}
