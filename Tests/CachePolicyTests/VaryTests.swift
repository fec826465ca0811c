// RFC 9111 section 4.1: variants, their records and their keys; RFC 9110 section 12.5.3: codings.
import HTTPMessage
import Testing

@testable import CachePolicy

/// A Vary record as bytes, and what became of the current one.
func record(
    _ vary: [String], asked: CodingSet = [], chosen: ContentCoding = .identity, current: [UInt8]? = nil,
    isNew: Bool = true, freshUntil: UInt32 = 0, generation: UInt64 = 7, settings: PolicySettings = PolicySettings()
) -> (change: VaryRecord.Change, block: [UInt8])? {
    withResponse(vary.map { "Vary: \($0)" }) { _, bytes, table in
        var storage = [UInt8](repeating: 0, count: 2048)
        var span = storage.mutableSpan
        var target = unsafe span.mutableBytes
        let old = current ?? []
        let existing = VaryRecord(unsafe old.span.bytes)
        let result = VaryRecord.encode(
            responseBytes: bytes, responseFields: table, asked: asked, chosen: chosen, current: existing,
            isNewVariant: isNew, freshUntilSeconds: freshUntil, randomGeneration: generation, settings: settings,
            into: &target)
        return result.map { ($0.change, Array(storage[0..<$0.count])) }
    }
}

func variantKey(_ block: [UInt8], _ fields: [String]) -> String? {
    withRequest("GET /", fields) { _, bytes, table in
        guard let record = VaryRecord(unsafe block.span.bytes) else { return nil }
        return withBytes("base") { base in
            text { sink in
                let fits = record.writeKey(base: base, requestBytes: bytes, requestFields: table, into: &sink)
                #expect(fits)
            }
        }
    }
}

@Suite struct VaryTests {
    private func sameKey(_ vary: String, _ left: [String], _ right: [String]) -> Bool {
        guard let block = record([vary])?.block else { return false }
        return variantKey(block, left) == variantKey(block, right)
    }

    @Test("RFC 9111 section 4.1: the record names the fields, sorted, once, in lower case")
    func names() {
        guard let block = record(["Foo, bar", "BAR, , baz"])?.block else { return }
        #expect(variantKey(block, ["foo: 1", "Baz:"]) == "base\nv0000000000000007\nbar\nbaz:\nfoo:1")
        #expect(record(["Foo, bar"])?.block == record(["BAR", "foo"])?.block)
    }

