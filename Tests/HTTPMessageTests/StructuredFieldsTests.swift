// Structured fields (RFC 9651): each type, nesting, and what makes a field malformed.
import HTTPMessage
import Testing

/// The whole walk as text, nil if malformed.
private func dictionary(_ text: String) -> [String]? {
    let bytes = Array(text.utf8)
    var walker = StructuredDictionaryWalker(whole(bytes))
    var found: [String] = []
    while true {
        switch walker.next(in: bytes.raw) {
        case .member(let key, let value): found.append(HTTPMessageTests.text(bytes, key) + "=" + describe(bytes, value))
        case .end: return found
        case .malformed: return nil
        }
    }
}

private func list(_ text: String) -> [String]? {
    let bytes = Array(text.utf8)
    var walker = StructuredListWalker(whole(bytes))
    var found: [String] = []
    while true {
        switch walker.next(in: bytes.raw) {
        case .member(_, let value): found.append(describe(bytes, value))
        case .end: return found
        case .malformed: return nil
        }
    }
}

private func describe(_ bytes: [UInt8], _ value: StructuredValue) -> String {
    var result = "\(value.type):"
    switch value.type {
    case .integer, .decimal, .boolean, .date: result += "\(value.number)"
    case .innerList:
        var walker = StructuredItemWalker(innerList: value.text)
        while case .member(_, let member) = walker.next(in: bytes.raw) { result += "<" + describe(bytes, member) + ">" }
    default: result += text(bytes, value.text)
    }
    var parameters = StructuredParameterWalker(value.parameters)
    while case .member(let key, let parameter) = parameters.next(in: bytes.raw) {
        result += ";" + text(bytes, key) + "=" + describe(bytes, parameter)
    }
    return result
}

@Suite struct StructuredFieldsTests {
    @Test func dictionaries() {
        #expect(
            dictionary("max-age=60, must-revalidate, x=?0;a=1") == [
                "max-age=integer:60", "must-revalidate=boolean:1", "x=boolean:0;a=integer:1",
            ])
        #expect(dictionary("") == [] && dictionary("  a \t,\t b ") == ["a=boolean:1", "b=boolean:1"])
        #expect(
            dictionary("a=(1 \"x\";p tok);q=2") == [
                "a=innerList:<integer:1><string:x;p=boolean:1><token:tok>;q=integer:2"
            ])
        for wrong in [
            "A=1", "a=", "a,", ",a", "a=1,,b", "a =1", "a= 1", "1=a", "a=1 b=2", "a=(1", "a=(1,2)", "a=\"x", "a=&",
            "a;B", "a=1;", "a=1\u{0}",
        ] {
            #expect(dictionary(wrong) == nil, "\(wrong)")
        }
    }

    @Test func items() {
        #expect(
            list("1, -2, 3.5, -0.001, 999999999999999") == [
                "integer:1", "integer:-2", "decimal:3500", "decimal:-1", "integer:999999999999999",
            ])
        #expect(
            list("tok/en:x, *a, \"a \\\" b\", :aGk=:, ?1, @-5, %\"f%c3%bc\"") == [
                "token:tok/en:x", "token:*a", "string:a \\\" b", "byteSequence:aGk=", "boolean:1", "date:-5",
                "displayString:f%c3%bc",
            ])
        #expect(list("(), ( 1  2 )") == ["innerList:", "innerList:<integer:1><integer:2>"])
        for wrong in [
            "-", "1000000000000000", "1.", "1.2345", "1234567890123.1", "--1", "\"a\\b\"", "\"\u{7f}\"", ":a b:", ":a",
            ":a===:", ":=a:", "?2", "?",
            "@1.5", "@", "%x", "%\"%C3\"", "%\"%ff\"", "%\"%c3\"", "(1 2", "(1\t2)", "()x", "a b", ".5", "\u{e9}",
        ] { #expect(list(wrong) == nil, "\(wrong)") }
        let bytes = Array("  5;a  ".utf8)
        #expect(StructuredItem.parse(bytes.raw, whole(bytes))?.number == 5)
        let two = Array("5, 6".utf8)
        #expect(StructuredItem.parse(two.raw, whole(two)) == nil)
    }
}
