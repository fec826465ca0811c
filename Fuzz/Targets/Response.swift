// Response heads: whole and cut anywhere they come to the same, and everything found is inside the bytes.
import HTTPMessage

private func parse(
    _ bytes: [UInt8], cuts: [Int], _ method: HTTPMessage.Method, ending: [UInt8]? = nil
) -> (ResponseProgress, ResponseHead, [FieldEntry]) {
    var parser = ResponseParser()
    parser.reset(requestMethod: method)
    var table = FieldTable(capacity: 128)
    var progress = ResponseProgress.needMore
    for cut in cuts {
        progress = parser.parse(bytes.raw.extracting(0..<cut), into: &table)
        guard progress == .needMore else { break }
    }
    // What was refused whole may in pieces wait for the end of the line.
    if let ending, progress == .needMore {
        let more = bytes + ending
        progress = parser.parse(more.raw, into: &table)
    }
    return (progress, parser.head, (0..<table.count).map { table[$0] })
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(data, count)
    let method: HTTPMessage.Method = bytes.count % 3 == 0 ? .head : .get
    let (progress, head, fields) = parse(bytes, cuts: [bytes.count], method)
    let cut = bytes.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % (bytes.count + 1)
    let (pieced, _, _) = parse(bytes, cuts: [cut / 2, cut, bytes.count], method)
    switch progress {
    case .complete(let length):
        check(pieced == progress, "cut at \(cut): \(pieced), whole: \(progress)")
        check(length <= bytes.count && head.reason.upper <= length, "head of \(length) bytes")
        check(fields.allSatisfy { $0.name.upper <= $0.value.lower && $0.value.upper <= length }, "a field is outside")
        check(head.status >= 100 && head.status <= 999, "status \(head.status)")
        if head.status == 304 || head.status == 204 || method == .head { check(head.framing == .none, "a body") }
    case .rejected:
        if case .rejected = pieced { break }
        let (ended, _, _) = parse(bytes, cuts: [cut / 2, cut, bytes.count], method, ending: [13, 10, 13, 10])
        if case .rejected = ended { break }
        fatalError("whole: \(progress), cut at \(cut): \(pieced), ended: \(ended)")
    case .needMore:
        check(pieced == .needMore, "whole: \(progress), cut at \(cut): \(pieced)")
    }
    return 0
}
