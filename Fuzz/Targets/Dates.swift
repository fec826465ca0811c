// HTTP dates: what is parsed, written and parsed again is the same moment.
import HTTPMessage

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(data, count)
    for now: Int64 in [0, 1_700_000_000, -100_000_000_000, 200_000_000_000] {
        guard let moment = HTTPDate.parse(bytes.raw, now: now) else { continue }
        var buffer = [UInt8](repeating: 0, count: 29)
        var storage = buffer.mutableSpan
        var sink = unsafe ByteSink(storage.mutableBytes)
        HTTPDate.write(moment, into: &sink)
        check(sink.count == 29 && !sink.overflowed, "\(sink.count) bytes for \(moment)")
        let again = HTTPDate.parse(buffer.raw, now: now)
        // Beyond years 1 to 9999 (asctime's year 0, a leap second at the very end) the nearest moment is written.
        if moment >= -62_135_596_800, moment <= 253_402_300_799 {
            check(again == moment, "\(moment) became \(again ?? 0)")
        }
    }
    _ = Numbers.decimal(bytes.raw)
    if let seconds = Numbers.deltaSeconds(bytes.raw) { check(seconds <= 1 << 31, "\(seconds) seconds") }
    return 0
}
