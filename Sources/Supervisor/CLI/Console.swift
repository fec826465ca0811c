// What the program says to the person at the terminal; everything else goes to the log.
import Glibc

enum Console {
    /// One line. That nobody can be told is no reason to stop doing what was asked: the terminal may be closed, the
    /// disk full. Nor is it one to wait in a node: there a thread of its own writes.
    static func say(_ text: String) { line(text, to: STDOUT_FILENO) }

    static func complain(_ text: String) { line("martlet: " + text, to: STDERR_FILENO) }

    private static func line(_ text: String, to descriptor: Int32) {
        if !LogWriter.shared.take(text + "\n", for: descriptor) { _ = write(text + "\n", to: descriptor) }
    }

    /// What a command is for: without it the command has failed.
    static func deliver(_ text: String) throws(Failure) {
        guard let problem = write(text, to: STDOUT_FILENO) else { return }
        throw .runtime("the output cannot be written: \(systemText(problem))")
    }

    /// The error number that kept the rest from being written.
    static func write(_ text: String, to descriptor: Int32) -> Int32? {
        var rest = ArraySlice(text.utf8)
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EAGAIN {
                // Whoever shares the descriptor has made it so.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wanted, 1, -1)
                continue
            }
            guard count > 0 || (count < 0 && errno == EINTR) else { return count < 0 ? errno : EIO }
            rest = rest.dropFirst(max(count, 0))
        }
        return nil
    }
}
