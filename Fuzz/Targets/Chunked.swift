// Chunked bodies: the same data and outcome however the bytes are cut; trailers are inside the bytes.
import HTTPMessage

private func decode(_ bytes: [UInt8], piece: Int) -> (body: [UInt8], outcome: String) {
    var limits = MessageLimits()
    limits.trailerCount = 8
    var decoder = ChunkedDecoder(limits: limits)
    var trailers = FieldTable(capacity: limits.trailerCount)
    var body: [UInt8] = []
    var start = 0
    var end = min(piece, bytes.count)
    while true {
        let window = bytes.raw.extracting(start..<end)
        var position = 0
        stepping: while true {
            let before = position
            switch decoder.next(window, &position, trailers: &trailers) {
            case .data(let extent):
                check(extent.count > 0 && extent.lower >= before && extent.upper == position, "data at \(extent)")
                body += bytes[start + extent.lower..<start + extent.upper]
            case .needMore: break stepping
            case .rejected: return (body, "rejected")
            case .end:
                for index in 0..<trailers.count {
                    check(trailers[index].value.upper <= position, "a trailer is outside")
                }
                return (body, "end at \(start + position) with \(trailers.count)")
            }
        }
        start += position
        guard end < bytes.count else { return (body, "more") }
        end = min(end + piece, bytes.count)
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(data, count)
    let whole = decode(bytes, piece: Int.max)
    for piece in [1, 3, 17] {
        let pieced = decode(bytes, piece: piece)
        check(
            pieced.outcome == whole.outcome && pieced.body == whole.body,
            "by \(piece): \(pieced.outcome), whole: \(whole.outcome)")
    }
    return 0
}
