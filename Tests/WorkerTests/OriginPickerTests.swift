// Which origin gets a request: by weight and load, by key, and around those that are down or were tried.

import ControlChannel
import Testing

@testable import Worker

private func standings(_ weights: [UInt32], load: [UInt32]? = nil) -> [OriginStanding] {
    weights.indices.map {
        OriginStanding(weight: weights[$0], load: load?[$0] ?? 0, isUp: true, isTried: false)
    }
}

private func shares(
    _ standings: [OriginStanding], _ balance: Balance, keys: Range<UInt64> = 0..<20_000
) -> [Int] {
    var random = RandomNumbers()
    var counts = Array(repeating: 0, count: standings.count)
    for key in keys {
        counts[OriginPicker.pick(standings.count, balance, key: key, &random, standing: { standings[$0] })] += 1
    }
    return counts
}

struct OriginPickerTests {
    @Test(arguments: [Balance.powerOfTwo, .consistentHash])
    func aLoneOriginGetsEverything(_ balance: Balance) {
        #expect(shares(standings([1]), balance, keys: 0..<10) == [10])
    }

    @Test func theLessBusyOfTwoIsTaken() {
        #expect(shares(standings([1, 1], load: [5, 4]), .powerOfTwo) == [0, 20_000])
        // Half the load for a third of the weight is more to do.
        #expect(shares(standings([3, 1], load: [8, 4]), .powerOfTwo) == [20_000, 0])
    }

    @Test func theBusiestOfManyIsNeverTaken() {
        let counts = shares(standings([1, 1, 1, 1], load: [0, 9, 0, 0]), .powerOfTwo)
        #expect(counts[1] == 0)
        #expect(counts.filter { $0 > 4_000 }.count == 3)
    }

    @Test func keysAreSharedByWeight() {
        let counts = shares(standings([1, 2, 1]), .consistentHash)
        #expect(abs(counts[0] - 5_000) < 400 && abs(counts[1] - 10_000) < 500 && abs(counts[2] - 5_000) < 400)
    }

    @Test func onlyTheKeysOfTheOneThatWentMove() {
        var random = RandomNumbers()
        let all = standings([1, 1, 1, 1])
        var without = all
        without[2].isUp = false
        for key in UInt64(0)..<5_000 {
            let before = OriginPicker.pick(4, .consistentHash, key: key, &random, standing: { all[$0] })
            let after = OriginPicker.pick(4, .consistentHash, key: key, &random, standing: { without[$0] })
            #expect(before == 2 ? after != 2 : after == before)
        }
    }

    @Test(arguments: [Balance.powerOfTwo, .consistentHash])
    func downAndTriedAreTheLastResort(_ balance: Balance) {
        var all = standings([1, 1, 1])
        all[0].isUp = false
        all[1].isTried = true
        #expect(shares(all, balance, keys: 0..<500) == [0, 0, 500])
        all[2].isTried = true
        #expect(shares(all, balance, keys: 0..<500) == [500, 0, 0])
        all[0].isTried = true
        #expect(shares(all, balance, keys: 0..<500).reduce(0, +) == 500)
    }
}
