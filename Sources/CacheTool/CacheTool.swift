// The program `martlet-cache` (also reached as `martlet cache ...`): tools on the cache engine, without a node.
// Failures are one line on standard error and an exit code: 2 for a wrong command line, 1 for everything else.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

@main
enum CacheTool {
    static let usage = """
        usage: martlet cache replay TRACE.gz --size BYTES [--processes P] [--byte-weight BYTES] [--compressible]
                             [--json]
               martlet cache stats|inspect|verify FILE|RUNTIME-DIRECTORY [--json]
               martlet cache bench lookup|purge [--objects N] [--json]
               martlet cache bench reopen|accounting [--size BYTES] [--json]

        stats    objects, bytes and fill of a region, read-only, also while it is used
        inspect  the same with its layout, its size classes and its lanes
        verify   check every invariant and every checksum of a region at rest; exit code 1 when one is broken
        replay   play a trace of `key size` lines through the engine and print its miss ratios and costs
        bench    measure lookups, purges, reopening after a death, and the accounts against the kernel's

        BYTES is a number, or one with KiB, MiB, GiB or TiB behind it.
        """

    static func main() {
        cl_open_standard_descriptors()
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch let failure as ToolFailure {
            Terminal.complain(failure.text)
            exit(failure.isUsage ? 2 : 1)
        } catch {
            Terminal.complain("\(error)")
            exit(1)
        }
    }

    private static func run(_ words: [String]) throws {
        guard let command = words.first else { throw ToolFailure.usage("say what to do: \(usage)") }
        let rest = Array(words.dropFirst())
        guard !rest.contains("--help"), !rest.contains("-h") else { return try Terminal.say(usage) }
        switch command {
        case "replay": try Replay(ReplayOptions(rest)).run()
        case "stats", "inspect", "verify":
            var examination = try Examination(command: command, rest)
            try examination.run()
        case "bench":
            var bench = Bench(rest)
            try bench.run()
        case "replay-process": try ReplayProcess.run(rest)
        case "help", "--help", "-h": try Terminal.say(usage)
        default: throw ToolFailure.usage("there is no command \(command); martlet cache --help lists them")
        }
    }
}

/// Why the tool ends early.
enum ToolFailure: Error {
    /// The command line is wrong.
    case usage(String)
    /// Something did not work.
    case failed(String)

    /// A system call failed: what was wanted, and the system's word for why not.
    static func failed(_ what: String, errno code: Int32) -> ToolFailure {
        .failed("\(what): \(unsafe String(cString: strerror(code)))")
    }

    var isUsage: Bool { if case .usage = self { true } else { false } }
    var text: String {
        switch self {
        case .usage(let text), .failed(let text): text
        }
    }
}

/// Standard output and standard error.
enum Terminal {
    static var isTerminal: Bool { isatty(2) == 1 }

    /// What a command is for: without it the command has failed.
    static func say(_ text: String) throws(ToolFailure) {
        if let problem = write(1, text + "\n") { throw .failed("the output cannot be written", errno: problem) }
    }
    static func complain(_ text: String) { _ = write(2, "martlet cache: \(text)\n") }
    /// Rewrites the line of progress; nothing unless somebody watches.
    static func progress(_ text: String) {
        if isTerminal { _ = write(2, "\r\u{1b}[K\(text)") }
    }

    /// The error number that kept the rest from being written.
    private static func write(_ descriptor: Int32, _ text: String) -> Int32? {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 || (count < 0 && errno == EINTR) else { return count < 0 ? errno : EIO }
            rest = rest.dropFirst(max(count, 0))
        }
        return nil
    }
}
