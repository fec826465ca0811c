// What the program says to the person at the terminal; everything else goes to the log.
import Glibc

enum Console {
    /// One line. That nobody can be told is no reason to stop doing what was asked: the terminal may be closed, the
    /// disk full.
    static func say(_ text: String) { _ = write(text + "\n", to: STDOUT_FILENO) }

    static func complain(_ text: String) { _ = write("martlet: " + text + "\n", to: STDERR_FILENO) }

    /// What a command is for: without it the command has failed.
    static func deliver(_ text: String) throws(Failure) {
        guard let problem = write(text, to: STDOUT_FILENO) else { return }
        throw .runtime("the output cannot be written: \(systemText(problem))")
    }

    /// The error number that kept the rest from being written.
    private static func write(_ text: String, to descriptor: Int32) -> Int32? {
        var rest = ArraySlice(text.utf8)
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || (count < 0 && errno == EINTR) else { return count < 0 ? errno : EIO }
            rest = rest.dropFirst(max(count, 0))
        }
        return nil
    }
}
