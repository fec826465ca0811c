// Request heads: whole and cut anywhere they come to the same; what is accepted is inside the bytes and, written anew,
// is accepted again with the same meaning.
import HTTPMessage

private func parse(_ bytes: [UInt8], cuts: [Int], ending: [UInt8]? = nil, capacity: Int = 128) -> (
    RequestProgress, RequestHead, [FieldEntry]
) {
    var limits = MessageLimits()
    limits.fieldCount = capacity
    var parser = RequestParser(limits: limits)
    var table = FieldTable(capacity: capacity)
    var progress = RequestProgress.needMore
    for cut in cuts {
        progress = parser.parse(bytes.raw.extracting(0..<cut), into: &table)
        guard progress == .needMore || progress == .routable else { break }
    }
    // What was refused whole may in pieces wait for the end of the line.
    if let ending, progress == .needMore || progress == .routable {
        let more = bytes + ending
        progress = parser.parse(more.raw, into: &table)
    }
    return (progress, parser.head, (0..<table.count).map { table[$0] })
}

/// The request as the node would write it.
private func rewritten(_ bytes: [UInt8], _ head: RequestHead, _ fields: [FieldEntry]) -> [UInt8] {
    var out = Array(bytes[head.methodText.range]) + [0x20] + Array(bytes[head.target.range])
    out += Array(" HTTP/1.1\r\nHost: ".utf8) + (head.authority.isEmpty ? [0x61] : Array(bytes[head.authority.range]))
    out += [13, 10]
    for field in fields where !field.isDropped {
        out += Array(bytes[field.name.range]) + [0x3A, 0x20] + Array(bytes[field.value.range]) + [13, 10]
    }
    switch head.framing {
    case .length(let count): out += Array("Content-Length: \(count)\r\n".utf8)
    case .chunked: out += Array("Transfer-Encoding: chunked\r\n".utf8)
    case .none, .untilClose: break
    }
    return out + [13, 10]
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(data, count)
    let (progress, head, fields) = parse(bytes, cuts: [bytes.count])
    let cut = bytes.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % (bytes.count + 1)
    let (pieced, _, _) = parse(bytes, cuts: [cut / 2, cut, bytes.count])
    switch progress {
    case .complete(let length):
        check(pieced == progress, "cut at \(cut): \(pieced), whole: \(progress)")
        check(length <= bytes.count && head.length == length, "head of \(length) bytes")
        check(fields.allSatisfy { $0.name.upper <= $0.value.lower && $0.value.upper <= length }, "a field is outside")
        let again = rewritten(bytes, head, fields)
        let (second, secondHead, _) = parse(again, cuts: [again.count], capacity: 256)
        if head.authority.isEmpty && head.form == .absolute { break }
        check(second == .complete(headLength: again.count), "written anew: \(second)")
        check(
            secondHead.framing == head.framing && secondHead.method == head.method,
            "written anew, it means another thing")
    case .rejected:
        if case .rejected = pieced { break }
        let (ended, _, _) = parse(bytes, cuts: [cut / 2, cut, bytes.count], ending: [13, 10, 13, 10])
        if case .rejected = ended { break }
        fatalError("whole: \(progress), cut at \(cut): \(pieced), ended: \(ended)")
    case .needMore, .routable:
        check(pieced == .needMore || pieced == .routable, "whole: \(progress), cut at \(cut): \(pieced)")
    }
    return 0
}
