// The commands that talk to a running node.
import ArgumentParser
import Foundation

struct NodeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The node's runtime directory.", valueName: "path")) var runtimeDir: String?

    func validate() throws {
        if runtimeDir == "" { throw ValidationError("--runtime-dir needs a path") }
    }

    var client: AdminClient { AdminClient(runtimeDirectory: runtimeDir) }
}

struct WaitOptions: ParsableArguments {
    // Unconditional: a value that begins with a minus is wrong for itself, not an option in place of a value.
    @Option(parsing: .unconditional, help: ArgumentHelp("Seconds to wait for the outcome.", valueName: "seconds"))
    var timeout = 60.0

    func validate() throws {
        guard Patience.allows(timeout) else { throw ValidationError("--timeout must be \(Patience.bounds)") }
    }
}

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show generations, slots, connections, cache and restarts of a node.")
    @OptionGroup var node: NodeOptions
    @OptionGroup var wait: WaitOptions
    @Flag(help: "Print the whole document as JSON.") var json = false

    mutating func run() async throws {
        if json {
            try Console.deliver(try await node.client.raw("/v1/status", timeoutSeconds: wait.timeout))
        } else {
            let document: StatusDocument = try await node.client.get("/v1/status", timeoutSeconds: wait.timeout)
            try Console.deliver(StatusText.render(document))
        }
    }
}

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Read the configuration again and start a new generation of workers.")
    @OptionGroup var node: NodeOptions
    @OptionGroup var wait: WaitOptions
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Another size of the cache; it only grows.", valueName: "size"))
    var cacheSize: String?

    mutating func run() async throws {
        var fields: [String: String] = [:]
        if let cacheSize {
            guard !cacheSize.isEmpty else {
                throw Failure.usage("--cache-size '': write a size such as 512MiB or 4GiB")
            }
            fields["cacheSize"] = cacheSize
        }
        try await node.client.change("/v1/reload", fields, timeoutSeconds: wait.timeout)
    }
}

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Change the number of workers: N, +N, -N or auto.")
    @OptionGroup var node: NodeOptions
    @OptionGroup var wait: WaitOptions
    @Argument(parsing: .allUnrecognized, help: "N, +N, -N or auto.") var count: [String]

    mutating func run() async throws {
        count.removeAll { $0 == "--" }
        guard count.count == 1 else {
            throw Failure.usage("say one of N, +N, -N or auto, not '\(count.joined(separator: " "))'")
        }
        try await node.client.change("/v1/workers", ["workers": count[0]], timeoutSeconds: wait.timeout)
    }
}

struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop a node: requests under way are finished first.")
    @OptionGroup var node: NodeOptions
    @OptionGroup var wait: WaitOptions
    @Flag(help: "Close everything at once.") var now = false

    mutating func run() async throws {
        try await node.client.change(
            "/v1/stop", ["manner": now ? "now" : "drain"], timeoutSeconds: wait.timeout, quiet: true)
    }
}
