// SIGINT, SIGTERM and SIGHUP while a command has something to put right before it ends: noted, not obeyed at once.
import Dispatch
import Foundation
import Glibc

final class Interruption: @unchecked Sendable {
    private let lock = NSLock()
    private var first: Int32?
    private var sources: [any DispatchSourceSignal] = []

    init() {
        // Who was started to ignore a hang-up (nohup) goes on ignoring it.
        let hangsUp = !Self.isIgnored(SIGHUP)
        sources = ([SIGINT, SIGTERM] + (hangsUp ? [SIGHUP] : [])).map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [weak self] in self?.note(number) }
            source.resume()
            return source
        }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        guard let before = signal(number, SIG_IGN) else { return false }
        signal(number, before)
        return unsafe unsafeBitCast(before, to: Int.self) == 1
    }

    private func note(_ number: Int32) { lock.withLock { first = first ?? number } }

    func check() throws {
        if let number = lock.withLock({ first }) { throw Interrupted(signal: number) }
    }

    /// As Task.sleep, but not beyond a signal.
    func sleep(for duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        while true {
            try check()
            let left = end - ContinuousClock.now
            guard left > .zero else { return }
            try await Task.sleep(for: min(left, .milliseconds(50)))
        }
    }
}

struct Interrupted: Error {
    var signal: Int32
    /// As a shell shows it.
    var exitCode: Int32 { 128 + signal }
}
