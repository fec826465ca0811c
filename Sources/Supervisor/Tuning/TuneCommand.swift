// `martlet tune`: tries worker counts and loop backends on a running node while traffic flows, shows what each did, and
// may apply the best. Every try is an ordinary generation change: no connection is lost by it.
import ArgumentParser
import ControlChannel
import Foundation
import Glibc

struct TuneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Try worker counts and loop backends under traffic, and recommend one.",
        discussion: """
            Asks for --path over and over, or with --live watches the traffic there is. Afterwards, and when it is \
            interrupted, the node is as it was, unless --apply is given.
            """)
    @OptionGroup var node: NodeOptions
    @Option(help: ArgumentHelp("Worker counts, e.g. 1,2,4. Default 1 to the number of CPUs.", valueName: "list"))
    var workers: String?
    @Option(help: ArgumentHelp("Loop backends. Default epoll,uring.", valueName: "list")) var io = "epoll,uring"
    @Option(help: "Seconds per setting.") var seconds = 3.0
    @Option(help: "What is asked for.") var path = "/"
    @Option(help: "The Host field; default the listen address.") var host: String?
    @Option(help: "Connections of the self-made traffic.") var connections = 32
    @Flag(help: "Make no traffic: watch what there is.") var live = false
    @Flag(help: "Change the node to the recommended setting.") var apply = false

    func validate() throws {
        guard seconds >= 0.2, seconds <= 3_600 else { throw ValidationError("--seconds must be 0.2 to 3600") }
        guard (1...1_000).contains(connections) else { throw ValidationError("--connections must be 1 to 1000") }
        guard path.hasPrefix("/"), !path.contains(where: \.isWhitespace) else {
            throw ValidationError("--path must begin with / and have no spaces")
        }
    }

    mutating func run() async throws {
        let before: StatusDocument = try await node.client.get("/v1/status")
        let settings = try wanted(before)
        let interruption = Interruption()
        var trials: [Trial] = []
        try Console.deliver(Self.heading + "\n")
        do {
            for setting in settings {
                try interruption.check()
                guard try await use(setting) else { continue }
                let trial = try await measure(setting, before, interruption)
                trials.append(trial)
                try Console.deliver(Self.line(trial) + "\n")
            }
        } catch {
            try await restore(before, after: error)
        }
        guard let best = Recommendation.best(of: trials, isLive: live) else {
            let why = "nothing was answered meanwhile: is there traffic, and is --path right?"
            try await restore(before, after: Failure.runtime(why))
        }
        var isApplied = false
        if apply { isApplied = try await use(best.setting) } else { try await restore(before) }
        try Console.deliver("recommended: --workers \(best.setting.workers) --io \(best.setting.io)\n")
        if apply, !isApplied { throw Failure.runtime("the recommended setting is not applied; see 'martlet status'") }
        Console.say(apply ? "applied" : "the node is as it was; --apply changes it")
    }

    // MARK: Settings

    private func wanted(_ status: StatusDocument) throws -> [TuneSetting] {
        let most = min(HostFacts.usableCPUs(), status.slots.perAddress)
        var counts: [Int] = []
        for word in (workers ?? (1...max(most, 1)).map(String.init).joined(separator: ",")).words {
            guard let count = Int(word), (1...status.slots.perAddress).contains(count) else {
                throw Failure.usage("--workers '\(word)': write numbers from 1 to \(status.slots.perAddress)")
            }
            counts.append(count)
        }
        let backends = io.words
        for backend in backends where IOBackend(name: backend) == nil {
            throw Failure.usage("--io '\(backend)': write some of \(IOBackend.names.joined(separator: ", "))")
        }
        return backends.flatMap { backend in counts.map { TuneSetting(workers: $0, io: backend) } }
    }

    /// The node decides by the same flags as before.
    private func restore(_ before: StatusDocument) async throws {
        var body = ["workers": before.overrides?.workers ?? "", "io": before.overrides?.io ?? ""]
        // A node of before this field takes no flag back.
        if before.overrides == nil {
            body = ["workers": String(before.workers), "io": Self.backend(of: before) ?? "auto"]
        }
        try await node.client.change("/v1/reload", body, timeoutSeconds: 60, quiet: true, says: false)
    }

    private func restore(_ before: StatusDocument, after error: any Error) async throws -> Never {
        do {
            try await restore(before)
            if error is Interrupted { Console.say("interrupted; the node is as it was") }
        } catch let second {
            Console.complain("the node keeps the setting that was being tried: \(second)")
        }
        throw error
    }

    /// Changes the node. False when it will not have the setting (a kernel without io_uring): the node is as before.
    private func use(_ setting: TuneSetting) async throws -> Bool {
        let body = ["workers": String(setting.workers), "io": setting.io]
        do {
            try await node.client.change("/v1/reload", body, timeoutSeconds: 60, quiet: true, says: false)
            return true
        } catch let failure as Failure where failure.kind == .runtime {
            let status: StatusDocument = try await node.client.get("/v1/status")
            guard status.state == "serving" else { throw failure }
            Console.say("\(Self.name(setting)): not possible: \(failure.description)")
            return false
        }
    }

    private static func backend(of status: StatusDocument) -> String? {
        let current = status.generations.first { $0.state == "current" }
        return current?.workers.compactMap(\.backend).first
    }

    // MARK: Measuring

    private func measure(
        _ setting: TuneSetting, _ status: StatusDocument, _ interruption: Interruption
    ) async throws -> Trial {
        let load = try live ? nil : makeLoad(status)
        load?.start(connections: connections)
        // The first moments belong to connecting and warming up.
        try await interruption.sleep(for: .milliseconds(200))
        let first = try await sample()
        try await interruption.sleep(for: .seconds(seconds))
        let last = try await sample()
        let latencies = try load?.stop()
        func quantile(_ share: Double) -> Double? {
            latencies.map { $0[min(Int(Double($0.count) * share), $0.count - 1)] }
        }
        return Trial(
            setting: setting, seconds: last.at - first.at, requests: last.requests &- first.requests,
            cpuSeconds: last.cpu - first.cpu, p50: quantile(0.5), p99: quantile(0.99))
    }

    private func makeLoad(_ status: StatusDocument) throws -> TuneLoad {
        guard let text = status.slots.addresses.first, let address = try ListenSpec(text: text).addresses().first else {
            throw Failure.runtime("the node listens nowhere")
        }
        return TuneLoad(address: address, host: host ?? (address.family == .unix ? "localhost" : text), path: path)
    }

    private struct Sample {
        var at: Double
        var requests: UInt64
        var cpu: Double
    }

    private func sample() async throws -> Sample {
        let status: StatusDocument = try await node.client.get("/v1/status")
        let pids = status.generations.filter { $0.state == "current" }.flatMap(\.workers).compactMap(\.pid)
        return Sample(
            at: Double(LoopClock.nanoseconds()) / 1e9, requests: status.counters["requests"] ?? 0,
            cpu: pids.reduce(0) { $0 + Self.cpuSeconds($1) })
    }

    /// Run time of a process's first thread, the only one a worker has, by the scheduler's count.
    private static func cpuSeconds(_ pid: Int32) -> Double {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/schedstat", encoding: .utf8)) ?? ""
        return text.split(separator: " ").first.flatMap { Double($0) }.map { $0 / 1e9 } ?? 0
    }

    // MARK: Table

    private static let heading = "workers  io      requests/s  CPU us/request  busy per worker    p50 us    p99 us"

    private static func name(_ setting: TuneSetting) -> String { "\(setting.workers) workers, \(setting.io)" }

    private static func line(_ trial: Trial) -> String {
        func column(_ value: Double?, _ width: Int, _ digits: Int = 0) -> String {
            let text = value.map { String(format: "%.\(digits)f", $0) } ?? "-"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
        let io = trial.setting.io + String(repeating: " ", count: max(0, 7 - trial.setting.io.count))
        return column(Double(trial.setting.workers), 7) + "  " + io + column(trial.requestsPerSecond, 11)
            + column(trial.cpuMicrosecondsPerRequest, 16, 1) + column(trial.busyShare * 100, 16) + "%"
            + column(trial.p50, 10) + column(trial.p99, 10)
    }
}

extension String {
    /// Between commas; an empty word is one too, and refused as such.
    fileprivate var words: [String] { split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
}
