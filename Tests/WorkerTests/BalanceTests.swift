// When a worker passes new connections on.
import Dice
import Testing

@testable import Worker

@Suite struct BalanceTests {
    @Test func thresholds() {
        // 15 % above the mean and no more: it keeps them.
        #expect(!spread([115, 85]).isOverloaded)
        #expect(spread([116, 84]).isOverloaded)
        // A handful is no reason to travel, nor is there anywhere to go alone.
        #expect(!spread([5, 1]).isOverloaded)
        #expect(spread([6, 1]).isOverloaded)
        #expect(!spread([100]).isOverloaded)
        // What already rests stays where a worker has but a few.
        #expect(spread([9, 1]).isOverloaded && !spread([9, 1]).isLopsided)
        #expect(spread([12, 4]).isLopsided)
        // Once it gives, it gives down to the mean.
        #expect(spread([101, 99, 100]).isAboveMean)
        #expect(!spread([100, 99, 101]).isAboveMean)
        #expect(!spread([101, 100, 99, 100]).isOverloaded)
    }

    @Test("However unevenly connections arrive, nobody ends above 1.3 times the mean", arguments: [2, 4, 8])
    func convergence(workers: Int) {
        let seed = UInt64.random(in: .min ... .max)
        var random = Dice(seed: seed)
        for _ in 0..<200 {
            var open = [Int](repeating: 0, count: workers)
            // From all connections at one worker to all at random.
            let favour = Int(random.next() % 100)
            for _ in 0..<200 {
                let chosen = random.next() % 100 < favour ? 0 : Int(random.next() % UInt64(workers))
                open[chosen] += 1
                if spread(open, of: chosen).isOverloaded { move(from: chosen, &open) }
            }
            #expect(Double(open.max() ?? 0) <= 1.3 * 200 / Double(workers), "seed \(seed): \(open)")
        }
    }

    @Test(
        "Workers that all look at the same moment, and know nothing of each other's giving, come to rest",
        arguments: [2, 4, 8])
    func rebalancing(workers: Int) {
        let seed = UInt64.random(in: .min ... .max)
        var random = Dice(seed: seed)
        for _ in 0..<500 {
            var open = (0..<workers).map { _ in Int(random.next() % 60) }
            var looks = 0
            while (0..<workers).contains(where: { spread(open, of: $0).isLopsided }), looks < 20 {
                let seen = open
                for giver in 0..<workers where spread(seen, of: giver).isLopsided {
                    var believed = seen
                    while spread(believed, of: giver).isAboveMean { move(from: giver, &believed) }
                    for worker in 0..<workers { open[worker] += believed[worker] - seen[worker] }
                }
                looks += 1
            }
            #expect(looks < 20, "seed \(seed): \(open)")
        }
    }

    private func spread(_ open: [Int], of worker: Int = 0) -> Spread {
        var spread = Spread(own: open[worker])
        for other in open.indices where other != worker { _ = spread.add(open[other]) }
        return spread
    }

    private func move(from giver: Int, _ open: inout [Int]) {
        let others = open.indices.filter { $0 != giver }
        guard let least = others.min(by: { open[$0] < open[$1] }) else { return }
        open[giver] -= 1
        open[least] += 1
    }
}
