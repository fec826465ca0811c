// `martlet check`: reads what `martlet run` would read, and says what that would be told.
import ArgumentParser
import ControlChannel

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration as run and reload would read it; nothing is touched.",
        discussion: "Takes the flags of run. Names of origins are resolved; no address is bound and no cache opened.")

    @OptionGroup var options: RunOptions

    mutating func run() async throws {
        let settings = try options.flags.settings()
        let demo = settings.hasOrigin ? nil : try OriginURL("http://127.0.0.1")
        let loaded = try LoadedConfiguration.load(options.flags, demoOrigin: demo)
        try RuntimeDirectory.checkLength(settings.runtimeDirectory ?? RuntimeDirectory.defaultPath())
        try Regions.checkLeast(settings)
        try Console.deliver("configuration is good: \(summary(loaded, isDemo: demo != nil))\n")
    }

    private func summary(_ loaded: LoadedConfiguration, isDemo: Bool) -> String {
        func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }
        let (sites, origins) = (loaded.snapshot.sites.count, loaded.snapshot.origins.count)
        let served = isDemo ? "the demo site" : "\(count(sites, "site")), \(count(origins, "origin"))"
        let addresses = loaded.listen.map(\.description).joined(separator: ", ")
        return "\(addresses); \(count(loaded.count, "worker")); \(served)"
    }
}