    @Test("RFC 9111 section 4.1: a renewed Vary may name fewer fields than the record, and no other")
    func covered() {
        guard let block = record(["Foo, bar"])?.block, let known = VaryRecord(unsafe block.span.bytes) else { return }
        func isCovered(_ vary: [String]) -> Bool? {
            withResponse(vary.map { "Vary: \($0)" }) { _, bytes, table in known.covers(bytes: bytes, fields: table) }
        }
        for vary in [["foo"], ["BAR, Foo"], ["Foo", "bar,"], []] { #expect(isCovered(vary) == true) }
        for vary in [["foo, baz"], ["foo", "baz"], ["*"], ["fo"]] { #expect(isCovered(vary) == false) }
    }

    @Test("RFC 9111 section 4.1: what cannot be keyed is not stored")
    func refused() {
        #expect(record(["*"]) == nil)
        #expect(record(["Foo, *"]) == nil)
        for name in ["Foo Bar", "Foo;q=1", "\"*\"", "Foo:", "Foo/1", "F\u{e9}"] { #expect(record([name]) == nil) }
        #expect(record([(0..<17).map { "f\($0)" }.joined(separator: ", ")]) == nil)
        #expect(record([(0..<16).map { "f\($0)" }.joined(separator: ", ")]) != nil)
        #expect(record([String(repeating: "a", count: 64)]) == nil)
    }

    @Test("RFC 9111 section 4.1: absent is not empty, and values are told apart")
    func values() {
        #expect(!sameKey("Foo", ["Foo: 1"], ["Foo: 2"]))
        #expect(!sameKey("Foo", ["Foo:"], []))
        #expect(!sameKey("Foo", ["Foo: 1"], []))
        #expect(sameKey("Foo", ["Foo: 1", "Bar: 2"], ["foo: 1", "Bar: 3"]))
        #expect(!sameKey("Foo, Bar", ["Foo: 1"], ["Bar: 1"]))
        #expect(!sameKey("Foo", ["Foo: a"], ["Foo: A"]))
        #expect(!sameKey("Foo", ["Foo: 1, 2"], ["Foo: 2, 1"]))
    }

    @Test("RFC 9111 section 4.1: white space and combination do not count")
    func combination() {
        #expect(sameKey("Foo", ["Foo: 1,2"], ["Foo: 1 ,  2"]))
        #expect(sameKey("Foo", ["Foo: 1", "Foo: 2"], ["Foo: 1, 2"]))
        #expect(!sameKey("Foo", ["Foo: \"1,2\""], ["Foo: \"1, 2\""]))
        #expect(!sameKey("Cookie", ["Cookie: a=1, b"], ["Cookie: a=1,b"]))
        #expect(!sameKey("User-Agent", ["User-Agent: a, b"], ["User-Agent: a,b"]))
    }

    @Test("RFC 9110 section 12.5.4: order, case and white space of languages do not count; weights do")
    func languages() {
        let vary = "Accept-Language"
        #expect(sameKey(vary, ["Accept-Language: en, de"], ["Accept-Language: de, en"]))
        #expect(sameKey(vary, ["Accept-Language: en, de"], ["Accept-Language: eN,   De "]))
        #expect(sameKey(vary, ["Accept-Language: en;q=1.0, de"], ["Accept-Language: de, en"]))
        #expect(
            sameKey(vary, ["Accept-Language: en ; q=0.5, de"], ["Accept-Language: de", "Accept-Language: en;q=0.5"]))
        #expect(!sameKey(vary, ["Accept-Language: en;q=0.5, de"], ["Accept-Language: en, de"]))
        #expect(!sameKey(vary, ["Accept-Language: en"], ["Accept-Language: de"]))
        #expect(!sameKey(vary, ["Accept-Language: en-US"], ["Accept-Language: en"]))
    }

    @Test("RFC 9110 section 5.6.6: the values of media type parameters are told apart, whatever their case means")
    func mediaTypes() {
        func same(_ left: String, _ right: String) -> Bool {
            sameKey("Accept", ["Accept: \(left)"], ["Accept: \(right)"])
        }
        #expect(same("text/HTML ;Level=1;Q=0.5, a/b", "A/B;q=1.0 , text/html; level=1; q=0.5"))
        #expect(same("a/b;p=\"x, y\";q=1", "a/b; p=\"x, y\""))
        #expect(!same("a/b;p=One", "a/b;p=one"))
        #expect(!same("a/b;p=\"http://X/One\"", "a/b;p=\"http://x/one\""))
        #expect(!same("a/b;p=\"o n e\"", "a/b;p=\"one\""))
        #expect(!same("a/b;p=\"x\\\" Y\"", "a/b;p=\"x\\\"y\""))
        #expect(!same("a/b;p=\"x;q=1", "a/b;p=\"x"))
    }

    @Test("RFC 9110 section 12.5.3: codings by what the origin ever chooses")
    func codings() {
        guard let first = record(["Accept-Encoding"], asked: [.gzip, .br], chosen: .gzip)?.block else { return }
        // br was asked for and not chosen: it tells nobody apart.
        #expect(variantKey(first, ["Accept-Encoding: gzip"]) == variantKey(first, ["Accept-Encoding: br, gzip;q=0.5"]))
        #expect(
            variantKey(first, ["Accept-Encoding: gzip, deflate, zzz"]) == variantKey(first, ["Accept-Encoding: gzip"]))
        #expect(variantKey(first, []) == variantKey(first, ["Accept-Encoding: br"]))
        #expect(variantKey(first, []) == variantKey(first, ["Accept-Encoding: identity"]))
        #expect(variantKey(first, []) != variantKey(first, ["Accept-Encoding: gzip"]))
        #expect(variantKey(first, ["Accept-Encoding: zstd"]) != variantKey(first, []))
        // Then the origin does choose br: from now on it counts, and the generation stays.
        let second = record(["Accept-Encoding"], asked: [.br], chosen: .br, current: first, generation: 8)
        #expect(second?.change == .update)
        guard let block = second?.block else { return }
        #expect(variantKey(block, ["Accept-Encoding: br"]) != variantKey(block, []))
        #expect(variantKey(block, [])?.contains("v0000000000000007") == true)
    }

    @Test("RFC 9111 section 4.1: another set of fields is another generation")
    func generations() {
        guard let first = record(["Foo"])?.block else { return }
        #expect(record(["Foo"], current: first, isNew: false, generation: 9)?.change == .keep)
        #expect(record(["Foo"], current: first, isNew: true, generation: 9)?.change == .update)
        let other = record(["Foo, Bar"], current: first, generation: 9)
        #expect(other?.change == .replace)
        #expect(variantKey(other?.block ?? [], [])?.contains("v0000000000000009") == true)
    }

    @Test("RFC 9111 section 4.1: answers that disagree about Vary come to one list, and stay there")
    func alternating() {
        guard let first = record(["Foo"])?.block,
            let both = record(["Origin, foo"], current: first, generation: 8), both.change == .replace
        else {
            Issue.record("no record")
            return
        }
        for vary in [["Foo"], ["ORIGIN"], ["origin, FOO"], ["Foo", "Origin"]] {
            let next = record(vary, current: both.block, isNew: false, generation: 9)
            #expect(next?.change == .keep && next?.block == both.block)
        }
        let third = record(["Bar"], current: both.block, generation: 9)
        #expect(third?.change == .replace)
        #expect(
            variantKey(third?.block ?? [], ["foo: 1", "bar: 2", "origin: 3"])
                == "base\nv0000000000000009\nbar:2\nfoo:1\norigin:3")
    }

