// Range, Content-Range, entity tags, lists and Cache-Control: everything found is inside the value and inside the body.
import HTTPMessage

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(data, count)
    let extent = Extent(start: 0, end: bytes.count)
    if let set = RangeSet.parse(bytes.raw, extent) {
        check(set.count > 0 && set.count <= RangeSet.maximum, "\(set.count) ranges")
        for index in 0..<set.count {
            for length: UInt64 in [0, 1, 1000, UInt64(Int64.max)] {
                guard let range = set.specifications[index].resolved(length: length) else { continue }
                check(range.first <= range.last && range.last < length, "\(range) of \(length)")
            }
        }
    }
    if case .bytes(let range, let length) = ContentRange.parse(bytes.raw, extent) {
        check(range.first <= range.last && range.last < length ?? .max, "\(range)")
    }
    let half = Extent(start: 0, end: bytes.count / 2)
    let rest = bytes.raw.extracting(bytes.count / 2..<bytes.count)
    let weak = EntityTagList.match(bytes.raw, half, tag: rest, weakly: true)
    let strong = EntityTagList.match(bytes.raw, half, tag: rest, weakly: false)
    check(strong != .match || weak == .match, "strong without weak")
    var list = ListWalker(extent)
    var end = 0
    while let element = list.next(in: bytes.raw) {
        check(element.lower >= end && !element.isEmpty && element.upper <= bytes.count, "element at \(element)")
        end = element.upper
    }
    var directives = DirectiveWalker(extent)
    while let directive = directives.next(in: bytes.raw) {
        // What begins with no token has no name, and is malformed.
        check(!directive.name.isEmpty || directive.kind == .malformed, "directive without a name: \(directive)")
        check(directive.argument.upper <= bytes.count, "directive at \(directive)")
    }
    return 0
}
