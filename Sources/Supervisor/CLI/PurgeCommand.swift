// `martlet purge`: makes the cache forget.
import ArgumentParser
import Foundation

struct PurgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "purge", abstract: "Make the cache forget a URL, a prefix, a host, a tag or everything.",
        discussion: "In force for every worker when the command returns, whatever the cache holds.")
    @OptionGroup var node: NodeOptions
    @OptionGroup var wait: WaitOptions
    // Lists, so that a second one is refused instead of taking the first one's place.
    @Option(help: "One URL, all its variants; without scheme both http and https.") var url: [String] = []
    @Option(help: "All URLs that begin so, as in http://example.com/news/.") var prefix: [String] = []
    @Option(help: "All URLs of a host, as in example.com:8080.") var host: [String] = []
    @Option(help: "All answers that carried this tag.") var tag: [String] = []
    @Flag(help: "Everything.") var all = false
    @Flag(help: "Stale instead of gone, so that it can be revalidated.") var soft = false

    func validate() throws {
        for (option, values) in [("--url", url), ("--prefix", prefix), ("--host", host), ("--tag", tag)]
        where values.count > 1 {
            throw ValidationError("\(option) is there \(values.count) times: purge one after the other")
        }
    }

    mutating func run() async throws {
        let request = PurgeRequest(
            url: url.first, prefix: prefix.first, host: host.first, tag: tag.first, all: all ? true : nil,
            soft: soft ? true : nil)
        try request.check()
        let answer: PurgeAnswer = try await node.client.post("/v1/purge", request, timeoutSeconds: wait.timeout)
        let found = answer.stored.map { $0 ? "" : " (it was not stored)" } ?? ""
        Console.say("purged \(answer.purged)\(found)")
    }
}
