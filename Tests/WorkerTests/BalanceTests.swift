// When a worker passes new connections on.
import Testing

@testable import Worker

@Suite struct BalanceTests {
    @Test func thresholds() {
        // 15 % above the mean and no more: it keeps them.
        #expect(!Spread.isOverloaded(own: 115, least: 85, total: 200, workers: 2))
        #expect(Spread.isOverloaded(own: 116, least: 84, total: 200, workers: 2))
        // A handful is no reason to travel, nor is there anywhere to go alone.
        #expect(!Spread.isOverloaded(own: 5, least: 1, total: 6, workers: 2))
        #expect(Spread.isOverloaded(own: 6, least: 1, total: 7, workers: 2))
        #expect(!Spread.isOverloaded(own: 100, least: 0, total: 100, workers: 1))
    }

    @Test("However unevenly connections arrive, nobody ends above 1.3 times the mean", arguments: [2, 4, 8])
    func convergence(workers: Int) {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(state: seed)
        for _ in 0..<200 {
            var open = [Int](repeating: 0, count: workers)
            // From all connections at one worker to all at random.
            let favour = Int(random.next() % 100)
            for _ in 0..<200 {
                let chosen = random.next() % 100 < favour ? 0 : Int(random.next() % UInt64(workers))
                let others = (0..<workers).filter { $0 != chosen }
                let least = others.min { open[$0] < open[$1] } ?? chosen
                let total = open.reduce(1, +)
                let isOver = Spread.isOverloaded(
                    own: open[chosen] + 1, least: open[least], total: total, workers: workers)
                open[isOver ? least : chosen] += 1
            }
            #expect(Double(open.max() ?? 0) <= 1.3 * 200 / Double(workers), "seed \(seed): \(open)")
        }
    }
}

private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
