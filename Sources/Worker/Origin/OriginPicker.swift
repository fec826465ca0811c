// Which of a site's origins gets a request: a pure function of their weights, loads and health, a key and chance.

internal import ControlChannel
internal import Glibc

/// One origin as the picker sees it.
struct OriginStanding {
    var weight: UInt32
    /// Requests under way.
    var load: UInt32
    var isUp: Bool
    /// This request has failed there already.
    var isTried: Bool
}

enum OriginPicker {
    /// The index of the origin to ask, below `count`. Origins that are down or were tried are taken only when there is
    /// no other: a wrong guess about health must not turn a slow site into a dead one.
    static func pick(
        _ count: Int, _ balance: Balance, key: UInt64, _ random: inout RandomNumbers,
        standing: (Int) -> OriginStanding
    ) -> Int {
        guard count > 1 else { return 0 }
        for leniency in 0..<3 {
            let isCandidate = { (index: Int) -> Bool in
                let one = standing(index)
                return one.weight > 0 && (leniency > 0 || one.isUp) && (leniency > 1 || !one.isTried)
            }
            let found =
                balance == .consistentHash
                ? byKey(count, key, isCandidate, standing) : byLoad(count, &random, isCandidate, standing)
            if let found { return found }
        }
        return 0
    }

    /// Rendezvous hashing (Thaler and Ravishankar 1998) with weights: every origin draws a number from the key, the
    /// best draw wins. When one goes away only its own keys move.
    private static func byKey(
        _ count: Int, _ key: UInt64, _ isCandidate: (Int) -> Bool, _ standing: (Int) -> OriginStanding
    ) -> Int? {
        var best: (index: Int, score: Double)?
        for index in 0..<count where isCandidate(index) {
            let draw = Double(mix(key ^ (UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15)) >> 11) + 0.5
            let score = -log(draw / 0x20_0000_0000_0000) / Double(standing(index).weight)
            if best.map({ score < $0.score }) ?? true { best = (index, score) }
        }
        return best?.index
    }

    /// The finaliser of MurmurHash3: every bit of the input moves every bit of the output.
    private static func mix(_ value: UInt64) -> UInt64 {
        var h = value
        h = (h ^ h >> 33) &* 0xFF51_AFD7_ED55_8CCD
        h = (h ^ h >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return h ^ h >> 33
    }

    /// Power of two choices (Mitzenmacher 2001): two by weight, then the one with less to do for its weight.
    private static func byLoad(
        _ count: Int, _ random: inout RandomNumbers, _ isCandidate: (Int) -> Bool, _ standing: (Int) -> OriginStanding
    ) -> Int? {
        guard let first = draw(count, &random, isCandidate, standing) else { return nil }
        guard let second = draw(count, &random, { $0 != first && isCandidate($0) }, standing) else { return first }
        let a = standing(first)
        let b = standing(second)
        return UInt64(b.load) * UInt64(a.weight) < UInt64(a.load) * UInt64(b.weight) ? second : first
    }

    /// One candidate, by weight.
    private static func draw(
        _ count: Int, _ random: inout RandomNumbers, _ isCandidate: (Int) -> Bool, _ standing: (Int) -> OriginStanding
    ) -> Int? {
        var total: UInt64 = 0
        for index in 0..<count where isCandidate(index) { total += UInt64(standing(index).weight) }
        guard total > 0 else { return nil }
        var left = (random.next() >> 11) % total
        for index in 0..<count where isCandidate(index) {
            let weight = UInt64(standing(index).weight)
            if left < weight { return index }
            left -= weight
        }
        return nil
    }
}