    @Test("RFC 9111 section 4.1: sixteen names together, or those of the answer alone")
    func union() {
        func list(_ range: Range<Int>) -> [String] { range.map { "f\($0 + 10)" } }
        func names(_ found: (change: VaryRecord.Change, block: [UInt8])?) -> Int? {
            let block = found?.block ?? []
            return VaryRecord(unsafe block.span.bytes)?.fieldCount
        }
        guard let ten = record(list(0..<10))?.block else { return }
        #expect(names(record(list(5..<16), current: ten)) == 16)
        #expect(names(record(list(5..<17), current: ten)) == 12)
        #expect(names(record(list(0..<16), current: ten)) == 16)
        #expect(names(record(list(10..<16), current: ten)) == 16)
        #expect(names(record(list(10..<17), current: ten)) == 7)
    }

    @Test("A record that is full starts anew with the names of the answer")
    func fullRecord() {
        var settings = PolicySettings()
        settings.maximumVariants = 1
        guard let both = record(["Foo, Cookie"], settings: settings)?.block else { return }
        let next = record(["Foo"], current: both, generation: 8, settings: settings)
        #expect(next?.change == .replace)
        #expect(variantKey(next?.block ?? [], ["cookie: 1"]) == "base\nv0000000000000008\nfoo")
    }

    @Test("RFC 9110 section 12.5.3: an answer that does not name Accept-Encoding says nothing of the codings")
    func codingsUnnamed() {
        guard let first = record(["Accept-Encoding, Foo"], asked: [.gzip], chosen: .gzip)?.block else { return }
        let next = record(["Foo"], asked: [.gzip, .br], current: first, isNew: false)
        #expect(next?.change == .keep)
        #expect(next?.block == first)
    }

