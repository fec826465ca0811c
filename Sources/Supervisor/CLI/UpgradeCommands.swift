// `martlet upgrade`, and the two hidden commands by which a new binary is tried and takes over.
import ArgumentParser
import CLinux
import Foundation
import Glibc

struct UpgradeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade", abstract: "Replace the running binaries without losing a connection.",
        discussion: "Without paths, supervisor and workers are replaced from where they were started.")
    @OptionGroup var node: NodeOptions
    @OptionGroup var wait: WaitOptions
    @Option(help: ArgumentHelp("New supervisor binary.", valueName: "path")) var binary: String?
    @Option(help: ArgumentHelp("New worker binary.", valueName: "path")) var worker: String?

    func validate() throws {
        for (option, path) in [("--binary", binary), ("--worker", worker)] where path == "" {
            throw ValidationError("\(option) needs a path")
        }
    }

    mutating func run() async throws {
        var body: [String: String] = [:]
        for (name, path) in [("binary", binary), ("worker", worker)] {
            guard let path = path.map(absolutePath) else { continue }
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw Failure.usage("--\(name) \(path) does not exist or is not executable")
            }
            body[name] = path
        }
        try await node.client.change("/v1/upgrade", body, timeoutSeconds: wait.timeout)
    }
}

/// Run by the old binary on the new one: everything but taking over. State on 3, regions on 5 and 6.
struct PreflightCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "preflight", shouldDisplay: false)
    /// The last line of a preflight that has tried everything; the old binary insists on it.
    static let verdict = "martlet preflight: everything was tried and works"

    /// Said before: only who makes it is given the alarm, since an older binary would never stop it.
    static let promise = "martlet preflight: stops the watchdog's alarm"

    mutating func run() async throws {
        let state = try SavedState.read(3)
        _ = try Regions.adopt(cache: 5, node: 6, events: [])
        for record in state.launches where !FileManager.default.isExecutableFile(atPath: record.workerPath) {
            throw Failure.runtime("worker binary \(record.workerPath) does not exist or is not executable")
        }
        _ = try LoadedConfiguration.load(state.flags, demoOrigin: state.demoOrigin)
        await tryThreads()
        try Self.checkRoom()
        Console.say(Self.promise)
        Console.say(Self.verdict)
    }
}

extension PreflightCommand {
    /// A node needs some more than this process: buffers, and threads that come and go. Without it, it would be deaf
    /// as soon as it has taken over.
    private static func checkRoom() throws(Failure) {
        let size = 64 << 20
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let room = unsafe mmap(nil, size, PROT_NONE, flags, -1, 0)
        guard unsafe room != MAP_FAILED else {
            throw .runtime("no memory for a new supervisor (ulimit -v): \(systemText(errno))")
        }
        unsafe munmap(room, size)
    }

    /// The new image will live under the same limits. The line is the reason that is shown if this is the end.
    private func tryThreads() async {
        Console.say("no memory for the threads of a new supervisor (ulimit -v)")
        Watchdog.arm(5)
        // In place of the node's loop.
        Thread { usleep(100_000) }.start()
        await Watchdog.tryThreads()
        Watchdog.disarm()
    }
}

/// What the old binary executes in its place.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", shouldDisplay: false)
    @Option var state: Int32

    /// Closes what came through exec without being in the state: what another thread had opened in the last moment. A
    /// connection among them would look alive to its peer, and nobody would ever answer it.
    func closeOthers() throws {
        let kept = Set(try SavedState.read(state).descriptors + [state])
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
            if let fd = Int32(name), fd > 2, !kept.contains(fd) { close(fd) }
        }
    }

    mutating func run() async throws {
        _ = unsafe cl_set_process_name("martlet")
        try await NodeRunner.resume(try SavedState.read(state), stateDescriptor: state)
    }
}
