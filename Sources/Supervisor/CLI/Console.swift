// What the program says to the person at the terminal; everything else goes to the log.
import Glibc

enum Console {
    static func say(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func complain(_ text: String) { write("martlet: " + text, to: STDERR_FILENO) }

    /// One line. That nobody can be told is no reason to stop doing what was asked: the terminal may be closed, the
    /// disk full.
    private static func write(_ text: String, to descriptor: Int32) {
        var rest = ArraySlice((text + "\n").utf8)
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || (count < 0 && errno == EINTR) else { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}