    @Test("A record tells until when the last of the varying answers is fresh")
    func freshness() {
        func isOutlived(_ block: [UInt8]?, at second: Int64) -> Bool? {
            let block = block ?? []
            return VaryRecord(unsafe block.span.bytes)?.isOutlived(now: second * 1000)
        }
        guard let first = record(["Foo"], freshUntil: 100)?.block else { return }
        #expect(isOutlived(first, at: 99) == false && isOutlived(first, at: 100) == true)
        #expect(record(["Foo"], current: first, isNew: false, freshUntil: 90)?.change == .keep)
        let longer = record(["Foo"], current: first, isNew: false, freshUntil: 200)
        #expect(longer?.change == .extend)
        #expect(isOutlived(longer?.block, at: 199) == false && isOutlived(longer?.block, at: 200) == true)
        #expect(isOutlived(Array(first.dropLast(4)), at: 1) == true)
        var storage = [UInt8](repeating: 0xAA, count: 2048)
        var span = storage.mutableSpan
        var target = unsafe span.mutableBytes
        let record = VaryRecord(unsafe first.span.bytes)
        let same = record?.encodeExtended(until: 100, into: &target)
        #expect(same == nil)
        let count = record?.encodeExtended(until: 200, into: &target) ?? 0
        #expect(Array(storage[0..<count]) == longer?.block)
    }

    @Test("Too many variants start over")
    func cap() {
        var settings = PolicySettings()
        settings.maximumVariants = 3
        var block = record(["Foo"], settings: settings)?.block ?? []
        for _ in 0..<2 {
            let next = record(["Foo"], current: block, generation: 8, settings: settings)
            #expect(next?.change == .update)
            block = next?.block ?? []
        }
        #expect(record(["Foo"], current: block, generation: 8, settings: settings)?.change == .replace)
        #expect(record(["Foo"], current: block, isNew: false, generation: 8, settings: settings)?.change == .keep)
    }

    @Test("Damaged records are none")
    func damaged() {
        guard let block = record(["Foo, Bar"])?.block else { return }
        // Those of releases before say nothing of freshness.
        for length in 0..<block.count - 4 {
            let cut = Array(block[0..<length])
            let isNone = VaryRecord(unsafe cut.span.bytes) == nil
            #expect(isNone)
        }
    }

    @Test(
        "RFC 9110 section 12.5.3: Accept-Encoding",
        arguments: [
            ("gzip", [.gzip]), ("GZIP, x-foo", [.gzip]), ("x-gzip", [.gzip]), ("gzip;q=0", []), ("gzip;q=0.000", []),
            ("gzip; q=0.001", [.gzip]), ("gzip;q=2", []), ("gzip;q=", []),
            ("br, zstd;q=0.5, gzip;q=0.1", [.br, .zstd, .gzip]),
            ("*", [.gzip, .br, .zstd]), ("*, gzip;q=0", [.br, .zstd]),
            ("identity;q=0, gzip", [.gzip, .refusesIdentity]),
            ("gzip, *;q=0", [.gzip, .refusesIdentity]), ("identity, *;q=0", []), ("", []), ("deflate", []),
        ] as [(String, CodingSet)])
    func acceptEncoding(value: String, expected: CodingSet) {
        let found = withRequest("GET /", ["Accept-Encoding: \(value)"]) { CodingSet(accepting: $2, bytes: $1) }
        #expect(found == expected)
    }

    @Test("The canonical Accept-Encoding reads back as itself")
    func canonical() {
        for raw in 0..<16 as Range<UInt8> {
            let set = CodingSet(rawValue: raw)
            let value = text { set.writeValue(into: &$0) }
            let read = withRequest("GET /", ["Accept-Encoding: \(value)"]) { CodingSet(accepting: $2, bytes: $1) }
            #expect(read == set)
        }
    }
}
