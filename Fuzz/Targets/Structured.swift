// Structured fields as dictionary, list and item: every walk ends, and everything found is inside the field.
import HTTPMessage

private func visit(_ bytes: [UInt8], _ value: StructuredValue) {
    check(value.text.upper <= bytes.count && value.parameters.upper <= bytes.count, "a value is outside")
    var parameters = StructuredParameterWalker(value.parameters)
    var step = parameters.next(in: bytes.raw)
    while case .member(let key, let inner) = step {
        check(!key.isEmpty && inner.text.upper <= value.parameters.upper, "a parameter is outside")
        step = parameters.next(in: bytes.raw)
    }
    check(step == .end, "parameters that were walked over are malformed")
    guard value.type == .innerList else { return }
    var members = StructuredItemWalker(innerList: value.text)
    step = members.next(in: bytes.raw)
    while case .member(_, let inner) = step {
        check(inner.type != .innerList, "an inner list in an inner list")
        visit(bytes, inner)
        step = members.next(in: bytes.raw)
    }
    check(step == .end, "an inner list that was walked over is malformed")
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(data, count)
    let extent = Extent(start: 0, end: bytes.count)
    var dictionary = StructuredDictionaryWalker(extent)
    while case .member(_, let value) = dictionary.next(in: bytes.raw) { visit(bytes, value) }
    var list = StructuredListWalker(extent)
    while case .member(_, let value) = list.next(in: bytes.raw) { visit(bytes, value) }
    if let value = StructuredItem.parse(bytes.raw, extent) { visit(bytes, value) }
    return 0
}
