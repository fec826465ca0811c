// Requests at random: mostly right ones, put together from parts that are right, nearly right or known from attacks,
// and then some bytes changed. Every stream follows from the seed and its number.

/// A small generator of random numbers.
struct Dice: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64, stream: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 ^ stream &* 0xD134_2543_DE82_EF95 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// True once in `times`.
    mutating func once(in times: Int) -> Bool { next() % UInt64(times) == 0 }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[Int(next() % UInt64(choices.count))] }
}

struct Generator {
    private let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"]
    private let oddMethods = [
        "TRACE", "get", "FOO", "G E T", "GE\tT", "", "GET ", "P\u{1}T", "M-SEARCH", "QUERY", "A B",
    ]
    private let targets = [
        "/", "/a", "/a/b?c=d", "/%41?x", "http://a.example/", "http://a.example:80/x?y", "/a;b=c", "/?",
    ]
    private let oddTargets = [
        "*", "a", "/a b", "/\u{7f}", "/a#b", "/\"x", "/<x>", "/a\\b", "/%zz", "/%00", "http://b.example/",
        "http://u@a.example/",
        "ftp://a/", "//a", "http:///", "a.example:80", "/\u{1}", "", "/\t", "/[x]{y}|z^`", "?x", "http://[::1]/", "/%",
    ]
    private let versions = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]
    private let oddVersions = [
        "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/1", "http/1.1", "HTTP/1.10", "HTTP/1.1 ", "HTTP/11.1", "HTTP/ 1.1",
        "", "HTTP/1.x",
    ]
    private let hosts = ["Host: a.example", "host: a.example:80", "Host:a.example", "HOST: \ta.example "]
    private let oddHosts = [
        "Host: ", "Host: a b", "Host: a/b", "Host: u@a", "Host : a", "Host: a,b", "Host: [::1]", "Host: a:x",
        "Host: a:99999", "Host: b.example",
        "X-Host: a", "Host: a\u{1}",
    ]
    private let fields = [
        "Accept: */*", "User-Agent: x/1", "Cookie: a=b; c=d", "X-Empty:", "Connection: keep-alive", "Connection: close",
        "Connection: x, y",
        "Accept-Encoding: gzip, br", "If-None-Match: \"x\"", "Range: bytes=0-1", "TE: trailers", "X: a\tb",
        "Keep-Alive: 5", "Cache-Control: no-cache",
    ]
    private let oddFields = [
        "X : y", "NoColon", ": x", " folded", "\tfolded", "X: a\u{0}b", "X: a\u{1}b", "X(Y): z", "X Y: z", "X: a\u{7f}",
        "Expect: 100-continue",
        "Expect: x", "Content_Length: 3", "Transfer_Encoding: chunked", "Connection: Close, x", "Connection: clos",
        "Proxy-Connection: close",
        "X: \u{80}", "X\u{80}: y", "Content-Length: 0", "Transfer-Encoding: chunked",
    ]
    private let lengths = [
        "+5", "-5", "0x5", "5 5", "5,5", "5, 5", "5a", "", "05", "5.0", "99999999999999999999", "18446744073709551621",
    ]
    private let codings = [
        "xchunked", "chunked, chunked", "identity", "gzip, chunked", "chunked, gzip", "", "chunked;x", "\"chunked\"",
        ",chunked", "Chunked", "chunked,",
        "chunked\u{b}",
    ]
    private let sizes = ["+", "0x", " ", "-", "_", "10000000000000000"]
    private let extensions = [";a", ";a=b", ";a=\"b;\"", " ", ";", ";a b", "; a = b", ";=b", ";a\u{1}", ";\u{80}"]
    private let junk: [UInt8] = [
        0, 1, 9, 10, 13, 32, 34, 35, 44, 45, 47, 48, 53, 58, 59, 61, 65, 92, 95, 127, 128, 255,
    ]

    /// One to three requests, and changes to their bytes in every third stream.
    func stream(_ dice: inout Dice) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<(dice.once(in: 4) ? 3 : 1) { bytes += request(&dice) }
        return changed(bytes, &dice)
    }

    /// Some bytes changed in every third stream.
    func changed(_ original: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var bytes = original
        guard dice.once(in: 3) else { return bytes }
        for _ in 0...Int(dice.next() % 3) where !bytes.isEmpty {
            let at = Int(dice.next() % UInt64(bytes.count))
            switch dice.next() % 4 {
            case 0: bytes[at] = dice.pick(junk)
            case 1: bytes.insert(dice.pick(junk), at: at)
            case 2: bytes.remove(at: at)
            default: bytes.removeSubrange(at..<min(at + 3, bytes.count))
            }
        }
        return bytes
    }

    func latin(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

    func lineEnd(_ dice: inout Dice) -> [UInt8] {
        dice.once(in: 200) ? dice.pick([[10], [13], [13, 13, 10], [10, 13]]) : [13, 10]
    }

    private func request(_ dice: inout Dice) -> [UInt8] {
        var out: [UInt8] = dice.once(in: 50) ? [13, 10] : []
        let isOdd = dice.once(in: 4)
        func odd(_ dice: inout Dice) -> Bool { isOdd && dice.once(in: 4) }
        out += latin(odd(&dice) ? dice.pick(oddMethods) : dice.pick(methods)) + [32]
        out += latin(odd(&dice) ? dice.pick(oddTargets) : dice.pick(targets)) + [32]
        out += latin(odd(&dice) ? dice.pick(oddVersions) : dice.pick(versions)) + lineEnd(&dice)
        if !odd(&dice) || dice.once(in: 2) { out += latin(dice.pick(hosts)) + lineEnd(&dice) }
        if odd(&dice) { out += latin(dice.pick(oddHosts)) + lineEnd(&dice) }
        for _ in 0..<dice.next() % 4 { out += latin(dice.pick(fields)) + lineEnd(&dice) }
        if odd(&dice) { out += latin(dice.pick(oddFields)) + lineEnd(&dice) }
        let body = (0..<dice.next() % 12).map { _ in dice.once(in: 8) ? dice.pick(junk) : UInt8(97 + dice.next() % 26) }
        switch dice.next() % 3 {
        case 0: out += lineEnd(&dice)
        case 1:
            let length = odd(&dice) ? dice.pick(lengths) : "\(body.count)"
            out += latin("Content-Length: \(length)") + lineEnd(&dice)
            if odd(&dice) { out += latin("Content-Length: \(dice.pick([length, "5"]))") + lineEnd(&dice) }
            out += lineEnd(&dice) + body
        default:
            out +=
                latin("Transfer-Encoding: \(odd(&dice) ? dice.pick(codings) : "chunked")") + lineEnd(&dice)
                + lineEnd(&dice)
            out += chunked(body, isOdd, &dice)
        }
        return out
    }

    func chunked(_ body: [UInt8], _ isOdd: Bool, _ dice: inout Dice) -> [UInt8] {
        var out: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int(1 + dice.next() % 5))
            rest = rest.dropFirst(piece.count)
            if isOdd, dice.once(in: 8) { out += latin(dice.pick(sizes)) }
            out += latin(String(piece.count, radix: 16, uppercase: dice.once(in: 2)))
            if dice.once(in: isOdd ? 2 : 8) { out += latin(isOdd ? dice.pick(extensions) : ";a=b") }
            out += lineEnd(&dice) + piece + lineEnd(&dice)
        }
        out += latin("0") + lineEnd(&dice)
        if dice.once(in: 6) {
            out += latin(dice.pick(isOdd ? oddFields + ["Host: b"] : ["X-Trailer: y"])) + lineEnd(&dice)
        }
        return out + lineEnd(&dice)
    }
}
