// `martlet run`: starts a node and stays with it until it stops.
import ArgumentParser
import Foundation
import Glibc

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Start a node and serve until it is told to stop.",
        discussion: "Without an origin a small demo site stands in. Flags win over the configuration file.")

    @OptionGroup var options: RunOptions

    mutating func run() async throws { try await NodeRunner.run(options.flags) }
}

/// What a node is started with.
struct RunOptions: ParsableArguments {
    @Option(help: ArgumentHelp("URL of the origin.", valueName: "url")) var origin: String?
    @Option(
        help: ArgumentHelp("Address to listen on; may be repeated. Default 127.0.0.1:8080.", valueName: "host:port"))
    var listen: [String] = []
    // Unconditional: a value that begins with a minus is wrong for itself, not an option in place of a value.
    @Option(parsing: .unconditional, help: "Number of worker processes, or auto.") var workers: String?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Memory of the cache, all included. Default 512MiB.", valueName: "size"))
    var cacheSize: String?
    @Option(help: ArgumentHelp("File of the cache; without one it lives in memory.", valueName: "path"))
    var cacheFile: String?
    @Option(help: ArgumentHelp("Directory that is the node: its lock and sockets.", valueName: "path"))
    var runtimeDir: String?
    @Option(help: ArgumentHelp("YAML configuration file.", valueName: "path")) var config: String?
    @Option(help: ArgumentHelp("Worker binary. Default: martlet-worker beside this program.", valueName: "path"))
    var worker: String?
    @Option(help: "Event loop backend: auto, epoll or uring.") var io: String?
    @Option(help: "Workers on CPUs of their own: auto or off. Default off.") var pin: String?

    func validate() throws {
        for (option, path) in [
            ("--config", config), ("--cache-file", cacheFile), ("--runtime-dir", runtimeDir), ("--worker", worker),
        ] where path == "" { throw ValidationError("\(option) needs a path") }
    }

    var flags: RunFlags {
        var flags = RunFlags()
        flags.config = config.map(absolutePath)
        flags.origin = origin
        flags.listen = listen
        flags.workers = workers
        flags.cacheSize = cacheSize
        flags.cacheFile = cacheFile.map(absolutePath)
        flags.runtimeDirectory = runtimeDir.map(absolutePath)
        flags.worker = worker.map(absolutePath)
        flags.io = io
        flags.pin = pin
        return flags
    }
}

/// Relative paths mean the directory that the command was given in, also after an upgrade or from another directory.
func absolutePath(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
}
