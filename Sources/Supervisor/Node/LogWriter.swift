// The node's own lines, of the log and for the console: kept here and written by a thread of their own. Whoever reads
// them may stand still (a paused terminal, a full pipe); the node may not. Nothing else writes to 1 and 2 meanwhile.
import Foundation
import Glibc

final class LogWriter: @unchecked Sendable {
    static let shared = LogWriter()

    private struct Line {
        var text: String
        var descriptor: Int32
    }

    /// What waits at most, beside what the thread has taken.
    private static let mostBytes = 256 << 10

    /// Guards everything below, and says that there is something to write.
    private let condition = NSCondition()
    private var queue: [Line] = []
    private var queuedBytes = 0
    private var lost = 0
    private var isWriting = false
    private var isRunning = false

    /// To be called once the signals that the node obeys are blocked. Without memory for the thread every line is
    /// written by who says it.
    func start() {
        condition.withLock {
            guard !isRunning else { return }
            var thread = pthread_t()
            isRunning = unsafe pthread_create(&thread, nil, { _ in LogWriter.shared.work() }, nil) == 0
        }
    }

    /// Keeps the text to be written behind all others. False where no thread writes: that is the caller's then.
    func take(_ text: String, for descriptor: Int32) -> Bool {
        condition.withLock {
            guard isRunning else { return false }
            let count = text.utf8.count
            // Once one is lost all are, up to the line that says so: what is read stays in order.
            if lost > 0 || queuedBytes + count > Self.mostBytes {
                lost += 1
            } else {
                queue.append(Line(text: text, descriptor: descriptor))
                queuedBytes += count
            }
            condition.signal()
            return true
        }
    }

    /// Before the program ends or executes another: waits until everything is out, but not for a reader that stands
    /// still. Neither exec nor exit waits for the thread.
    func flush(milliseconds: Int64 = 200) {
        let end = LoopExecutor.now() + milliseconds
        while condition.withLock({ isRunning && (isWriting || !queue.isEmpty) }), LoopExecutor.now() < end {
            usleep(1_000)
        }
    }

    private func work() -> Never {
        while true {
            let (lines, lost) = takeAll()
            for line in lines { _ = Console.write(line.text, to: line.descriptor) }
            if lost > 0 { _ = Console.write(Self.text(lost: lost), to: STDERR_FILENO) }
        }
    }

    private func takeAll() -> ([Line], lost: Int) {
        condition.withLock {
            isWriting = false
            while queue.isEmpty && lost == 0 { condition.wait() }
            isWriting = true
            defer { (queue, queuedBytes, lost) = ([], 0, 0) }
            return (queue, lost)
        }
    }

    private static func text(lost: Int) -> String {
        let what = lost == 1 ? "1 line of the log was" : "\(lost) lines of the log were"
        return "martlet: \(what) lost, since nobody had read those before\n"
    }
}

/// Where the log's lines go.
struct LogStream: TextOutputStream, Sendable {
    func write(_ text: String) {
        if !LogWriter.shared.take(text, for: STDERR_FILENO) { _ = Console.write(text, to: STDERR_FILENO) }
    }
}
