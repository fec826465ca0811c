// differential COUNT SEED: that many random streams through both parsers. Every difference must be explained by a rule
// of docs/http-parsing.md; the tally by rule is printed, and the first unexplained ones in full.
import Glibc

/// How the two parsers compare so far.
struct Comparison {
    var agreed = 0
    var bothRefused = 0
    var tally: [String: Int] = [:]
    var unexplained = 0

    /// The rule that explains the difference, nil for none.
    private func explain(_ bytes: [UInt8], _ ours: Outcome, _ peer: Outcome) -> String? {
        let common = zip(ours.messages, peer.messages).prefix { $0 == $1 }.count
        if common < min(ours.messages.count, peer.messages.count) {
            var alike = peer.messages[common]
            alike.keepAlive = ours.messages[common].keepAlive
            guard alike == ours.messages[common] else { return nil }
            return Explanations.ofPersistence(Evidence(bytes[ours.starts[common]...]))
        }
        let evidence = Evidence(bytes[ours.lastStart...])
        if case .refused(let reason) = ours.end, common == ours.messages.count {
            return Explanations.ofRefusal(reason, evidence)
        }
        if case .refused(let error) = peer.end, common == peer.messages.count {
            // The request the peer refused is the one after those it took.
            let start = common < ours.starts.count ? ours.starts[common] : bytes.count
            let ended = Outcome.ofOurs(bytes + [13, 10, 13, 10])
            if ours.end == .waiting, common == ours.messages.count, ended.end.isRefusal {
                return "refused at the head's end"
            }
            return Explanations.ofPeerRefusal(error, Evidence(bytes[start...]))
        }
        return nil
    }

    mutating func run(_ stream: UInt64, _ seed: UInt64, _ generator: Generator) {
        var dice = Dice(seed: seed, stream: stream)
        let bytes = generator.stream(&dice)
        let ours = Outcome.ofOurs(bytes)
        let peer = Outcome.ofPeer(bytes)
        if ours.messages == peer.messages, ours.end.isRefusal, peer.end.isRefusal {
            bothRefused += 1
            return
        }
        if ours.messages == peer.messages, ours.end == peer.end {
            agreed += 1
            return
        }
        if let rule = explain(bytes, ours, peer) {
            tally[rule, default: 0] += 1
            return
        }
        unexplained += 1
        if unexplained <= 10 {
            print("unexplained: stream \(stream) of seed \(seed)")
            print("  " + String(bytes.map { Character(UnicodeScalar($0)) }).debugDescription)
            print("  ours: \(ours.messages.map { "\($0)" }) \(ours.end)")
            print("  peer: \(peer.messages.map { "\($0)" }) \(peer.end)")
        }
    }
}

extension Comparison {
    private func explain(
        _ bytes: [UInt8], toHead: Bool, _ ours: ResponseOutcome, _ peer: ResponseOutcome
    ) -> String? {
        let common = zip(ours.messages, peer.messages).prefix { $0 == $1 }.count
        if common < min(ours.messages.count, peer.messages.count) {
            var alike = peer.messages[common]
            alike.keepAlive = ours.messages[common].keepAlive
            let evidence = Evidence(bytes[ours.starts[common]...])
            guard alike == ours.messages[common] else { return Explanations.ofResponseBody(evidence) }
            return Explanations.ofResponsePersistence(evidence)
        }
        if ours.messages.last?.status == 101, common + 1 >= ours.messages.count { return "nothing behind 101 is HTTP" }
        if case .refused(let reason) = ours.end, common == ours.messages.count {
            return Explanations.ofResponseRefusal(reason, Evidence(bytes[ours.lastStart...]))
        }
        if case .refused(let error) = peer.end, common == peer.messages.count {
            let start = common < ours.starts.count ? ours.starts[common] : bytes.count
            let ended = ResponseOutcome.ofOurs(bytes + [13, 10, 13, 10], toHead: toHead)
            if ours.end == .waiting, common == ours.messages.count, ended.end.isRefusal {
                return "refused at the head's end"
            }
            return Explanations.ofPeerResponseRefusal(error, Evidence(bytes[start...]))
        }
        // Ours still waits for the rest of a body that the peer takes to have ended.
        if ours.end == .waiting, common == ours.messages.count, common < peer.messages.count {
            return Explanations.ofResponseBody(Evidence(bytes[ours.lastStart...]))
        }
        return nil
    }

    mutating func run(_ stream: UInt64, _ seed: UInt64, _ generator: ResponseGenerator) {
        var dice = Dice(seed: seed, stream: stream)
        let (bytes, toHead) = generator.stream(&dice)
        let ours = ResponseOutcome.ofOurs(bytes, toHead: toHead)
        let peer = ResponseOutcome.ofPeer(bytes, toHead: toHead)
        let sameEnd = ours.end == peer.end || (ours.end.isRefusal && peer.end.isRefusal)
        if ours.messages == peer.messages, sameEnd {
            if ours.end.isRefusal { bothRefused += 1 } else { agreed += 1 }
            return
        }
        if let rule = explain(bytes, toHead: toHead, ours, peer) {
            tally[rule, default: 0] += 1
            return
        }
        unexplained += 1
        guard unexplained <= 10 else { return }
        print("unexplained: stream \(stream) of seed \(seed)\(toHead ? ", to HEAD" : "")")
        print("  " + String(bytes.map { Character(UnicodeScalar($0)) }).debugDescription)
        print("  ours: \(ours.messages.map { "\($0)" }) \(ours.end)")
        print("  peer: \(peer.messages.map { "\($0)" }) \(peer.end)")
    }
}

private func main() {
    var arguments = CommandLine.arguments
    let ofResponses = arguments.count > 1 && arguments[1] == "responses"
    if ofResponses { arguments.remove(at: 1) }
    let count = arguments.count > 1 ? UInt64(arguments[1]) ?? 20_000 : 20_000
    let seed = arguments.count > 2 ? UInt64(arguments[2]) ?? 1 : UInt64(time(nil))
    let first = arguments.count > 3 ? UInt64(arguments[3]) ?? 0 : 0
    print("\(count) streams of seed \(seed)")
    var comparison = Comparison()
    if ofResponses {
        let generator = ResponseGenerator()
        for stream in first..<first + count { comparison.run(stream, seed, generator) }
    } else {
        let generator = Generator()
        for stream in first..<first + count { comparison.run(stream, seed, generator) }
    }
    let explained = comparison.tally.values.reduce(0, +)
    print(
        "\(comparison.agreed) alike, \(comparison.bothRefused) refused by both, \(explained) explained,",
        terminator: " ")
    print("\(comparison.unexplained) unexplained")
    for (rule, times) in comparison.tally.sorted(by: { $0.value > $1.value }) { print("  \(times)  \(rule)") }
    exit(comparison.unexplained == 0 ? 0 : 1)
}

main()
